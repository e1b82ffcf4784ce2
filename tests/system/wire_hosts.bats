# SPDX-License-Identifier: BSD-2-Clause
# bats file for buses of several hosts, which are network namespaces here: joined
# by VDE's vxvde, by the kernel's VXLAN, and by Open vSwitch.
#
# HOSTS=1 make check TESTS=wire_hosts (or make joins) runs all of them and sends
# 100 MiB each time; without, it is the first only, and 2 MiB.
#
# slow: 6

load ../lib/dumpbus
load ../lib/hosts

begin() # N
{
	need ip python3
	command -v nc >/dev/null || skip 'there is no nc'
	"$BUILD/bin/mstack" null true 2>/dev/null ||
		skip 'no seccomp notifications here'
	READER=$(mktemp -d "${TMPDIR:-/tmp}/hosts.XXXXXX")
	cd "$READER" || return
	MIB=2
	[ -z "${HOSTS-}" ] || MIB=100
	hosts "$1" || skip 'cannot make network namespaces here'
}

vde()
{
	[ -e "$BUILD/lib/vdeplug/libvdeplug_shmif.so" ] ||
		skip 'there is no libvdeplug'
	[ -z "${SHMIF_SAN-}" ] || skip 'sanitizers have to be loaded first'
	need vde_plug
	local folder
	folder=$(dirname "$(ldconfig -p | sed -n 's/.*=> //p' |
	    grep libvdeplug_mod | head -n 1)")
	[ -e "$folder/vdeplug/libvdeplug_vxvde.so" ] || skip 'there is no vxvde'
	export VDEPLUGIN_PATH=$BUILD/lib/vdeplug:$folder/vdeplug
}

teardown()
{
	end_all
	hosts_end
	cd / && [ -z "$READER" ] || rm -rf "$READER"
}

on()
{
	"$BUILD/bin/shmifctl" -s "unix://$PWD/h$1.sock" "${@:2}"
}

# reached - host 1's stack reaches host 2's
reached()
{
	on 1 ping 10.5.0.2 -c 1 | grep -q '1 received'
}

# Takes one connection, and writes what comes into a file.
receive='
import socket, sys
a, name = sys.argv[1:]
s = socket.create_server((a, 5000),
    family=socket.AF_INET6 if ":" in a else socket.AF_INET)
print("ready")
c = s.accept()[0]
with open(name, "wb", buffering=0) as f:
    while True:
        data = c.recv(1 << 16)
        if not data:
            break
        f.write(data)
'

# transfer PLUG - $MIB MiB from host 1 to host 2 by IPv4 and back by IPv6, exact.
# When half of it has arrived the plug of host 1 is killed; the rest is on its way
# by then; PLUG is run to put it in again.
transfer()
{
	local way from to addr half=$((MIB * 524288))
	head -c $half /dev/urandom >one
	head -c $half /dev/urandom >two
	cat one two >sent
	for way in '1 2 10.5.0.2' '2 1 fd05::1'; do
		read -r from to addr <<<"$way"
		rm -f gate && mkfifo gate
		: >got
		start receiver timeout 300 "$BUILD/bin/mstack" h$to.sock \
		    python3 -u -c "$receive" $addr got
		receiver=$PID
		until_true grep -q ready receiver
		start sender timeout 300 sh -c \
		    '{ cat one; cat gate >/dev/null; cat two; } |
		    "$1" "$2" nc -N "$3" 5000' sh "$BUILD/bin/mstack" \
		    h$from.sock $addr
		until_true eval '[ "$(stat -c %s got)" -eq '$half' ]'
		kill -KILL $PLUG1
		wait $PLUG1 2>/dev/null || :
		: >gate
		until_true eval '! plugged 1'
		"$@"
		PLUG1=$PLUG
		finished $receiver 0
		cmp sent got
	done
}

@test "two hosts by vxvde: exact, also when a plug is killed; a loop is bounded" {
	local n
	begin 2
	vde
	plug_vxvde 2
	plug_vxvde 1
	PLUG1=$PLUG
	stack_on 1
	stack_on 2
	until_true reached
	transfer plug_vxvde 1
	until_true plugged 1
	# A second plug of the same host to the same network.
	start second ip netns exec ${HOST}1 vde_plug \
	    "shmif://$PWD/h1.bus[name=second]" vxvde://239.1.2.3
	until_true eval '"$BUILD/bin/shmifctl" bus h1.bus |
	    grep -q " second alive"'
	until_true reached
	# Frames to everybody, of a third station: what goes around is said.
	until_true eval 'echo "$arp" | "$feed" -i -q h1.bus;
	    cat plug1.err second.err | grep -q "a loop: frames of"'
	# And goes around no more: the tail stands still.
	until_true still h1.bus
	until_true reached
}

still() # BUS
{
	local before
	before=$("$dump" -h "$1" | grep '^tail')
	sleep 0.3
	[ "$before" = "$("$dump" -h "$1" | grep '^tail')" ]
}

@test "two hosts by the kernel's VXLAN and taps: exact, also when a wire is killed" {
	[ -n "${HOSTS-}" ] || skip 'it takes long: with HOSTS=1 only'
	begin 2
	plug_vxlan 2 || skip 'this kernel has no VXLAN or no bridge'
	plug_vxlan 1
	PLUG1=$PLUG
	stack_on 1
	stack_on 2
	until_true reached
	transfer replug_vxlan 1
}

# Open vSwitch in host N, in user space; its tunnel is to host M
ovs() # N M
{
	local dir=$PWD/ovs$1
	mkdir -p $dir
	export OVS_RUNDIR=$dir OVS_DBDIR=$dir OVS_LOGDIR=$dir OVS_SYSCONFDIR=$dir
	ovsdb-tool create $dir/conf.db /usr/share/openvswitch/vswitch.ovsschema \
	    >/dev/null
	start ovsdb$1 ip netns exec $HOST$1 ovsdb-server $dir/conf.db \
	    --remote=punix:$dir/db.sock --unixctl=$dir/ovsdb.ctl
	until_true test -S $dir/db.sock
	ovs-vsctl --db=unix:$dir/db.sock --no-wait init
	start vswitchd$1 ip netns exec $HOST$1 ovs-vswitchd \
	    unix:$dir/db.sock --unixctl=$dir/vswitchd.ctl
	until_true test -S $dir/vswitchd.ctl
	vsctl="ip netns exec $HOST$1 ovs-vsctl --db=unix:$dir/db.sock --timeout=20"
	# The tunnel's packets leave by a bridge of user space, too.
	$vsctl add-br phy -- set bridge phy datapath_type=netdev -- \
	    add-port phy e0 || return 1
	ip -n $HOST$1 addr flush dev e0
	ip -n $HOST$1 addr add 172.16.0.$1/24 dev phy || return 1
	ip -n $HOST$1 link set phy up
	$vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- \
	    add-port br0 vx -- set interface vx type=vxlan \
	    options:remote_ip=172.16.0.$2 options:key=7 || return 1
	ip -n $HOST$1 link set br0 up
	ip -n $HOST$1 tuntap add dev t0 mode tap
	ip -n $HOST$1 link set t0 up
	$vsctl add-port br0 t0
	replug_ovs $1
}

# The tap stays: a port of a switch that goes is another one when it comes back.
replug_ovs() # N
{
	start plug$1 ip netns exec $HOST$1 "$BUILD/bin/shmif_wire" -n plug$1 \
	    h$1.bus tap:t0
	PLUG=$PID
}

@test "two hosts by Open vSwitch in user space: exact, also when a wire is killed" {
	[ -n "${HOSTS-}" ] || skip 'it takes long: with HOSTS=1 only'
	begin 2
	for program in ovs-vsctl ovsdb-server ovs-vswitchd ovsdb-tool; do
		command -v $program >/dev/null ||
			skip "$program is not installed"
	done
	ovs 2 1 || skip "Open vSwitch: $(tail -n 1 vswitchd2.err)"
	ovs 1 2
	PLUG1=$PLUG
	stack_on 1
	stack_on 2
	until_true reached
	transfer replug_ovs 1
}
