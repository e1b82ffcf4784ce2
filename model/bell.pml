/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell.pml - shmbus/bell.c and ring_hides(), for spin: sleeping, and waking
 *
 * DOC: As in ring.pml, one option is one access to shared memory.  There is one
 * sleeper and there are several writers.  The ring is a row of positions here,
 * longer than the traffic: what happens in its slots is ring.pml's subject.
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

#ifndef BREAK
#define BREAK NOTHING
#endif
#define broken(x) (BREAK == (x))

/* ---- the file ----------------------------------------------------------- */

byte tail;
bit published[FRAMES], abandoned[FRAMES];
bit for_me[FRAMES];		/* it is addressed to the sleeper */
byte door;			/* odd: asleep */
bit sleeping;			/* the sleeper's bit of the map */

/* ---- the world ---------------------------------------------------------- */

bit cancel;			/* private to the sleeper's process */
bit in_futex;			/* the kernel has the sleeper in its queue */
bit ringing[FRAMES];		/* its writer has not rung for it yet */
bit excused[FRAMES];		/* its writer died between publish and wake */
byte gone = GONE;		/* writers that may still go */
byte begun, ended;

bit I1, I4, I6;		/* names for the assertions; always 0 */

mtype = { TICKET, PUBLISH, BELL_ANYBODY, BELL_MAP, DOOR_LOAD, DOOR_SWAP,
	FUTEX_WAKE, LOOK, DOOR_ODD, BELL_SLEEP, UPTO, LOOK_AGAIN, HIDES,
	CANCELLED, FUTEX_WAIT, ASLEEP, DOOR_EVEN, BIT_CLEAR };

/* This frame is finished. */
inline over() {
	ringing[pos] = 0;
	pos = 0;
	d = 0;
	to_sleeper = 0;
	pc = TICKET
}

proctype writer(byte me)
{
	mtype pc = TICKET;
	byte pos, d;
	bit to_sleeper;
	byte rung = 255;	/* b->bell.rung[] */
	bit early, seen;	/* for WEAK_BELL: the map */

	do
	/* ring:ticket; and whom the frame is for: bell_lookup() */
	:: atomic { pc == TICKET && tail < FRAMES && me <= begun ->
		if
		:: me == begun -> begun++	/* see ring.pml */
		:: else
		fi;
		pos = tail;
		tail++;
		if
		:: for_me[pos] = 1;
			to_sleeper = 1
		:: true
		fi;
		pc = PUBLISH
	   }
	:: d_step { broken(WEAK_BELL) && pc == PUBLISH && !early ->
		early = 1;
		seen = sleeping
	   }
	/* ring:publish; it fails if it was given up on */
	:: d_step { pc == PUBLISH ->
		if
		:: abandoned[pos] -> over()
		:: else ->
			published[pos] = 1;
			ringing[pos] = 1;
			pc = BELL_ANYBODY
		fi
	   }
	/* bell_anybody() */
	:: d_step { pc == BELL_ANYBODY ->
		if
		:: !early -> seen = sleeping
		:: else
		fi;
		if
		:: seen && to_sleeper -> pc = BELL_MAP
		:: else -> over()
		fi;
		early = 0;
		seen = 0
	   }
	/* bell_map() */
	:: d_step { pc == BELL_MAP ->
		if
		:: sleeping -> pc = DOOR_LOAD
		:: else -> over()
		fi
	   }
	/* bell_ring() */
	:: d_step { pc == DOOR_LOAD ->
		d = door;
		if
		:: d % 2 == 1 -> pc = DOOR_SWAP
		:: d % 2 == 0 && rung != d && !broken(EVEN_RELIES) ->
			pc = FUTEX_WAKE
		:: else -> over()
		fi
	   }
	/* bell_ring(): the swap of the door */
	:: d_step { pc == DOOR_SWAP ->
		if
		:: door == d ->
			door = d + 1;
			d = d + 1;
			pc = FUTEX_WAKE
		:: else ->
			d = d + 1;
			if
			:: broken(LOST_SWAP_RELIES) ->
				rung = d;
				over()
			:: else -> pc = FUTEX_WAKE
			fi
		fi
	   }
	/* futex_wake() */
	:: d_step { pc == FUTEX_WAKE ->
		if
		:: broken(NO_WAKE)
		:: else -> in_futex = 0
		fi;
		rung = d;
		over()
	   }

	:: atomic { pc == TICKET && tail == FRAMES ->
		ended++;
		break
	   }
	/* SIGKILL, or SIGSTOP and never SIGCONT, at any step */
	:: atomic { gone > 0 && pc != TICKET ->
		gone--;
		if
		:: pc != PUBLISH && published[pos] -> excused[pos] = 1
		:: else
		fi;
		ended++;
		break
	   }
	od;
	atomic {
		over();
		rung = 0;
		early = 0;
		seen = 0
	}
}

/* shmbus_wake(), bell_door() */
proctype waker()
{
	byte d;

	cancel = 1;
	d = door;
	if
	:: broken(CANCEL_RELIES) ->
		if
		:: atomic { d % 2 == 1 && door == d ->
			door = d + 1;
			d = 0
		   }
		   in_futex = 0
		:: else
		fi
	:: else ->
		if
		:: atomic { d % 2 == 1 && door == d -> door = d + 1 }
		:: else
		fi;
		in_futex = 0
	fi;
	d_step {
		d = 0;
		ended++
	}
}

#define ALL (NW + CANCELS)

/* What is behind the cursor does not matter any more. */
inline pass() {
	published[cursor] = 0;
	for_me[cursor] = 0;
	excused[cursor] = 0;
	cursor++
}

proctype sleeper()
{
	mtype pc = LOOK;
	byte cursor, asleep, upto;
	bit hides;		/* a pending position may hide a frame */
	bit patience = 1;	/* the reader may not give up yet */
	bit got;		/* there is a frame to receive */
	byte i;

	do
	/* ring_look(); behind a pending ticket it gives up, or sleeps first */
	:: atomic { pc == LOOK ->
		cancel = 0;
		if
		:: cursor == tail -> pc = DOOR_ODD
		:: cursor < tail && (published[cursor] || abandoned[cursor]) ->
			pass()
		:: cursor < tail && !published[cursor] && !abandoned[cursor] ->
			if
			:: abandoned[cursor] = 1;
				patience = 1
			:: patience -> pc = DOOR_ODD
			fi
		fi
	   }
	/* bell_sleep(): the door */
	:: d_step { pc == DOOR_ODD ->
		if
		:: door % 2 == 0 -> asleep = door + 1
		:: else -> asleep = door
		fi;
		if
		:: broken(DOOR_AFTER_LOOK)
		:: else -> door = asleep
		fi;
		if
		:: broken(BIT_AFTER_LOOK) -> pc = UPTO
		:: broken(HIDES_FIRST) ->
			upto = tail;
			i = cursor + 1;
			pc = HIDES
		:: else -> pc = BELL_SLEEP
		fi
	   }
	/* bell:sleep */
	:: d_step { pc == BELL_SLEEP ->
		sleeping = 1;
		if
		:: broken(BIT_AFTER_LOOK) -> pc = CANCELLED
		:: else -> pc = UPTO
		fi
	   }
	/* Positions below this tail that are pending may hide frames. */
	:: d_step { pc == UPTO ->
		upto = tail;
		if
		:: broken(NO_LOOK) -> upto = cursor
		:: else
		fi;
		pc = LOOK_AGAIN
	   }
	:: d_step { pc == LOOK_AGAIN ->
		if
		:: cursor < tail && (published[cursor] ||
		    abandoned[cursor]) && !broken(NO_LOOK) ->
			if
			:: published[cursor] && for_me[cursor] ->
				got = 1;
				pc = DOOR_EVEN
			:: else -> pass()
			fi
		:: else ->
			if
			:: broken(HIDES_FIRST) -> pc = CANCELLED
			:: else ->
				i = cursor + 1;
				pc = HIDES
			fi
		fi
	   }
	/* ring_hides() */
	:: d_step { pc == HIDES ->
		if
		:: i < upto && !published[i] -> i++
		:: else ->
			hides = i < upto && !broken(NO_HIDES);
			i = 0;
			if
			:: broken(BIT_AFTER_LOOK) || broken(HIDES_FIRST) ->
				pc = BELL_SLEEP
			:: broken(DOOR_AFTER_LOOK) ->
				door = asleep;
				pc = CANCELLED
			:: else -> pc = CANCELLED
			fi
		fi
	   }
	:: d_step { pc == CANCELLED ->
		if
		:: cancel && !broken(CANCEL_UNSEEN) -> pc = DOOR_EVEN
		:: else -> pc = FUTEX_WAIT
		fi
	   }
	:: d_step { pc == FUTEX_WAIT ->
		if
		:: door == asleep || broken(WAIT_UNCHECKED) ->
			in_futex = 1;
			pc = ASLEEP
		:: else -> pc = DOOR_EVEN
		fi
	   }
	:: d_step { pc == ASLEEP && !in_futex -> pc = DOOR_EVEN }
	/* A short sleep is over. */
	:: d_step { pc == ASLEEP && in_futex && hides ->
		in_futex = 0;
		patience = 0;
		pc = DOOR_EVEN
	   }
	/* A long sleep is over, and so are all writers. */
	:: atomic { pc == ASLEEP && in_futex && !hides && ended == ALL ->
		assert(I1 || !cancel);
		i = cursor;
		do
		:: i < tail ->
			assert(I6 || !published[i] || !for_me[i] ||
			    excused[i]);
			i++
		:: else -> break
		od;
		i = 0;
		in_futex = 0;
		patience = 0;
		if
		:: cursor == tail -> break
		:: else -> pc = DOOR_EVEN
		fi
	   }
	/* Awake. */
	/*
	 * ring_slept(): if nobody rang and nothing was hidden, the frames below
	 * the tail of now are called skipped if they are lapped; but for the
	 * quarter of a lap for those whose writers have not rung yet.
	 */
	:: d_step { pc == DOOR_EVEN ->
		i = cursor;
		do
		:: i < tail ->
			assert(I4 || got || door != asleep ||
			    (hides && !broken(HIDDEN_SKIPPED)) ||
			    broken(HIDES_FIRST) || !published[i] ||
			    !for_me[i] || ringing[i] || excused[i]);
			i++
		:: else -> break
		od;
		i = 0;
		got = 0;
		if
		:: door == asleep -> door = asleep + 1
		:: else
		fi;
		pc = BIT_CLEAR
	   }
	:: d_step { pc == BIT_CLEAR ->
		sleeping = 0;
		asleep = 0;
		upto = 0;
		hides = 0;
		pc = LOOK
	   }
	od
}

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
		run sleeper()
	}
}
