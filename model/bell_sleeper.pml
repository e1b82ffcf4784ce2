/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell_sleeper.pml - bell_sleep(), which is bell_lie_down(), the futex and
 * bell_get_up(); ring_slept(); entry_fill().  Part of bell.pml.
 */

#define ALL (NW + CANCELS)
/* Without LAPS the tail is not used. */
#define WAKES (LAPS -> AWAKE : DOOR_EVEN)
#define MINE(p) (published[p] && (for_me[p] & BIT(me)))

/* What is behind the cursor does not matter to this one any more. */
inline pass() {
	if
	:: NS == 1 && !LAPS -> published[cursor] = 0
	:: else
	fi;
	for_me[cursor] = for_me[cursor] & ~BIT(me);
	excused[cursor] = excused[cursor] & ~BIT(me);
	cursor++
}

/*
 * resolve_slot(): lapped.  If all was passed over in its sleep, the frames count
 * as skipped: none of them may have been for this reader.
 */
inline jump() {
#if LAPS
	do
	:: cursor + SLOTS < tail ->
		assert(I4 || tail - SLOTS > asleep_gap || !MINE(cursor) ||
		    (late[cursor] & BIT(me)));
		late[cursor] = late[cursor] & ~BIT(me);
		pass()
	:: else -> break
	od
#else
	skip
#endif
}

proctype sleeper(byte me)
{
	mtype pc = LOOK;
	byte cursor, asleep, upto;
	bit hides;		/* a pending position may hide a frame */
	bit patience = 1;	/* the reader may not give up yet */
	bit got;		/* there is a frame to receive */
	bit rung;		/* the door is not as it was left */
	byte map;		/* for BIT_STORED, CLEAR_STORED */
#if LAPS
	byte asleep_gap;	/* what is below was passed in its sleep */
#endif
	byte i;

	do
	/* ring_look(); behind a pending ticket it gives up, or sleeps first */
	:: atomic { pc == LOOK ->
		if
		:: me == LAST -> cancel = 0
		:: else
		fi;
		jump();
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
	/* bell_sleep(): the hint, and the door */
	:: d_step { pc == DOOR_ODD ->
		if
		:: door[me] % 2 == 0 -> asleep = door[me] + 1
		:: else -> asleep = door[me]
		fi;
		if
		:: LAPS -> hint[me] = NOWHERE
		:: else
		fi;
		if
		:: broken(DOOR_AFTER_LOOK)
		:: else -> door[me] = asleep
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
		if
		:: broken(BIT_STORED) ->
			map = sleeping;
			pc = BELL_SLEEP_STORE
		:: else ->
			sleeping = sleeping | BIT(me);
			if
			:: broken(BIT_AFTER_LOOK) -> pc = CANCELLED
			:: else -> pc = UPTO
			fi
		fi
	   }
	:: d_step { broken(BIT_STORED) && pc == BELL_SLEEP_STORE ->
		sleeping = map | BIT(me);
		map = 0;
		pc = UPTO
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
		:: broken(NO_LOOK)
		:: else -> jump()
		fi;
		if
		:: cursor < tail && (published[cursor] ||
		    abandoned[cursor]) && !broken(NO_LOOK) ->
			if
			:: MINE(cursor) ->
				got = 1;
				pc = WAKES
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
	/* ring_hides(); a word of a later lap than asked for counts, too */
	:: d_step { pc == HIDES ->
		if
		:: i < upto && !published[i] && i + SLOTS >= tail -> i++
		:: else ->
			hides = i < upto && !broken(NO_HIDES);
			i = 0;
			if
			:: broken(BIT_AFTER_LOOK) || broken(HIDES_FIRST) ->
				pc = BELL_SLEEP
			:: broken(DOOR_AFTER_LOOK) ->
				door[me] = asleep;
				pc = CANCELLED
			:: else -> pc = CANCELLED
			fi
		fi
	   }
	:: d_step { pc == CANCELLED ->
		if
		:: me == LAST && cancel && !broken(CANCEL_UNSEEN) -> pc = WAKES
		:: else -> pc = FUTEX_WAIT
		fi
	   }
	:: d_step { pc == FUTEX_WAIT ->
		if
		:: door[me] == asleep || broken(WAIT_UNCHECKED) ->
			in_futex[me] = 1;
			pc = ASLEEP
		:: else -> pc = WAKES
		fi
	   }
	:: d_step { pc == ASLEEP && !in_futex[me] -> pc = WAKES }
	/* A short sleep is over. */
	:: d_step { pc == ASLEEP && in_futex[me] && hides ->
		in_futex[me] = 0;
		patience = 0;
		pc = WAKES
	   }
	/* A long sleep is over, and so are all writers. */
	:: atomic { pc == ASLEEP && in_futex[me] && !hides && ended == ALL ->
		assert(I1 || me != LAST || !cancel);
		i = cursor;
		do
		:: i < tail ->
			assert(I6 || !MINE(i) || (excused[i] & BIT(me)));
			i++
		:: else -> break
		od;
		i = 0;
		in_futex[me] = 0;
		patience = 0;
		if
		:: cursor == tail -> break
		:: else -> pc = WAKES
		fi
	   }
	/*
	 * Awake: the tail, and whether the door has changed.  If it has not,
	 * nobody rang for what is below that tail.
	 */
	:: d_step { LAPS && pc == AWAKE ->
		if
		:: broken(UPTO_AFTER_DOOR) -> rung = door[me] != asleep
		:: else -> upto = tail
		fi;
		pc = DOOR_EVEN
	   }
	/*
	 * ring_slept(): if nobody rang and nothing was hidden, the frames below
	 * the tail of before are called skipped if they are lapped; but for the
	 * quarter of a lap for those whose writers have not rung yet.
	 */
	:: d_step { pc == DOOR_EVEN ->
		if
		:: broken(UPTO_AFTER_DOOR) -> upto = tail
		:: else -> rung = door[me] != asleep && !broken(RUNG_IGNORED)
		fi;
#if LAPS
		if
		:: got			/* it does not come to ring_slept() */
		:: else ->
			i = (hides && !broken(HIDDEN_SKIPPED) -> cursor :
			    (rung -> hint[me] : upto));
			if
			:: i > tail -> i = 0
			:: else
			fi;
			if
			:: broken(NO_SLACK) -> asleep_gap = i
			:: i > SLACK -> asleep_gap = i - SLACK
			:: else -> asleep_gap = 0
			fi;
			/* Who is late: only by more than that is excused. */
			upto = (i > SLACK -> i - SLACK : 0);
			i = cursor;
			do
			:: i >= upto && i < tail ->
				late[i] = late[i] & ~BIT(me);
				i++
			:: i < upto ->
				if
				:: (for_me[i] & BIT(me)) &&
				    (((ringing[i] | excused[i]) & BIT(me)) ||
				    (!published[i] && !abandoned[i])) ->
					late[i] = late[i] | BIT(me)
				:: else
				fi;
				i++
			:: else -> break
			od
		fi;
#else
		i = cursor;
		do
		:: i < tail ->
			assert(I4 || got || rung ||
			    (hides && !broken(HIDDEN_SKIPPED)) ||
			    broken(HIDES_FIRST) || !MINE(i) ||
			    ((ringing[i] | excused[i]) & BIT(me)));
			i++
		:: else -> break
		od;
#endif
		i = 0;
		got = 0;
		rung = 0;
		if
		:: door[me] == asleep -> door[me] = asleep + 1
		:: else
		fi;
		pc = BIT_CLEAR
	   }
	:: d_step { pc == BIT_CLEAR ->
		asleep = 0;
		upto = 0;
		hides = 0;
		if
		:: broken(CLEAR_STORED) ->
			map = sleeping;
			pc = BIT_CLEAR_STORE
		:: else ->
			sleeping = sleeping & ~BIT(me);
			pc = LOOK
		fi
	   }
	:: d_step { broken(CLEAR_STORED) && pc == BIT_CLEAR_STORE ->
		sleeping = map & ~BIT(me);
		map = 0;
		pc = LOOK
	   }
#if AGAIN
	/* SIGKILL, at any step; somebody takes the number again. */
	:: d_step { me == LAST && deaths > 0 && locked &&
	    pc != TAKE_NUMBER && pc != CLEAR_MAPS && pc != ENTRY_FILL ->
		deaths--;
		locked = 0;
		in_futex[me] = 0;
		asleep = 0;
		upto = 0;
		hides = 0;
		patience = 1;
		got = 0;
		rung = 0;
		map = 0;
		i = 0;
#if LAPS
		asleep_gap = 0;
#endif
		pc = TAKE_NUMBER
	   }
	/* The lock; and ring_join(): what has a ticket is not for this one. */
	:: d_step { pc == TAKE_NUMBER && !locked ->
		locked = 1;
		cursor = 0;
		do
		:: cursor < tail -> pass()
		:: else -> break
		od;
		pc = CLEAR_MAPS
	   }
	/* entry_fill(): clear_maps() */
	:: d_step { pc == CLEAR_MAPS ->
		sleeping = sleeping & ~BIT(me);
		pc = ENTRY_FILL
	   }
	/* entry_fill(): the door */
	:: d_step { pc == ENTRY_FILL ->
		if
		:: broken(DOOR_RESET) -> door[me] = 0
		:: else -> door[me] = (door[me] | 1) + 1
		fi;
		pc = LOOK
	   }
#endif
	od
}
