/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_writer.pml - ring.c: ring_send(), ring_claim(), ring_publish(),
 * ring_cancel(); and ring_tidy().  Part of ring.pml.
 */

/* Who writes to a slot's bytes has it in its hands. */
#define MINE								\
	(word[SLOT(pos)] == WORD(pos, WRITING, me) ||			\
	(word_state(word[SLOT(pos)]) == ABANDONED &&			\
	word_owner(word[SLOT(pos)]) == me))

/* On to the next of the tickets, or to the next call. */
inline next() {
	w = 0;
	if
	:: pos + 1 < end ->
		pos++;
		pc = CLAIM_LOAD
	:: else ->
		pos = 0;
		end = 0;
		n = 1;
		pc = TICKET;
		if
		:: TIDY && me == 0 -> busy = 0
		:: else
		fi
	fi
}

/* claim_at() and claimable(), with W just read. */
inline claim_decide() {
	if
	:: word_lap(w) == LAP(pos) ->
		next()			/* given up on before it came */
	:: word_lap(w) > LAP(pos) ->
		pc = CLAIMABLE_TAIL
	:: word_lap(w) < LAP(pos) && held(w) && word_owner(w) != me ->
		pc = CLAIMABLE_DEAD
	:: else ->
		pc = CLAIM_CAS
	fi
}

proctype writer(byte me)
{
	mtype pc = TICKET;
	byte pos, end, w;
	byte n = 1;		/* frames that go into each slot */
	byte early;		/* for WEAK_CLAIM_TAIL: the tail */
	bit late;		/* for WEAK_CLAIM, WEAK_PUBLISH */

	do
	/*
	 * ring:ticket.  Writers are alike: that they begin in the order of
	 * their numbers is no loss, and saves the mirror images.
	 */
	:: atomic { pc == TICKET && tail < END && me <= begun ->
		if
		:: me == begun -> begun++
		:: else
		fi;
		if
		:: TIDY && me == 0 -> busy = 1
		:: else
		fi;
		pos = tail;
		end = pos + 1;
		if
		:: BATCH > 1 && pos + 2 <= END -> end = pos + 2
		:: true
		fi;
		if
		:: PACK > 1 -> n = 2
		:: true
		fi;
		if
		:: broken(TICKET_STORE) -> pc = TICKET_LATE
		:: else ->
			tail = end;
			pc = CLAIM_LOAD
		fi
	   }
	:: d_step { broken(TICKET_STORE) && pc == TICKET_LATE ->
		tail = end;
		pc = CLAIM_LOAD
	   }
	:: d_step { pc == TICKET && tail == END -> pc = THROUGH }

#if COARSE
	/* All of claim_at(), but for ring:tail. */
	:: atomic { pc == CLAIM_LOAD ->
		w = word[SLOT(pos)];
		claim_decide();
		if
		:: pc == CLAIMABLE_DEAD ->
			put_word(pos, WORD(pos, ABANDONED, word_owner(w)));
			next()
		:: pc == CLAIM_CAS || (pc == CLAIMABLE_DEAD &&
		    env_dead(word_owner(w))) ->
			put_word(pos, WORD(pos, WRITING, me));
			w = 0;
			pc = COPY_A
		:: pc != CLAIMABLE_DEAD && pc != CLAIM_CAS
		fi
	   }
#else
	/* claim_at(): the first look */
	:: d_step { pc == CLAIM_LOAD ->
		w = word[SLOT(pos)];
		claim_decide()
	   }
#endif
	:: d_step { broken(WEAK_CLAIM_TAIL) && pc == CLAIM_LOAD && !early ->
		early = tail
	   }
	:: d_step { broken(WEAK_CLAIM) && pc == CLAIM_CAS && !late ->
		half_a[SLOT(pos)] = LAP(pos);
		late = 1
	   }
	/* claimable(): ring:tail */
	:: d_step { pc == CLAIMABLE_TAIL ->
		if
		:: early == 0 -> early = tail
		:: else
		fi;
		inside(I4 || early - pos > SLOTS);	/* nothing lies */
		if
		:: early - pos <= SLOTS -> pc = CLAIM_CAS
		:: else -> next()
		fi;
		early = 0
	   }
	/* claimable(): env.dead() */
	:: d_step { pc == CLAIMABLE_DEAD &&
	    (!broken(CLAIM_WAITS) || word[SLOT(pos)] != w) ->
		if
		:: env_dead(word_owner(w)) || broken(CLAIM_LIVING) ->
			pc = CLAIM_CAS
		:: else ->
			if
			:: broken(CLAIM_WAITS) || broken(CLAIM_SPINS) ->
				w = 0;
				pc = CLAIM_LOAD
			:: else ->
				pc = STEP_OVER
			fi
		fi
	   }
	/* claimable(): ring:giveup */
	:: d_step { pc == STEP_OVER ->
		if
		:: word[SLOT(pos)] == w ->
			if
			:: broken(STEP_OVER_NOBODY) ->
				put_word(pos, WORD(pos, ABANDONED, NOBODY))
			:: else ->
				put_word(pos, WORD(pos, ABANDONED,
				    word_owner(w)))
			fi;
			next()
		:: else ->
			w = word[SLOT(pos)];
			if
			:: broken(STEP_OVER_LOST) ->
				/* No ticket hangs, but of the stopped. */
				assert(I1 || word_lap(w) >= LAP(pos));
				next()
			:: else -> claim_decide()
			fi
		fi
	   }
	/* claim_at(): ring:claim */
	:: d_step { pc == CLAIM_CAS ->
		early = 0;
		if
		:: word[SLOT(pos)] == w || broken(CLAIM_STORE) ->
			put_word(pos, WORD(pos, WRITING, me));
			w = 0;
			if
			:: late -> pc = COPY_B
			:: else -> pc = COPY_A
			fi
		:: else ->
			w = word[SLOT(pos)];
			claim_decide()
		fi;
		late = 0
	   }

	/* copy_bytes() */
	:: d_step { pc == COPY_A ->
		inside(I3 || MINE);
		half_a[SLOT(pos)] = LAP(pos);
		pc = COPY_B
	   }
	:: d_step { pc == COPY_B ->
		inside(I3 || MINE);
		half_b[SLOT(pos)] = LAP(pos);
		if
		:: !COARSE || late -> pc = HEADER
		:: else ->
			header[SLOT(pos)] = LAP(pos);
			seq[SLOT(pos)] = published[me] + 1;
			more[SLOT(pos)] = n - 1;
			sender[SLOT(pos)] = me;
			pc = PUBLISH
		fi;
		if
		:: late ->
			late = 0;
			pc = NOTE_TX
		:: else
		fi
	   }
	:: d_step { broken(WEAK_PUBLISH) && pc == COPY_B && !late ->
		late = 1;
		pc = HEADER
	   }
	/* publish(): seq, time_ns, meta */
	:: d_step { pc == HEADER ->
		inside(I3 || MINE);
		header[SLOT(pos)] = LAP(pos);
		seq[SLOT(pos)] = published[me] + 1;
		more[SLOT(pos)] = n - 1;
		sender[SLOT(pos)] = me;
		if
		:: broken(NOTE_TX_EARLY) -> tx_seq[me] = published[me] + n
		:: else
		fi;
		pc = PUBLISH
	   }
	/* publish(): ring:publish */
	:: d_step { pc == PUBLISH ->
		if
		:: word[SLOT(pos)] == WORD(pos, WRITING, me) ||
		    broken(PUBLISH_STORE) ->
			put_word(pos, WORD(pos, COMMITTED, me));
			published[me] = published[me] + n;
#if AGAIN
			total = total + n;
#endif
#if JOIN
			frames_at[pos] = n;
			first_at[pos] = published[me] - n + 1;
			sender_at[pos] = me;
#endif
			if
			:: late -> pc = COPY_B
			:: else -> pc = NOTE_TX
			fi
		:: else ->
			if
			:: broken(SEQ_OF_FAILED) ->
				published[me] = published[me] + n
			:: else
			fi;
			late = 0;
			if
			:: broken(NO_TAKE_BACK) -> next()
			:: else -> pc = TAKE_BACK_LOAD
			fi
		fi
	   }
	/* ring_cancel() */
	:: d_step { CANCEL && (pc == COPY_A || pc == COPY_B || pc == HEADER) ->
		if
		:: word[SLOT(pos)] == WORD(pos, WRITING, me) ->
			put_word(pos, word_disown(word[SLOT(pos)]));
			next()
		:: else -> pc = TAKE_BACK_LOAD
		fi
	   }
	/* take_back() */
	:: d_step { pc == TAKE_BACK_LOAD ->
		w = word[SLOT(pos)];
		if
		:: word_state(w) != ABANDONED || word_owner(w) != me -> next()
		:: else ->
			if
			:: COARSE ->
				put_word(pos, word_disown(w));
				next()
			:: else -> pc = TAKE_BACK_CAS
			fi
		fi
	   }
	:: d_step { pc == TAKE_BACK_CAS ->
		if
		:: word[SLOT(pos)] == w ->
			put_word(pos, word_disown(w));
			next()
		:: else -> pc = TAKE_BACK_LOAD
		fi
	   }
	/* publish(): ring:seq */
	:: d_step { pc == NOTE_TX ->
		tx_seq[me] = published[me];
		next()
	   }

	/* Through.  I1: no slot stays out of use because of the living. */
	:: atomic { pc == THROUGH ->
		do
		:: w < SLOTS ->
			assert(I1 || !held(word[w]) ||
			    word_owner(word[w]) != me);
			w++
		:: else -> break
		od;
		w = 0;
		ended++;
		break
	   }

	/* SIGKILL, at any step */
	:: atomic { kills > 0 && pc != TICKET && pc != THROUGH ->
		kills--;
		killed[me] = 1;
#if AGAIN
		if
		:: published[me] != tx_seq[me] ->
			orphan_at = pos;
			orphans = published[me] - tx_seq[me]
		:: else
		fi;
#endif
		goto gone
	   }
	/* SIGSTOP and never SIGCONT, at any step */
	:: atomic { stops > 0 && pc != TICKET && pc != THROUGH ->
		stops--;
gone:		pc = THROUGH;
		n = 1;
		pos = 0;
		end = 0;
		w = 0;
		early = 0;
		late = 0;
		ended++;
		break
	   }
	od
}

/* ---- ring_join(), by the next owner of the number of writer 0 ------------ */

#if AGAIN
proctype again()
{
	byte s, w, q, l_seq;

	/* The lock, which was free: from now on the number is not dead. */
end:	atomic { killed[0] && !over ->
		killed[0] = 0;
		ended--
	}
	q = tx_seq[0];
	do
	:: s < SLOTS ->
		/* learn(): ring:word */
		w = word[s];
		atomic {
			if
			:: sender[s] == 0 -> l_seq = seq[s] + more[s]
			:: else -> l_seq = 0
			fi
		}
		atomic {
			if
			:: word_state(w) == COMMITTED && word[s] == w &&
			    l_seq > q -> q = l_seq
			:: else
			fi;
			/* disown() */
			if
			:: held(word[s]) && word_owner(word[s]) == 0 ->
				put_word(s, word_disown(word[s]))
			:: else
			fi;
			l_seq = 0;
			w = 0;
			s++
		}
	:: else -> break
	od;
	atomic {
		s = 0;
		if
		:: broken(AGAIN_SAME_LIFE)
		:: else -> q = q + DEATH
		fi;
		published[0] = q
	}
	/* entry_fill() */
	tx_first = q;
	atomic {
		tx_seq[0] = q;
		q = 0
	}
	run writer(0)
}
#endif

/* ---- ring_tidy(), of writer 0 ------------------------------------------- */

#define MINE_AT(s) (held(word[s]) && word_owner(word[s]) == 0)

proctype tidy()
{
	byte s, w;
	bit quiet;		/* tx.busy was 0 */

end:	do
	:: atomic { MINE_AT(0) -> s = 0 } goto look
	:: atomic { SLOTS > 1 && MINE_AT(SLOTS - 1) -> s = SLOTS - 1 } goto look
	od;
look:	if
	:: broken(WEAK_TIDY) -> quiet = !busy
	:: else
	fi;
	w = word[s];
	/* ring:tidy */
	if
	:: broken(WEAK_TIDY)
	:: else -> quiet = !busy || broken(TIDY_BUSY)
	fi;
	d_step {
		if
		:: quiet && held(w) && word_owner(w) == 0 && word[s] == w ->
			put_word(s, word_disown(w))	/* SLOT(s) is s */
		:: else
		fi;
		s = 0;
		w = 0;
		quiet = 0
	}
	goto end
}
