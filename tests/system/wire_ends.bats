# SPDX-License-Identifier: BSD-2-Clause
# bats file for ends of shmif_wire that are taps and networks of VDE: frames up to
# the MTU of either pass both ways, byte for byte, tags too; longer ones are counted.
#
# slow: 6

load ../lib/dumpbus
load ../lib/wirejoin

every=ffffffffffff one=020000000001

# frames MTU - on standard output: of all lengths that matter, and with a tag
frames()
{
	python3 -c 'import sys
mtu = int(sys.argv[1])
for kind, n in (("88b5", 14), ("88b5", 60), ("88b5", mtu + 14),
                ("8100600788b5", 20), ("8100600788b5", mtu + 18)):
    f = bytes.fromhex("ffffffffffff020000000001" + kind)
    print((f + bytes((i * 7 + n) & 255 for i in range(len(f), n))).hex())' "$1"
}

@test "vde: at MTU 1500, 9000 and 65521" {
	setup_wire
	[ -e "$BUILD/lib/vdeplug/libvdeplug_shmif.so" ] ||
		skip 'there is no libvdeplug'
	[ -z "${SHMIF_SAN-}" ] || skip 'sanitizers have to be loaded first'
	export VDEPLUGIN_PATH=$BUILD/lib/vdeplug
	for mtu in 1500 9000 65521; do
		rm -f ?.bus
		"$feed" -m $mtu -s 64 b.bus </dev/null
		join -m $mtu -S 64 a.bus "vde:shmif://$PWD/b.bus"
		frames $mtu >sent
		"$feed" -i -q a.bus <sent
		counts 2 out frames 5
		until_true eval 'remembered b.bus >got; lines_in got 5'
		cmp sent got
		sed "s/^$every$one/${every}020000000002/" sent >back
		"$feed" -i -q b.bus <back
		counts 1 out frames 5
		remembered a.bus | tail -n 5 | cmp back -
		balanced
		kill $WIRE
		finished $WIRE 0
	done
}

@test "tap: at MTU 1500, 9000 and 65521" {
	setup_wire
	NET=wiree$$
	{ [ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] &&
		ip netns add $NET 2>/dev/null; } || {
		NET=
		skip 'cannot make a network namespace'
	}
	# Nothing but what the test sends is to be heard.
	ip netns exec $NET sh -c \
	    'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	for mtu in 1500 9000 65521; do
		rm -f ?.bus
		in_net="ip netns exec $NET"
		join -m $mtu -S 64 a.bus tap:t0
		ip -n $NET link set t0 mtu $mtu up
		start seen ip netns exec $NET python3 -u \
		    "$TOP/tests/system/packets" t0 5
		until_true grep -q ready seen
		frames $mtu >sent
		"$feed" -i -q a.bus <sent
		until_true lines_in seen 6
		sed 1d seen | cmp sent -
		counts 2 out frames 5
		sed "s/^$every$one/${every}020000000002/" sent >back
		ip netns exec $NET python3 "$TOP/tests/system/packets" t0 <back
		counts 1 out frames 5
		remembered a.bus | tail -n 5 | cmp back -
		# The tap's MTU is made smaller: what is longer is counted.
		if [ $mtu = 9000 ]; then
			ip -n $NET link set t0 mtu 1500
			until_true eval 'tail -n 2 sent | "$feed" -i -q a.bus
			    shown; [ "$(count 2 out too_long)" != 0 ]'
		fi
		balanced
		kill $WIRE
		finished $WIRE 0
		unset in_net
	done
}

teardown()
{
	end_all
	[ -z "${NET-}" ] || ip netns del $NET || :
	[ -z "$READER" ] || rm -rf "$READER"
}
