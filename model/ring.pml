/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.pml - shmbus/ring.c, ring_recv.c and ring_join.c, for spin
 *
 * DOC: One option of a process's loop is one access to shared memory, with the
 * private computation that follows it.  If its comment has a barrier label, that
 * is the one of the table at the head of ring.c; names are those of the code.  So
 * whatever the processes do on real processors, as long as these keep to the
 * barriers, is an order of these steps, and spin tries all of them.  README.md
 * says what is left out, and why it may be.
 *
 * A process that is stopped and continued is one that spin does not choose for
 * some time.  The last options of the writer are being killed and being stopped
 * for ever.  As for time, patience may be over as soon as a position is pending.
 *
 * Nobody waits here: a process can take a step whatever the others do, until it
 * has finished; except for a reader that has read everything.  So "invalid end
 * state" means that I1 is broken, and a cycle means that a loop has no bound.
 *
 * What is claimed is asserted, with the name of the invariant.  With OUTSIDE
 * only what a user of the bus sees is asserted, and not what should hold inside:
 * so a broken model breaks the promise, and not merely the reasoning.
 */

/* ---- the bounds, and who may do what; run.sh chooses -------------------- */

#ifndef NW
#define NW 2		/* writers: 1 to 3 */
#endif
#ifndef NR
#define NR 2		/* readers */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef TICKETS
#define TICKETS 4	/* given out in all */
#endif
#ifndef KILLS
#define KILLS 1		/* writers that may die */
#endif
#ifndef STOPS
#define STOPS 0		/* writers that may stop for ever, alive */
#endif
#ifndef BATCH
#define BATCH 1		/* tickets that ring_send() may take at once */
#endif
#ifndef PACK
#define PACK 1		/* frames that it may put into one slot: 1 or 2 */
#endif
#ifndef CANCEL
#define CANCEL 0	/* ring_cancel() is called too */
#endif
#ifndef OTHERS
#define OTHERS 0	/* any number of further readers, which only give up */
#endif
#ifndef OWN
#define OWN 0		/* the last reader is writer 0's receiving side */
#endif
#ifndef JOIN
#define JOIN 0		/* the last reader joins while the others run */
#endif
#ifndef TIDY
#define TIDY 0		/* writer 0's receiving side calls ring_tidy() */
#endif
#ifndef RDONLY
#define RDONLY 0	/* the last reader may only read */
#endif
#ifndef POLL
#define POLL 0		/* ring_settle() is called even if it finds nothing */
#endif
#ifndef AGAIN
#define AGAIN 0		/* the number of writer 0, if killed, is taken again */
#endif
#ifndef COARSE
#define COARSE 0	/* fewer, larger steps; see README.md */
#endif

/* ---- what may be broken ------------------------------------------------- */

#define NOTHING 0
/* Steps taken away or made simpler. */
#define TICKET_STORE 1		/* the ticket: load, then store */
#define CLAIM_STORE 2		/* claim_at(): no compare, only swap */
#define CLAIM_LIVING 3		/* claimable(): a living writer's slot, too */
#define CLAIM_WAITS 4		/* claimable(): waits for a living writer */
#define CLAIM_SPINS 5		/* the same, looking again and again */
#define STEP_OVER_NOBODY 6	/* step over: forgets who may yet scribble */
#define STEP_OVER_LOST 7	/* step over: does not look if it succeeded */
#define PUBLISH_STORE 8		/* publish(): no compare, only swap */
#define NO_TAKE_BACK 9		/* publish(): no take_back() */
#define NOTE_TX_EARLY 10	/* tx_seq is stored before COMMITTED */
#define SEQ_OF_FAILED 11	/* publish(): seq counts what failed, too */
#define NO_CONFIRM 12		/* the reader does not look again */
#define NO_PATIENCE 13		/* give_up(): never */
#define GIVE_UP_STORE 14	/* give_up(): no compare, only swap */
#define GIVE_UP_NOBODY 15	/* give_up(): forgets who may yet scribble */
#define GIVE_UP_ALONE 16	/* give_up(): the cursor moves, the slot stays */
#define NO_GAP 17		/* resolve_slot(): no note_gap() */
#define NO_SETTLE 18		/* no ring_settle() */
#define SETTLE_TAIL_FIRST 19	/* ring_settle(): the tail, then tx_seq */
#define SETTLE_ONCE 20		/* ring_settle(): the gap does not stay */
#define SETTLE_ASLEEP 21	/* ring_settle(): what turns up is skipped */
#define TIDY_BUSY 22		/* ring_tidy(): whatever tx.busy says */
#define DEAD_GUESSED 23		/* env.dead(): says yes of the living */
#define JOIN_TAIL_FIRST 31	/* ring_join(): the tail, then tx_seq */
#define NTH_STAYS 32		/* turn_to(): in the middle of the slot */
#define GAP_OF_SLOTS 33		/* note_gap(): a frame a slot */
#define AGAIN_SAME_LIFE 34	/* ring_join(): the deaths are not counted */
#define AGAIN_LAST_ONLY 35	/* missing_before(): does not use tx_first */
#define JOIN_AT_TAIL 36		/* learn(): what is pending is passed over */
#define NO_LEARN 37		/* learn(): last[] is tx_seq, and no more */
#define LEARN_ANY_LAP 38	/* learn(): also from slots of other laps */
#define NO_OLD 39		/* pass_slot(): last[] stays */
/* Barriers taken away: what the processor may then do. */
#define WEAK_CLAIM_TAIL 24	/* claimable(): tail read before the word */
#define WEAK_CLAIM 25		/* bytes are seen before WRITING is */
#define WEAK_PUBLISH 26		/* COMMITTED is seen before the bytes are */
#define WEAK_WORD 27		/* bytes are read before the word */
#define WEAK_RECHECK 28		/* bytes are read after the recheck */
#define WEAK_TAIL 29		/* resolve_slot(): tail read before the word */
#define WEAK_TIDY 30		/* ring_tidy(): tx.busy read before the word */

#ifndef BREAK
#define BREAK NOTHING
#endif
#define broken(x) (BREAK == (x))

/* ---- the word ----------------------------------------------------------- */

#define FREE 0
#define WRITING 1
#define ABANDONED 2
#define COMMITTED 3
#define NOBODY 7

#define SLOT(p) ((p) % SLOTS)
#define LAP(p) ((p) / SLOTS)
#define WORD(p, st, ow) ((LAP(p) << 5) | ((st) << 3) | (ow))
#define word_lap(w) ((w) >> 5)
#define word_state(w) (((w) >> 3) & 3)
#define word_owner(w) ((w) & 7)
#define word_disown(w) (((w) & 224) | (ABANDONED << 3) | NOBODY)
/* word_held(), by an attachment. */
#define held(w)								\
	((word_state(w) == WRITING || word_state(w) == ABANDONED) &&	\
	word_owner(w) != NOBODY)

/* enum ring_gap; nobody sleeps here, so SETTLED is as good as LOST */
#define GAP_NONE 0
#define GAP_LOST 1
#define GAP_ASLEEP 2

#define FIRST SLOTS			/* laps begin with 1 */
#define END (SLOTS + TICKETS)

/* ---- the file ----------------------------------------------------------- */

byte tail = FIRST;
byte word[SLOTS];
/* The two halves of a frame's bytes, and its header: which lap's they are. */
byte half_a[SLOTS], half_b[SLOTS], header[SLOTS];
byte seq[SLOTS], sender[SLOTS];		/* the header's fields */
byte more[SLOTS];			/* and: further frames in the slot */
byte tx_seq[NW];

/* ---- the world ---------------------------------------------------------- */

bit killed[NW];
byte kills = KILLS, stops = STOPS;	/* that may yet happen */
byte begun;				/* writers that ever took a ticket */
byte ended;				/* writers through, dead, or stopped */
byte published[NW];			/* ring.tx.seq: private */
bit busy;				/* writer 0's ring.tx.busy */
#if JOIN
byte frames_at[END];			/* published there */
byte first_at[END];			/* seq of the first of them */
byte sender_at[END];
#endif
#if AGAIN
byte tx_first;				/* of number 0 */
byte total;				/* frames published by all */
byte orphan_at;				/* where one that was killed published ... */
byte orphans;				/* ... frames that it had not counted */
bit over;				/* the reader has finished */
#endif

/* seq and tx_seq: a count of frames, and above it deaths */
#define DEATH 32
#define seq_count(s) ((s) % DEATH)
#define seq_deaths(s) ((s) / DEATH)

#define env_dead(x) (killed[x] || broken(DEAD_GUESSED))

/* Names for what is asserted; always 0. */
bit I1, I2, I3, I4;

#ifdef OUTSIDE
#define inside(x) skip
#else
#define inside(x) assert(x)
#endif

/* The picture at the head of ring.c: what a word may become. */
#define down(old, new)							\
	(word_lap(new) > word_lap(old) ||				\
	(word_lap(new) == word_lap(old) &&				\
	(word_state(old) == FREE ||					\
	(word_state(old) == WRITING && word_state(new) >= ABANDONED) ||	\
	(word_state(old) == ABANDONED && (new) == word_disown(old)))))

inline put_word(p, new) {
	inside(I3 || down(word[SLOT(p)], new));		/* no ABA */
	word[SLOT(p)] = new
}

mtype = {
	TICKET, TICKET_LATE, CLAIM_LOAD, CLAIMABLE_TAIL, CLAIMABLE_DEAD,
	STEP_OVER, CLAIM_CAS, COPY_A, COPY_B, HEADER, PUBLISH, TAKE_BACK_LOAD,
	TAKE_BACK_CAS, NOTE_TX, THROUGH,

	JOIN_SEQ, JOIN_TAIL, LEARN_WORD, LEARN_FRAME, LEARN_CONFIRM,

	LOOK, EXAMINE, READ_A, READ_B, CONFIRM, READ_LATE, TAKE_TAIL,
	RESOLVE_TAIL, STUCK, GIVE_UP, GIVE_UP_DEAD, EMPTY, SETTLE, SETTLE_TAIL
};

#include "ring_writer.pml"
#include "ring_reader.pml"
#include "ring_others.pml"

init {
	atomic {
		byte n = 0;

		do
		:: n < NW -> run writer(n); n++
		:: else -> break
		od;
		n = 1;
		do
		:: n < NR -> run reader(NOBODY - 1); n++
		:: else -> break
		od;
		if
		:: OWN -> run reader(0)
		:: RDONLY -> run reader(NOBODY)
		:: else -> run reader(NOBODY - 1)
		fi;
#if AGAIN
		run again();
#endif
		if
		:: OTHERS -> run others()
		:: else
		fi;
		if
		:: TIDY -> run tidy()
		:: else
		fi
	}
}
