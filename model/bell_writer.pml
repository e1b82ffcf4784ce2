/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell_writer.pml - bell_frames(), bell_map(), bell_ring().  Part of bell.pml.
 */

/* The sleeper that is rung for now: the lowest bit. */
#define to (1 - (todo & 1))
#define RUNG rung[(broken(RUNG_SHARED) -> 0 : to)]

/* This frame is finished. */
inline over() {
	ringing[pos] = 0;
	pos = 0;
	d = 0;
	h = 0;
	todo = 0;
	pc = TICKET
}

/*
 * The sleep of TO ends here.  Who has published for it, or has a ticket, and has
 * not rung yet, may come too late for the hint.
 */
inline note_late() {
#if LAPS
	h = 0;
	do
	:: h < tail ->
		if
		:: h != pos && (for_me[h] & BIT(to)) &&
		    (((ringing[h] | excused[h]) & BIT(to)) ||
		    (!published[h] && !abandoned[h])) ->
			late[h] = late[h] | BIT(to)
		:: else
		fi;
		h++
	:: else -> break
	od;
	h = 0
#else
	skip
#endif
}

/* On to the next of those to be rung for. */
inline rung_for() {
	ringing[pos] = ringing[pos] & ~BIT(to);
	d = 0;
	h = 0;
	if
	:: broken(RINGS_ONE) -> todo = 0
	:: else -> todo = todo & ~BIT(to)
	fi;
	if
	:: todo == 0 -> over()
	:: else -> pc = DOOR_LOAD
	fi
}

proctype writer(byte me)
{
	mtype pc = TICKET;
	byte pos, d, h;
	byte todo;		/* sleepers that are to be woken */
	byte rung[NS] = 255;	/* b->bell.rung[] */
	bit early;		/* for WEAK_BELL */
	byte seen;		/* the map */

	do
	/*
	 * ring:ticket; and whom the frame is for: bell_lookup().  With LAPS also
	 * ring:claim: who finds the slot pending steps over it.
	 */
	:: atomic { pc == TICKET && tail < FRAMES && me <= begun ->
		if
		:: me == begun -> begun++	/* see ring.pml */
		:: else
		fi;
		pos = tail;
		tail++;
		if
		:: LAPS && pos >= SLOTS && !published[pos - SLOTS] &&
		    !abandoned[pos - SLOTS] ->
			abandoned[pos - SLOTS] = 1;
			abandoned[pos] = 1;
			pos = 0
		:: else ->
			if
			:: todo = 1
			:: NS > 1 -> todo = 2
			:: NS > 1 -> todo = 3
			:: true
			fi;
			for_me[pos] = todo;
			pc = PUBLISH
		fi
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
			ringing[pos] = todo;
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
		:: seen && todo -> pc = BELL_MAP
		:: else -> over()
		fi;
		early = 0;
		seen = 0
	   }
	/* bell_map() */
	:: d_step { pc == BELL_MAP ->
		todo = todo & sleeping;
		ringing[pos] = todo;
		if
		:: todo != 0 -> pc = DOOR_LOAD
		:: else -> over()
		fi
	   }
	/* bell_ring() */
	:: d_step { pc == DOOR_LOAD ->
		d = door[to];
		if
		:: d % 2 == 1 ->
			if
			:: LAPS -> pc = HINT_LOAD
			:: else -> pc = DOOR_SWAP
			fi
		:: d % 2 == 0 && RUNG != d && !broken(EVEN_RELIES) ->
			pc = FUTEX_WAKE
		:: else -> rung_for()
		fi
	   }
	/* bell_ring(): the hint, the lowest of all */
	:: d_step { LAPS && pc == HINT_LOAD ->
		h = hint[to];
		if
		:: pos < h || broken(HINT_LAST) -> pc = HINT_SWAP
		:: else ->
			h = 0;
			pc = DOOR_SWAP
		fi
	   }
	:: d_step { LAPS && pc == HINT_SWAP ->
		if
		:: hint[to] == h ->
			hint[to] = pos;
			pc = DOOR_SWAP
		:: else -> pc = HINT_LOAD
		fi;
		h = 0
	   }
	/* bell_ring(): the swap of the door */
	:: d_step { pc == DOOR_SWAP ->
		if
		:: door[to] == d ->
			door[to] = d + 1;
			d = d + 1;
			pc = FUTEX_WAKE;
			note_late()
		:: else ->
			d = d + 1;
			if
			:: broken(LOST_SWAP_RELIES) ->
				RUNG = d;
				rung_for()
			:: else -> pc = FUTEX_WAKE
			fi
		fi
	   }
	/* futex_wake() */
	:: d_step { pc == FUTEX_WAKE ->
		if
		:: broken(NO_WAKE)
		:: else -> in_futex[to] = 0
		fi;
		RUNG = d;
		rung_for()
	   }

	:: atomic { pc == TICKET && tail == FRAMES ->
		ended++;
		break
	   }
	/* SIGKILL, or SIGSTOP and never SIGCONT, at any step */
	:: atomic { gone > 0 && pc != TICKET ->
		gone--;
		excused[pos] = excused[pos] | ringing[pos];
		ringing[pos] = 0;
		ended++;
		break
	   }
	od;
	atomic {
		pos = 0;
		d = 0;
		h = 0;
		todo = 0;
		pc = TICKET;
		rung[0] = 0;
		rung[LAST] = 0;
		early = 0;
		seen = 0
	}
}
#undef to
