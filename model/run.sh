#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh - checks the models with spin: those that should hold, and those with
# something taken away, which must fail, and fail by the invariant it protects
#
# From the environment: QUICK=1, smaller bounds, for CI; JOBS, how many run at a
# time (2); BUILD, where to work (build); KEEP=1, keeps what was generated;
# ONLY, a regular expression that the names of those to be run match.
#
# A failing model's trail is kept in $BUILD/model; README.md says how to read
# it.  Exit status 0 only if every line of the table says what it should.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../build}
mkdir -p "$build/model"
work=$(cd "$build/model" && pwd)
export BUILD=${work%/model}
jobs=${JOBS:-2}
memory=3800	# MB for each of two

# ---- one model ------------------------------------------------------------

# row EXPECTED MODEL NAME FLAG...
#
# EXPECTED: ok; or the invariant that must be found broken (an assertion with
# its name, I1 also by a process that has to wait); cycle, a loop without end;
# no-cycle.  Prints a line of the table; status 0 if it is as expected.
row()
{
	local expected=$1 model=$2 name=$3 dir result found
	local -a cc=(-O0) run=(-m200000 -w20)
	shift 3
	dir=$work/$name
	rm -rf "$dir"
	mkdir -p "$dir"
	cd "$dir"
	printf '%s ' "$@" >flags
	case $expected in
	*cycle)	cc+=(-DNP); run+=(-l) ;;
	ok)	cc=(-O2 -DSAFETY); [ -n "${QUICK-}" ] || run+=(-w25) ;;
	*)	cc+=(-DSAFETY); set -- "$@" -DOUTSIDE ;;
	esac
	# Some faults are found sooner where the search begins at the other end.
	[[ " $* " != *' -DT_REVERSE '* ]] || cc+=(-DT_REVERSE)
	if ! spin -a "$@" "$here/$model" >spin.out 2>&1 || ! gcc -w \
	    "${cc[@]}" -DNOREDUCE -DCOLLAPSE -DMEMLIM=$memory -o pan pan.c \
	    >gcc.out 2>&1; then
		cat spin.out gcc.out >&2
		printf '%-26s DOES NOT COMPILE\n' "$name"
		return 1
	fi
	nice -n 19 ./pan "${run[@]}" >pan.out 2>&1 || true
	found=$(sed -n 's/^pan:1: //p' pan.out | head -n 1)
	case $found in
	assertion*)	result=$(grep -o -m1 'I[0-9]' <<<"$found" | head -n 1) ;;
	invalid\ end*)	result=I1 ;;
	non-progress*)	result=cycle ;;
	*)		result=ok ;;
	esac
	# A search that was not finished has shown nothing.
	if [ "$result" = ok ] &&
	    { ! grep -q 'errors: 0$' pan.out || grep -qE \
	    'Search not completed|max search depth too small|out of memory' \
	    pan.out; }; then
		result=UNFINISHED
	fi
	report "$expected" "$result" "$name"
}

report()
{
	local expected=$1 result=$2 name=$3 states depth seconds mb said
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
	depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' pan.out)
	seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\).*/\1/p' pan.out)
	mb=$(sed -n 's/^ *\([0-9.]*\).*total actual memory.*/\1/p' pan.out)
	case $expected/$result in
	ok/ok)			said='holds' ;;
	no-cycle/ok)		said='no loop without end' ;;
	cycle/cycle)		said='loops for ever, as it should' ;;
	"$result/$result")	said="breaks $result, as it should" ;;
	ok/*)			said="FAILS: $result" ;;
	*)			said="FAILS: wanted $expected, found $result" ;;
	esac
	printf '%-26s %10s %6s %8s %6.0f  %s\n' "$name" "$states" "$depth" \
	    "${seconds:-0}" "${mb:-0}" "$said"
	if [[ $said == FAILS* ]]; then
		printf '    %s\n    flags: %s\n' \
		    "$(sed -n 's/^pan:1: //p' pan.out | head -n 1)" \
		    "$(cat flags)"
		return 1
	fi
	cd "$work"
	[ -n "${KEEP-}" ] || rm -rf "${work:?}/$name"
}

if [ "${1-}" = row ]; then
	shift
	row "$@"
	exit
fi

# ---- all of them ----------------------------------------------------------

# Bounds about as small as the fault needs to show.
broken()
{
	local r="-DNR=1 -DKILLS=0"
	local j="$r -DJOIN=1 -DPACK=2 -DSLOTS=1 -DTICKETS=3 -DCOARSE=1"
	local two="-DNS=2 -DNW=1 -DGONE=0" laps="-DSLOTS=2 -DGONE=0"
	cat <<-END
	I4 ring.pml TICKET_STORE $r
	I4 ring.pml CLAIM_STORE $r
	I2 ring.pml CLAIM_LIVING $r
	I1 ring.pml CLAIM_WAITS $r -DRDONLY=1 -DTICKETS=3 -DSTOPS=1
	cycle ring.pml CLAIM_SPINS $r -DTICKETS=3
	I2 ring.pml STEP_OVER_NOBODY $r -DSLOTS=1
	I1 ring.pml STEP_OVER_LOST $r
	I4 ring.pml PUBLISH_STORE $r
	I1 ring.pml NO_TAKE_BACK $r
	I4 ring.pml NOTE_TX_EARLY $r -DKILLS=1
	I4 ring.pml SEQ_OF_FAILED $r
	I2 ring.pml NO_CONFIRM $r
	I1 ring.pml NO_PATIENCE $r -DSTOPS=1
	I4 ring.pml GIVE_UP_STORE $r
	I2 ring.pml GIVE_UP_NOBODY $r
	I4 ring.pml GIVE_UP_ALONE $r
	I4 ring.pml NO_GAP $r
	I4 ring.pml NO_SETTLE $r
	I4 ring.pml SETTLE_TAIL_FIRST $r -DPOLL=1
	I4 ring.pml SETTLE_ONCE $r
	I4 ring.pml SETTLE_ASLEEP $r
	I2 ring.pml TIDY_BUSY $r -DTIDY=1 -DSLOTS=1 -DTICKETS=3
	I2 ring.pml DEAD_GUESSED $r
	I4 ring.pml JOIN_TAIL_FIRST $j
	I4 ring.pml JOIN_AT_TAIL $j
	I4 ring.pml NO_LEARN $j
	I4 ring.pml NTH_STAYS $r -DPACK=2
	I4 ring.pml GAP_OF_SLOTS $r -DPACK=2
	I4 ring.pml AGAIN_SAME_LIFE -DNR=1 -DAGAIN=1 -DCOARSE=1 -DSLOTS=1
	I4 ring.pml AGAIN_LAST_ONLY -DNR=1 -DAGAIN=1 -DCOARSE=1 -DSLOTS=1
	I4 ring.pml WEAK_CLAIM_TAIL $r
	I2 ring.pml WEAK_CLAIM $r
	I2 ring.pml WEAK_PUBLISH $r -DTICKETS=3
	I2 ring.pml WEAK_WORD $r
	I2 ring.pml WEAK_RECHECK $r
	I4 ring.pml WEAK_TAIL $r
	I2 ring.pml WEAK_TIDY $r -DTIDY=1 -DSLOTS=1 -DTICKETS=3
	I6 bell.pml NO_LOOK
	I6 bell.pml BIT_AFTER_LOOK
	I6 bell.pml DOOR_AFTER_LOOK
	I6 bell.pml NO_HIDES
	I6 bell.pml HIDES_FIRST
	I4 bell.pml HIDDEN_SKIPPED
	I6 bell.pml WAIT_UNCHECKED
	I6 bell.pml WEAK_BELL
	I6 bell.pml NO_WAKE
	I6 bell.pml LOST_SWAP_RELIES
	I6 bell.pml EVEN_RELIES
	I1 bell.pml CANCEL_RELIES -DNW=1 -DFRAMES=2 -DCANCELS=1
	I1 bell.pml CANCEL_UNSEEN -DNW=1 -DFRAMES=2 -DCANCELS=1
	I6 bell.pml BIT_STORED $two -DFRAMES=1
	I6 bell.pml CLEAR_STORED $two -DFRAMES=2
	I6 bell.pml RINGS_ONE $two -DFRAMES=1
	I4 bell.pml NO_SLACK $laps
	I4 bell.pml HINT_LAST $laps
	I4 bell.pml UPTO_AFTER_DOOR $laps -DNW=1 -DFRAMES=4
	I4 bell.pml RUNG_IGNORED $laps -DNW=1 -DFRAMES=4
	I6 bell.pml REAP_UNLOCKED -DAGAIN=1 -DREAP=1 -DNW=1 -DFRAMES=1 -DGONE=0
	END
}

# Faults that are found only after many states.
broken_full()
{
	local j="-DNR=1 -DJOIN=1 -DPACK=2 -DSLOTS=1 -DTICKETS=3 -DCOARSE=1"
	cat <<-END
	I4 ring.pml LEARN_ANY_LAP $j -DKILLS=0
	I4 ring.pml NO_OLD $j -DKILLS=0
	I6 bell.pml RUNG_SHARED -DNS=2 -DT_REVERSE
	I6 bell.pml DOOR_RESET -DAGAIN=1
	END
}

# W writers, R readers, any number of further ones (n), S slots, T tickets, F
# frames; k may be killed, s stopped for ever; gone: either.
good_quick()
{
	cat <<-END
	no-cycle ring.pml 2W1R-2S3T-loops -DNR=1 -DTICKETS=3
	ok ring.pml 2W1R-2S4T-k -DNR=1
	ok ring.pml 2W1R-2S4T-s -DNR=1 -DKILLS=0 -DSTOPS=1
	ok ring.pml 2W2R-2S3T -DTICKETS=3 -DCOARSE=1 -DKILLS=0
	ok ring.pml 3W1Rn-1S3T-k -DNW=3 -DNR=1 -DOTHERS=1 -DSLOTS=1 -DTICKETS=3 -DCOARSE=1
	ok ring.pml 2W1R-2S4T-poll -DNR=1 -DKILLS=0 -DPOLL=1
	ok ring.pml 2W1R-2S4T-batch -DNR=1 -DBATCH=2 -DCOARSE=1 -DKILLS=0
	ok ring.pml 2W1R-2S3T-pack -DNR=1 -DPACK=2 -DKILLS=0 -DTICKETS=3 -DCOARSE=1
	ok ring.pml 2W1R-2S4T-cancel -DNR=1 -DCANCEL=1 -DKILLS=0 -DCOARSE=1
	ok ring.pml 2W1R-2S4T-rdonly -DNR=1 -DRDONLY=1 -DKILLS=0
	ok ring.pml 2W1R-2S4T-own -DNR=1 -DOWN=1 -DKILLS=0
	ok ring.pml 2W1R-1S3T-tidy -DNR=1 -DTIDY=1 -DSLOTS=1 -DTICKETS=3 -DCOARSE=1 -DKILLS=0
	ok ring.pml 2W1R-1S3T-pack-join -DNR=1 -DJOIN=1 -DOUTSIDE -DPACK=2 -DSLOTS=1 -DTICKETS=3 -DKILLS=0 -DCOARSE=1
	ok ring.pml 2W1R-2S3T-again -DNR=1 -DAGAIN=1 -DOUTSIDE -DTICKETS=3 -DCOARSE=1
	ok bell.pml bell-2W3F-gone
	ok bell.pml bell-1W2F-cancel -DNW=1 -DFRAMES=2 -DCANCELS=1
	ok bell.pml bell-1W1F-2R-gone -DNS=2 -DNW=1 -DFRAMES=1
	ok bell.pml bell-1W4F-2S-gone -DSLOTS=2 -DNW=1 -DFRAMES=4
	ok bell.pml bell-1W2F-again-gone -DAGAIN=1 -DREAP=1 -DNW=1 -DFRAMES=2
	END
}

# The longest first.
good_full()
{
	local c="-DCOARSE=1"
	cat <<-END
	ok ring.pml 2W2R-2S4T-k $c
	ok ring.pml 3W2R-2S3T-k -DNW=3 -DTICKETS=3 $c
	ok bell.pml bell-3W3F-gone -DNW=3
	ok bell.pml bell-2W2F-cancel -DFRAMES=2 -DCANCELS=1
	ok bell.pml bell-2W3F -DGONE=0
	ok ring.pml 3W1Rn-2S4T-k -DNW=3 -DNR=1 -DOTHERS=1 $c
	ok ring.pml 3W1R-2S4T-kk -DNW=3 -DNR=1 -DKILLS=2 $c
	ok ring.pml 2W2R-2S3T-k -DTICKETS=3
	ok ring.pml 2W2R-1S3T-k -DTICKETS=3 -DSLOTS=1 $c
	ok ring.pml 3W1R-1S4T-s -DNW=3 -DNR=1 -DSLOTS=1 -DKILLS=0 -DSTOPS=1 $c
	ok ring.pml 2W1Rn-2S5T-k -DNR=1 -DOTHERS=1 -DTICKETS=5 $c
	ok ring.pml 2W1R-2S6T-k -DNR=1 -DTICKETS=6 $c
	ok ring.pml 2W1R-2S5T-s -DNR=1 -DTICKETS=5 -DKILLS=0 -DSTOPS=1
	ok ring.pml 2W1Rn-2S5T-batch-k -DNR=1 -DOTHERS=1 -DTICKETS=5 -DBATCH=2 $c
	ok ring.pml 2W1R-2S4T-pack-k -DNR=1 -DPACK=2
	ok ring.pml 2W2R-2S3T-pack-k -DPACK=2 -DTICKETS=3 $c
	ok ring.pml 2W1R-2S4T-pack-join -DNR=1 -DPACK=2 -DJOIN=1 -DOUTSIDE -DKILLS=0 $c
	ok ring.pml 2W1Rn-2S4T-cancel-k -DNR=1 -DOTHERS=1 -DCANCEL=1
	ok ring.pml 2W1Rn-2S4T-rdonly-k -DNR=1 -DOTHERS=1 -DRDONLY=1
	ok ring.pml 2W1Rn-2S4T-own-k -DNR=1 -DOTHERS=1 -DOWN=1
	ok ring.pml 2W1R-2S4T-poll-k -DNR=1 -DPOLL=1
	ok ring.pml 2W1R-2S5T-join -DNR=1 -DJOIN=1 -DOUTSIDE -DTICKETS=5 -DKILLS=0 $c
	ok ring.pml 2W1R-2S4T-join-k -DNR=1 -DJOIN=1 -DOUTSIDE
	ok ring.pml 2W1R-1S4T-tidy-k -DNR=1 -DTIDY=1 -DSLOTS=1 $c
	ok ring.pml 2W1R-2S4T-again -DNR=1 -DAGAIN=1 -DOUTSIDE $c
	ok ring.pml 2W1R-1S4T-again -DNR=1 -DAGAIN=1 -DOUTSIDE -DSLOTS=1 $c
	ok ring.pml 2W1R-2S4T-join -DNR=1 -DJOIN=1 -DOUTSIDE -DKILLS=0 $c
	ok bell.pml bell-2W3F-2S -DSLOTS=2 -DGONE=0
	ok bell.pml bell-1W2F-2R -DNS=2 -DNW=1 -DFRAMES=2 -DGONE=0
	no-cycle ring.pml 2W1R-2S4T-loops -DNR=1
	no-cycle bell.pml bell-2W2F-loops -DFRAMES=2
	END
}

rows()
{
	[ -n "${QUICK-}" ] || good_full
	good_quick
	{ broken; [ -n "${QUICK-}" ] || broken_full; } | while read -r expected model name flags; do
		echo "$expected $model $name -DBREAK=$name $flags"
	done
}

command -v spin >/dev/null || {
	echo 'run.sh: spin is not installed (Debian package spin)' >&2
	exit 1
}
printf '%-26s %10s %6s %8s %6s  %s\n' MODEL STATES DEPTH SECONDS MB RESULT
begin=$SECONDS
status=0
# (xargs takes a line that ends in a blank for unfinished.)
chosen=$(rows | awk -v only="${ONLY-}" '$3 ~ only { $1 = $1; print }')
if [ -z "$chosen" ]; then
	echo "run.sh: no model matches ONLY=${ONLY-}" >&2
	exit 1
fi
xargs -L 1 -P "$jobs" "$here/run.sh" row <<<"$chosen" || status=1
if [ $status = 0 ]; then
	echo "all as it should be, $((SECONDS - begin)) s"
else
	echo "NOT as it should be, $((SECONDS - begin)) s; see $work" >&2
fi
exit $status
