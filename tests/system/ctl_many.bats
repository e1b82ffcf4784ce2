# SPDX-License-Identifier: BSD-2-Clause
# bats file for many stacks on one bus, and many calls to one: nothing is left
# behind, and how long it took and what it cost is reported, not judged.
#
# MANY=100: how many stacks; CALLS=1000: how many calls, at least 100.
#
# slow: 20

load ../lib/ctl

# Runs FUNCTION for each stack, all at the same time.  Who failed is in failed.
all_at_once() # FUNCTION
{
	local n pids=
	: >failed
	for ((n = 1; n <= MANY; n++)); do
		("$1" "$n" || echo "$1 $n" >>failed) 3>&- 7>&- &
		pids="$pids $!"
	done
	wait $pids
	cat failed
	[ ! -s failed ]
}

# Stack N is 10.0.0.N of 10.0.0.0/16; above 250 it is in the next row.
address() # N
{
	ADDRESS=10.0.$(($1 / 250)).$(($1 % 250 + 1))
}

configure()
{
	address "$1"
	on "$1" shmif create -autoconf linkstr bus inet "$ADDRESS/16" up \
	    >"$1.name" && [ "$(cat "$1.name")" = shmif0 ]
}

# Whoever comes to be heard of last loses his first frames.
meet()
{
	local i
	address $(($1 % MANY + 1))
	for ((i = 0; i < 20; i++)); do
		on "$1" ping "$ADDRESS" -c 1 -W 3 >"$1.ping" 2>&1 && return
	done
	cat "$1.ping"
	return 1
}

leave()
{
	on "$1" halt
}

ended()
{
	local n
	for ((n = 1; n <= MANY; n++)); do
		! kill -0 "${SERVER[$n]}" 2>/dev/null || return 1
	done
}


@test "a hundred stacks on one bus: started, set up, pinged, halted" {
	MANY=${MANY:-100}
	[[ -z ${SHMIF_SAN-} ]] || MANY=$((MANY / 5))
	local t0=${EPOCHREALTIME/[.,]/} t1 t2 t3 t4 n
	serve $(seq "$MANY")
	t1=${EPOCHREALTIME/[.,]/}
	all_at_once configure
	t2=${EPOCHREALTIME/[.,]/}
	run -0 "$ctl" bus bus
	[ "$(grep -c ' alive ' <<<"$output")" -eq "$MANY" ]
	all_at_once meet
	t3=${EPOCHREALTIME/[.,]/}
	local memory
	memory=$(for ((n = 1; n <= MANY; n++)); do
		cat "/proc/${SERVER[$n]}/smaps_rollup"
	    done | awk '/^Pss:/ { pss += $2 } /^Private_Dirty:/ { own += $2 }
		END { printf "%.0f %.0f", pss, own }')
	all_at_once leave
	for ((n = 1; n <= MANY; n++)); do
		finished "${SERVER[$n]}" 0
	done
	t4=${EPOCHREALTIME/[.,]/}
	# Nothing is left: no process, no socket, no attachment.
	ended
	[ -z "$(find . -name '*.sock')" ]
	run -0 "$ctl" bus bus
	[[ $output == *' 0 attached' ]]
	[ "$(grep -c ' pid ' <<<"$output")" -eq 0 ]
	cat <<-END | sed 's/^/# /' >&3
	$MANY stacks: started in $(((t1 - t0) / 1000)) ms, set up in $(((t2 - t1) / 1000)) ms, all have pinged their neighbour in $(((t3 - t2) / 1000)) ms, halted in $(((t4 - t3) / 1000)) ms
	memory of each: ${memory% *} / $MANY = $((${memory% *} / MANY)) kB proportional, $((${memory#* } / MANY)) kB its own
	END
}

@test "hundreds of calls of one server, one after the other and four at a time" {
	CALLS=${CALLS:-300}
	[[ -z ${SHMIF_SAN-} ]] || CALLS=200
	serve 1
	on 1 shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	local before n round t0 t1 t2 calls=0 bare=0
	before=$(find "/proc/${SERVER[1]}/fd" | wc -l)
	export SHMIF_SERVER=unix://$HERE/1.sock
	# In turns: what a machine can do differs from second to second.
	for ((round = 0; round < 10; round++)); do
		t0=${EPOCHREALTIME/[.,]/}
		for ((n = 0; n < CALLS / 10; n++)); do
			"$ctl" shmif0 >out || return
		done
		t1=${EPOCHREALTIME/[.,]/}
		for ((n = 0; n < CALLS / 10; n++)); do
			/bin/true >none || return
		done
		t2=${EPOCHREALTIME/[.,]/}
		((calls += t1 - t0, bare += t2 - t1))
	done
	grep -q 'inet 10.0.0.1/24' out
	t1=${EPOCHREALTIME/[.,]/}
	seq "$CALLS" | xargs -n 1 -P 4 "$ctl" shmif0 mtu 2>errors || :
	t2=${EPOCHREALTIME/[.,]/}
	# 1 to 67 are no MTU; all others are.
	[ "$(sort -u errors | wc -l)" -eq 67 ]
	until_true settled "$before"
	cat <<-END >&3
	# $CALLS calls: $((CALLS * 1000000 / calls)) a second, of /bin/true $((CALLS * 1000000 / bare)); 4 at a time: $((CALLS * 1000000 / (t2 - t1))) a second
	END
}

@test "a call loads no library where there is another way" {
	[[ -z ${SHMIF_SAN-} ]] || skip "sanitizers are loaded"
	local lib
	for lib in libc.a libjson-c.a; do
		[ -e "$("${CC:-cc}" -print-file-name=$lib)" ] ||
		    skip "$lib is not there"
	done
	run -0 objdump -p "$ctl"
	[[ $output != *NEEDED* ]]
}

settled() # DESCRIPTORS
{
	[ "$(find "/proc/${SERVER[1]}/fd" | wc -l)" -le "$1" ]
}
