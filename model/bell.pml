/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell.pml - shmbus/bell.c and ring_hides(), for spin: sleeping, and waking; with
 * bell_writer.pml and bell_sleeper.pml
 *
 * DOC: As in ring.pml, one option is one access to shared memory.  There are
 * sleepers, each with a number, and writers.  The ring is a row of positions
 * here: what happens in its slots is ring.pml's subject.  It is longer than the
 * traffic; or with SLOTS it is lapped, so that a sleeper may lose frames, and has
 * to tell those that were meant for it (lost) from those that were not (skipped).
 * Then a position is given up on, too, when the next lap's writer comes to its
 * slot and finds it pending.
 *
 * With AGAIN the last sleeper may be killed at any step; then another process
 * takes its number.  With REAP a process like entry_reap() cleans up after it.
 *
 * A sleep is short or long.  A short one lasts until the reader may give up, and
 * may end by itself at any time.  A long one, of a second, ends by itself only
 * when all writers have finished or are gone: a reader that still sleeps then has
 * missed a wake-up.  That may happen only for the frame of a writer that was
 * killed or stopped for ever between publishing it and ringing (I6), whatever
 * other writers did at the same time.
 */

#ifndef NW
#define NW 2		/* writers */
#endif
#ifndef FRAMES
#define FRAMES 3	/* tickets in all */
#endif
#ifndef GONE
#define GONE 1		/* writers killed, or stopped for ever */
#endif
#ifndef CANCELS
#define CANCELS 0	/* shmbus_wake() is called, too */
#endif
#ifndef NS
#define NS 1		/* sleepers: 1 or 2 */
#endif
#ifndef SLOTS
#define LAPS 0
#define SLOTS 200
#else
#define LAPS 1
#endif
#define SLACK 1		/* ring_slept(): a quarter of a lap */
#ifndef AGAIN
#define AGAIN 0		/* deaths of the last sleeper */
#endif
#ifndef REAP
#define REAP 0		/* entry_reap() runs */
#endif

/* ---- what may be broken ------------------------------------------------- */

#define NOTHING 0
#define NO_LOOK 1		/* bell_sleep(): does not examine the ring again */
#define BIT_AFTER_LOOK 2	/* bell_sleep(): examines it, then sets its bit */
#define DOOR_AFTER_LOOK 3	/* bell_sleep(): examines it, then makes it odd */
#define NO_HIDES 4		/* bell_sleep(): long, even if frames are hidden */
#define WAIT_UNCHECKED 5	/* FUTEX_WAIT does not compare */
#define WEAK_BELL 6		/* the map is read before the frame is seen */
#define NO_WAKE 7		/* bell_ring(): the door, but no FUTEX_WAKE */
#define LOST_SWAP_RELIES 8	/* bell_ring(): a lost swap does not wake */
#define EVEN_RELIES 9		/* bell_ring(): an even door is not rung */
#define CANCEL_RELIES 10	/* bell_door(): wakes only if its swap won */
#define CANCEL_UNSEEN 11	/* bell_sleep(): does not load cancel */
#define HIDES_FIRST 12		/* bell_sleep(): ring_hides() before its bit */
#define HIDDEN_SKIPPED 13	/* bell_sleep(): what is hidden is skipped */
#define BIT_STORED 14		/* bell_sleep(): its bit by load and store */
#define CLEAR_STORED 15		/* the same when it wakes up */
#define RINGS_ONE 16		/* bell_map(): for the first of them only */
#define RUNG_SHARED 17		/* bell.rung[]: one for all */
#define NO_SLACK 18		/* ring_slept(): all up to the hint is skipped */
#define HINT_LAST 19		/* bell_ring(): the hint of who came last */
#define UPTO_AFTER_DOOR 20	/* bell_sleep(): looks at the door, then the tail */
#define RUNG_IGNORED 21		/* bell_sleep(): as if nobody had rung */
#define DOOR_RESET 22		/* entry_fill(): the door begins with 0 */
#define REAP_UNLOCKED 23	/* entry_reap(): does not take the lock */

#ifndef BREAK
#define BREAK NOTHING
#endif
#define broken(x) (BREAK == (x))

/* ---- the file ----------------------------------------------------------- */

#define NOWHERE 255
#define BIT(x) (1 << (x))
#define LAST (NS - 1)

byte tail;
bit published[FRAMES], abandoned[FRAMES];
byte door[NS];			/* odd: asleep */
byte hint[NS];			/* with LAPS only */
byte sleeping;			/* the sleeping map */

/* ---- the world ---------------------------------------------------------- */

/* Of each position, a bit for each sleeper: */
byte for_me[FRAMES];		/* its frame is addressed to it */
byte ringing[FRAMES];		/* and its writer has not rung for it yet */
byte excused[FRAMES];		/* and never will: it died before */
#if LAPS
byte late[FRAMES];		/* and was late by more than SLACK */
#endif
bit cancel;			/* private to the last sleeper's process */
bit in_futex[NS];		/* the kernel has the sleeper in its queue */
byte gone = GONE;		/* writers that may still go */
byte begun, ended;
#if AGAIN
byte deaths = AGAIN;
bit locked = 1;			/* the last sleeper's number */
#endif

bit I1, I4, I6;		/* names for the assertions; always 0 */

mtype = { TICKET, PUBLISH, BELL_ANYBODY, BELL_MAP, DOOR_LOAD, HINT_LOAD,
	HINT_SWAP, DOOR_SWAP, FUTEX_WAKE, LOOK, DOOR_ODD, BELL_SLEEP,
	BELL_SLEEP_STORE, UPTO, LOOK_AGAIN, HIDES, CANCELLED, FUTEX_WAIT, ASLEEP,
	AWAKE, DOOR_EVEN, BIT_CLEAR, BIT_CLEAR_STORE, TAKE_NUMBER, CLEAR_MAPS,
	ENTRY_FILL };

/* shmbus_wake(), bell_door() */
proctype waker()
{
	byte d;

	cancel = 1;
	d = door[LAST];
	if
	:: broken(CANCEL_RELIES) ->
		if
		:: atomic { d % 2 == 1 && door[LAST] == d ->
			door[LAST] = d + 1;
			d = 0
		   }
		   in_futex[LAST] = 0
		:: else
		fi
	:: else ->
		if
		:: atomic { d % 2 == 1 && door[LAST] == d ->
			door[LAST] = d + 1
		   }
		:: else
		fi;
		in_futex[LAST] = 0
	fi;
	d_step {
		d = 0;
		ended++
	}
}

/* entry_reap(): the lock, then the maps */
#if REAP
proctype reaper()
{
end:	do
	/* owner_is_alive() */
	:: !locked ->
		if
		:: broken(REAP_UNLOCKED) ->
			sleeping = sleeping & ~BIT(LAST)
		:: else ->
			if
			:: atomic { !locked -> locked = 1 }
				sleeping = sleeping & ~BIT(LAST);
				locked = 0
			:: locked	/* file_lock(): EAGAIN */
			fi
		fi
	   break
	od
}
#endif

#include "bell_writer.pml"
#include "bell_sleeper.pml"

init {
	atomic {
		byte n = 0;

		do
		:: n < NW -> run writer(n); n++
		:: else -> break
		od;
		if
		:: CANCELS -> run waker()
		:: else
		fi;
		n = 0;
		do
		:: n < NS -> run sleeper(n); n++
		:: else -> break
		od;
#if REAP
		run reaper()
#endif
	}
}
