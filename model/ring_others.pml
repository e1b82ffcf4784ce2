/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_others.pml - any number of further readers.  Part of ring.pml.
 */

/*
 * All that a reader does to others is give_up().  A swap that succeeds has the
 * word that the reader had seen, for words never come back: so it may as well
 * see it now.  Whether the owner was dead it may have asked before.
 */
#define pending(p)							\
	(OTHERS && (p) < tail && (word_lap(word[SLOT(p)]) < LAP(p) ||	\
	(word_lap(word[SLOT(p)]) == LAP(p) &&				\
	word_state(word[SLOT(p)]) == WRITING)))
#define OTHERS_GIVE_UP(p)						\
	:: atomic { pending(p) ->					\
		if							\
		:: held(word[SLOT(p)]) ->				\
			put_word(p, WORD(p, ABANDONED,			\
			    word_owner(word[SLOT(p)])))			\
		:: !held(word[SLOT(p)]) ||				\
		    env_dead(word_owner(word[SLOT(p)])) ->		\
			put_word(p, WORD(p, ABANDONED, NOBODY))		\
		fi							\
	   }

proctype others()
{
end:	do
	OTHERS_GIVE_UP(FIRST)
	OTHERS_GIVE_UP(FIRST + 1)
	OTHERS_GIVE_UP(FIRST + 2)
#if TICKETS > 3
	OTHERS_GIVE_UP(FIRST + 3)
#endif
#if TICKETS > 4
	OTHERS_GIVE_UP(FIRST + 4)
#endif
#if TICKETS > 5
	OTHERS_GIVE_UP(FIRST + 5)
#endif
	od
}
