/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_reader.pml - ring_recv.c: ring_recv(), ring_look(), ring_take(),
 * ring_settle(); and ring_join().  Part of ring.pml.
 */

#if JOIN
/*
 * The reader joined at FROM.  Frames below it are not its own to lose, except for
 * those that it could not know of, however it went about it: what had been lapped
 * when it looked at the slot, or before it came there.  These are excused.
 */
#define excuse(a, b)							\
	d = a;								\
	do								\
	:: d < (b) && d < from -> excused[d] = 1; d++			\
	:: else -> break						\
	od;								\
	d = 0
#endif

/* note_gap() */
inline note_gap(positions) {
#if JOIN
	excuse(cursor, cursor + (positions));
#endif
	if
	:: broken(GAP_OF_SLOTS) -> gap_budget = gap_budget + positions
	:: else -> gap_budget = gap_budget + PACK * (positions)
	fi;
	i = 0;
	do
	:: i < NW -> gap[i] = GAP_LOST; i++
	:: else -> break
	od;
	i = 0
}

/* count_missing(): more than the passed positions can hold would be a lie */
inline count_missing(from, missing) {
	inside(I4 || missing <= gap_budget);
	miss = missing;
	if
	:: miss > gap_budget -> miss = gap_budget
	:: else
	fi;
	gap_budget = gap_budget - miss;
	if
	:: gap[from] == GAP_LOST -> seen = seen + miss
	:: else				/* skipped: nobody should be */
	fi;
	miss = 0
}

/* missing_before(): into I, how many are missing before S */
inline missing_before(from, s) {
#if AGAIN
	if
	:: seq_deaths(s) == seq_deaths(last[from]) -> i = s - last[from] - 1
	:: else ->
		i = seq_count(last[from]);
		if
		:: from == 0 && seq_deaths(tx_first) == seq_deaths(s) &&
		    seq_count(tx_first) < i && !broken(AGAIN_LAST_ONLY) ->
			i = seq_count(tx_first)
		:: else
		fi;
		if
		:: seq_count(s) > i -> i = seq_count(s) - i - 1
		:: else -> i = 0
		fi
	fi
#else
	i = s - last[from] - 1
#endif
}

/* account(), account_gap() */
inline account(from, s) {
	if
	:: from != me -> inside(I4 || s > last[from])	/* once, in order */
	:: else
	fi;
	inside(I4 || gap[from] || s == last[from] + 1);	/* none unnoticed */
	if
	:: gap[from] && s > last[from] && from != me ->
		missing_before(from, s);
		count_missing(from, i);
		i = 0
	:: else
	fi;
	gap[from] = GAP_NONE;
	last[from] = s;
	if
	:: from != me -> seen++		/* rx.frames */
	:: else
	fi
}

/* The reader takes its copy for a frame. */
inline accept() {
	assert(I2 || !torn);		/* and so I4: it is this position's */
	assert(I4 || nth <= more[SLOT(cursor)]);	/* nothing lies */
#if AGAIN
	read_at[cursor] = 1;
#endif
#if JOIN
	if
	:: cursor >= from ->
		account(sender[SLOT(cursor)], seq[SLOT(cursor)] + nth)
	:: else ->			/* pass_slot(): OLD */
		i = sender[SLOT(cursor)];
		nth = more[SLOT(cursor)];
		if
		:: seq[SLOT(cursor)] + nth > last[i] && !broken(NO_OLD) ->
			last[i] = seq[SLOT(cursor)] + nth
		:: else
		fi;
		i = 0
	fi;
#else
	account(sender[SLOT(cursor)], seq[SLOT(cursor)] + nth);
#endif
	/* move_along() */
	if
	:: nth < more[SLOT(cursor)] -> nth++
	:: else ->
		cursor++;
		nth = 0
	fi;
	torn = 0;
	late = 0;
	early = 0;
	w = 0;
	pc = LOOK
}

#define WRONG(part) (part[SLOT(cursor)] != LAP(cursor))

/* Whether ring_settle() would change something. */
#define unsettled(x) ((x) < NW && (x) != me && gap[(x) % NW] &&		\
	(tx_seq[(x) % NW] > last[(x) % NW] ||				\
	(broken(SETTLE_ASLEEP) && gap[(x) % NW] == GAP_LOST)))
#define UNSETTLED (gap_budget > 0 && !broken(NO_SETTLE) &&		\
	(unsettled(0) || unsettled(1) || unsettled(2)))

proctype reader(byte me)
{
#if JOIN
	mtype pc = JOIN_SEQ;
	byte from, pos, l_seq, l_sender, d;
	byte counted[NW];	/* tx_seq when it joined */
	bit excused[END];	/* excuse() */
#else
	mtype pc = LOOK;
#endif
	byte cursor = FIRST, w, gap_budget, i, miss;
	byte nth;		/* the frame of the cursor's slot */
	bit torn;		/* the copy is not the frame of the cursor */
	byte seen;		/* rx.frames + rx.lost */
#if AGAIN
	bit read_at[END];	/* the slot was read, its first frame at least */
	byte k;
#endif
	byte gap[NW];
	byte last[NW], settle[NW];
	byte early;		/* for WEAK_WORD, WEAK_TAIL */
	bit late;		/* for WEAK_RECHECK */

	do
#if JOIN
	/* ring_join(): ring:settle, so that what is counted is below the tail */
	:: d_step { broken(JOIN_TAIL_FIRST) && pc == JOIN_SEQ && !from ->
		from = tail
	   }
	:: d_step { pc == JOIN_SEQ && (!broken(JOIN_TAIL_FIRST) || from) ->
		last[i] = tx_seq[i];
		counted[i] = tx_seq[i];
		i++;
		if
		:: i == NW ->
			i = 0;
			pc = JOIN_TAIL
		:: else
		fi
	   }
	:: d_step { pc == JOIN_TAIL ->
		if
		:: !from -> from = tail
		:: else
		fi;
		cursor = from;
		if
		:: from - SLOTS > SLOTS -> pos = from - SLOTS
		:: else -> pos = SLOTS
		fi;
		excuse(FIRST, pos);
		i = 0;
		pc = LEARN_WORD
	   }
	/* learn(): ring:word */
	:: d_step { pc == LEARN_WORD ->
		w = word[SLOT(pos)];
		pc = LEARN_FRAME
	   }
	:: d_step { pc == LEARN_FRAME ->
		l_seq = seq[SLOT(pos)] + more[SLOT(pos)];
		l_sender = sender[SLOT(pos)];
		pc = LEARN_CONFIRM
	   }
	:: d_step { pc == LEARN_CONFIRM ->
		if
		:: word_state(w) == COMMITTED && word[SLOT(pos)] == w &&
		    (word_lap(w) == LAP(pos) || broken(LEARN_ANY_LAP)) &&
		    pos < from && cursor == from && !broken(NO_LEARN) &&
		    l_seq > last[l_sender] ->
			last[l_sender] = l_seq
		:: else
		fi;
		if
		:: word_lap(w) > LAP(pos) || word_lap(word[SLOT(pos)]) >
		    LAP(pos) -> excuse(pos, pos + 1)
		:: else
		fi;
		if
		:: cursor == from && pos < from &&
		    (word_lap(w) < LAP(pos) ||
		    w == WORD(pos, WRITING, word_owner(w))) &&
		    !broken(JOIN_AT_TAIL) ->
			cursor = pos		/* may yet be published */
		:: else
		fi;
		w = 0;
		l_seq = 0;
		l_sender = 0;
		i++;
		if
		:: i < SLOTS ->
			pos++;
			pc = LEARN_WORD
		:: else ->
			i = 0;
			pos = 0;
			pc = LOOK
		fi
	   }
#endif
	/*
	 * ring_look(): ring:word.  A reader that had nothing to receive, or is
	 * stuck and has patience left, loads it again once it has changed.
	 */
	:: d_step { pc == LOOK || (pc == EMPTY && tail != cursor) ||
	    (pc == STUCK && (word[SLOT(cursor)] != w ||
	    tail - cursor > SLOTS)) ->
		w = word[SLOT(cursor)];
		if
		:: word_lap(w) == LAP(cursor) && word_state(w) == COMMITTED ->
			pc = EXAMINE
		:: word_lap(w) == LAP(cursor) && word_state(w) == ABANDONED ->
			w = 0;		/* resolve_slot() */
			torn = 0;
			early = 0;
			cursor++;
			pc = LOOK
		:: else ->
			torn = 0;
			pc = RESOLVE_TAIL
		fi
	   }
	:: d_step { broken(WEAK_WORD) && pc == LOOK && !early ->
		torn = WRONG(half_a);
		early = 1
	   }
	:: d_step { broken(WEAK_TAIL) && pc == LOOK && !early -> early = tail }

#if COARSE
	/* walk_begin(), copy_bytes() */
	:: d_step { pc == EXAMINE ->
		torn = WRONG(header) || WRONG(half_a) || WRONG(half_b);
		pc = CONFIRM
	   }
#else
	/* walk_begin() */
	:: d_step { pc == EXAMINE ->
		torn = torn || WRONG(header);
		pc = READ_A
	   }
	/* copy_bytes() */
	:: d_step { pc == READ_A ->
		torn = torn || (WRONG(half_a) && !(broken(WEAK_WORD) && early));
		pc = READ_B
	   }
	:: d_step { pc == READ_B ->
		torn = torn || WRONG(half_b);
		pc = CONFIRM
	   }
	:: d_step { broken(WEAK_RECHECK) && pc == READ_B ->
		late = 1;
		pc = CONFIRM
	   }
#endif
	/* confirm(): ring:recheck */
	:: atomic { pc == CONFIRM ->
		if
		:: word[SLOT(cursor)] == w || broken(NO_CONFIRM) ->
			if
			:: late -> pc = READ_LATE
			:: else -> accept()
			fi
		:: else ->
			if
			:: pc = LOOK			/* ring_recv() */
			:: !COARSE -> pc = TAKE_TAIL	/* ring_take() */
			fi;
			torn = 0;
			late = 0;
			early = 0;
			w = 0
		fi
	   }
	:: d_step { broken(WEAK_RECHECK) && pc == READ_LATE ->
		torn = torn || WRONG(half_b);
		accept()
	   }
	/* ring_take(): ring:tail */
	:: d_step { pc == TAKE_TAIL ->
		assert(I4 || tail - cursor > SLOTS);	/* nothing lies */
		pc = LOOK
	   }
	/* resolve_slot(): ring:tail */
	:: d_step { pc == RESOLVE_TAIL ->
		if
		:: !broken(WEAK_TAIL) || !early -> early = tail
		:: else
		fi;
		assert(I4 || early >= cursor);		/* nothing lies */
		if
		:: early == cursor ->
			w = 0;
			pc = EMPTY
		:: early > cursor && early - cursor > SLOTS ->
			if
			:: broken(NO_GAP)
			:: else -> note_gap(early - SLOTS - cursor)
			fi;
			cursor = early - SLOTS;		/* + SLOTS / 8 */
			if
			:: broken(NTH_STAYS)
			:: else -> nth = 0
			fi;
			w = 0;
			pc = LOOK
		:: else ->
			assert(I4 || word_lap(w) <= LAP(cursor));
			pc = STUCK
		fi;
		early = 0
	   }
#if COARSE
	/* All of give_up(); see others(). */
	:: atomic { pc == STUCK && !(RDONLY && me == NOBODY) &&
	    word[SLOT(cursor)] == w ->
		if
		:: held(w) ->
			put_word(cursor, WORD(cursor, ABANDONED, word_owner(w)))
		:: !held(w) || (word_owner(w) != me &&
		    env_dead(word_owner(w))) ->
			put_word(cursor, WORD(cursor, ABANDONED, NOBODY))
		fi;
		w = 0;
		pc = LOOK
	   }
#endif
	/* give_up(): silent for long enough, or env.dead() */
	:: d_step { pc == STUCK && !broken(NO_PATIENCE) &&
	    (!COARSE || (RDONLY && me == NOBODY)) ->
		if
		:: (RDONLY && me == NOBODY) || broken(GIVE_UP_ALONE) ->
			if
			:: broken(GIVE_UP_ALONE)
			:: else -> note_gap(1)
			fi;
			cursor++;
			w = 0;
			pc = LOOK
		:: else ->
			if
			:: !held(w) || broken(GIVE_UP_NOBODY) ->
				pc = GIVE_UP_DEAD
			:: else ->
				if
				:: word_owner(w) != me &&
				    env_dead(word_owner(w)) ->
					pc = GIVE_UP_DEAD
				:: else -> pc = GIVE_UP
				fi
			fi
		fi
	   }
	/* give_up(): ring:giveup */
	:: d_step { pc == GIVE_UP || pc == GIVE_UP_DEAD ->
		if
		:: word[SLOT(cursor)] == w || broken(GIVE_UP_STORE) ->
			if
			:: pc == GIVE_UP ->
				put_word(cursor, WORD(cursor, ABANDONED,
				    word_owner(w)))
			:: else ->
				put_word(cursor, WORD(cursor, ABANDONED,
				    NOBODY))
			fi
		:: else
		fi;
		w = 0;
		pc = LOOK
	   }
	/* ring_settle(): ring:settle; in vain if the tail has moved on already */
	:: d_step { pc == EMPTY && tail == cursor && gap_budget > 0 &&
	    (UNSETTLED || (POLL && ended < NW)) && !broken(NO_SETTLE) ->
		settle[0] = tx_seq[0];
		i = 1;
		pc = SETTLE
	   }
	:: d_step { pc == SETTLE && i < NW ->
		settle[i] = tx_seq[i];
		i++
	   }
	/* ring_settle(): the tail */
	:: d_step { pc == SETTLE && i == NW ->
		i = 0;
		do
		:: i < NW ->
			if
			:: (tail == cursor || broken(SETTLE_TAIL_FIRST)) &&
			    i != me && gap[i] && settle[i] > last[i] ->
#if AGAIN
				k = i;
				missing_before(k, settle[k] + 1);
				count_missing(k, i);
				i = k;
				k = 0;
#else
				count_missing(i, settle[i] - last[i]);
#endif
				last[i] = settle[i];
				if
				:: broken(SETTLE_ONCE) -> gap[i] = GAP_NONE
				:: else
				fi
			:: else
			fi;
			if
			:: broken(SETTLE_ASLEEP) && tail == cursor &&
			    gap[i] == GAP_LOST ->
				gap[i] = GAP_ASLEEP
			:: else
			fi;
			settle[i] = 0;
			i++
		:: else -> break
		od;
		i = 0;
		pc = EMPTY
	   }

	/* All writers have ended, and the reader has read everything. */
	:: atomic { pc == EMPTY && tail == cursor && ended == NW &&
	    !UNSETTLED ->
#if AGAIN
		over = 1;
#endif
		break
	   }
	od;

	/*
	 * I4: received + lost = published by the others, but for a writer that
	 * was killed or stopped for ever before it counted its last frames.
	 */
	atomic {
#if AGAIN
		/*
		 * Of a sender that was killed before it counted its last slot's
		 * frames, these may be missing, unless the reader has read them:
		 * no others, and never too many.
		 */
		if
		:: orphan_at != 0 && !read_at[orphan_at] -> w = orphans
		:: else
		fi;
		assert(I4 || seen <= total);
		assert(I4 || seen + w >= total);
		i = 0;
		do
		:: i < NW -> last[i] = 0; gap[i] = 0; i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < END -> read_at[i] = 0; i++
		:: else -> break
		od;
#elif JOIN
		/*
		 * The same of what got a ticket since it joined; and of what was
		 * excused some may be counted as lost, too.  Of these, no more
		 * than their senders had not counted when it joined.
		 */
		do
		:: i < NW ->
			if
			:: i != me -> w = w + published[i] - tx_seq[i]
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < END ->
			if
			:: i >= from -> miss = miss + frames_at[i]
			:: i < from && excused[i] ->
				d = first_at[i] + frames_at[i];
				do
				:: d > first_at[i] ->
					d--;
					if
					:: d > counted[sender_at[i]] ->
						settle[0]++
					:: else
					fi
				:: else -> break
				od;
				d = 0
			:: else
			fi;
			excused[i] = 0;
			i++
		:: else -> break
		od;
		assert(I4 || seen <= miss + settle[0]);
		assert(I4 || seen + w >= miss);
		i = 0;
		do
		:: i < NW -> last[i] = 0; gap[i] = 0; counted[i] = 0; i++
		:: else -> break
		od;
		settle[0] = 0;
		miss = 0;
		from = 0;
#else
		w = seen;
		do
		:: i < NW ->
			if
			:: i != me ->
				inside(I4 || last[i] >= tx_seq[i]);
				inside(I4 || last[i] <= published[i]);
				assert(I4 || w >= tx_seq[i]);
				w = w - tx_seq[i];
				settle[0] = settle[0] + published[i] - tx_seq[i]
			:: else
			fi;
			last[i] = 0;
			gap[i] = 0;
			i++
		:: else -> break
		od;
		assert(I4 || w <= settle[0]);
		settle[0] = 0;
#endif
		w = 0;
		i = 0;
		gap_budget = 0;
		seen = 0
	}
}
