# SPDX-License-Identifier: BSD-2-Clause
# bats file for what others do at the ends of shmif_wire: passt, QEMU, the lab.
#
# A guest takes 12 s of a processor until its firmware has asked for the network, so
# guests are started with GUESTS=1 only: GUESTS=1 make check TESTS=wire_guests.
#
# slow: 5

load ../lib/dumpbus

tools()
{
	wire=$BUILD/bin/shmif_wire
	[ -x "$wire" ] || skip 'there is no shmif_wire'
	NET=
	# A socket's name is short; passt, as root, becomes nobody.
	READER=$(mktemp -d "${TMPDIR:-/tmp}/wire.XXXXXX")
	chmod 777 "$READER"
	cd "$READER" || return
}

teardown()
{
	end_all
	[ -z "${NET-}" ] || ip netns del $NET || :
	[ -z "$READER" ] || rm -rf "$READER"
}

# have PROGRAM... - skips where one is not installed
have()
{
	local program
	for program; do
		command -v "$program" >/dev/null ||
			skip "$program is not installed"
	done
}

@test "passt: a stack of the bus gets its lease, and fetches from the host" {
	tools
	have passt curl python3
	[ -x "$BUILD/bin/mstack" ] && "$BUILD/bin/mstack" null true ||
		skip 'no seccomp notifications here'
	gateway=$(ip -4 route 2>/dev/null |
	    sed -n 's/^default via \([0-9.]*\).*/\1/p' | head -n 1)
	[ -n "$gateway" ] || skip 'this host has no default route for passt'
	head -c 1000000 /dev/urandom >data
	start web python3 -u -c '
import functools, http.server as h
s = h.HTTPServer(("127.0.0.1", 0), h.SimpleHTTPRequestHandler)
print("port", s.server_port)
s.serve_forever()'
	start passt.out passt -f -s "$PWD/p.sock"
	passt=$PID
	until_true eval '[ -S p.sock ] || ! kill -0 $passt'
	[ -S p.sock ] || skip "passt: $(tail -n 1 passt.out.err)"
	start wire.out "$wire" bus "stream:$PWD/p.sock,connect"
	start stack "$BUILD/bin/shmif_server" "unix://$PWD/s.sock"
	until_true test -S s.sock
	ctl=("$BUILD/bin/shmifctl" -s "unix://$PWD/s.sock")
	"${ctl[@]}" shmif0 create linkstr bus up dhcp
	until_true eval '"${ctl[@]}" shmif0 | grep -q "inet [1-9]"'
	until_true grep -q port web
	timeout 100 "$BUILD/bin/mstack" s.sock curl -s -o got \
	    "http://$gateway:$(sed 's/port //' web)/data"
	cmp data got
}

# guest OPTION... - iPXE in QEMU boots by network; a namespace serves it, by DHCP
# and HTTP, from its tap on the bus
guest()
{
	[ -n "${GUESTS-}" ] || skip 'a guest takes long: with GUESTS=1 only'
	NET=wireg$$
	[ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] && ip netns add $NET || {
		NET=
		skip 'cannot make a network namespace'
	}
	start tap.out ip netns exec $NET "$wire" bus tap:t0
	until_true ip -n $NET link show t0
	ip -n $NET addr add 10.7.0.1/24 dev t0
	ip -n $NET link set t0 up
	mkdir -p www
	printf '#!ipxe\nimgfetch http://10.7.0.1/data\npoweroff\n' >www/boot
	head -c 300000 /dev/urandom >www/data
	(cd www && start ../web ip netns exec $NET python3 -u -m http.server \
	    --bind 10.7.0.1 80 && echo "$PID" >../web.pid)
	PIDS="$PIDS $(cat web.pid)"
	start dns ip netns exec $NET dnsmasq -d -C /dev/null -p 0 -i t0 \
	    -F 10.7.0.50,10.7.0.60,1h -l "$PWD/leases" --user=root \
	    --dhcp-boot=http://10.7.0.1/boot
	start qemu.out qemu-system-x86_64 -M pc -m 64 -display none -no-reboot \
	    -boot n -device virtio-net-pci,netdev=n -netdev "$@"
	until_true grep -q 'GET /data.* 200' web.err
	grep -q '10.7.0.5' leases
	grep -q 'GET /boot.* 200' web.err
}

@test "iPXE in QEMU by -netdev stream: a lease, and a file by HTTP" {
	tools
	have qemu-system-x86_64 dnsmasq python3 ip
	start wire.out "$wire" bus "stream:$PWD/q.sock,listen"
	until_true test -S q.sock
	guest stream,id=n,server=off,addr.type=unix,addr.path="$PWD/q.sock"
}

@test "the same by -netdev dgram" {
	tools
	have qemu-system-x86_64 dnsmasq python3 ip
	start wire.out "$wire" bus "dgram:$PWD/w.sock,$PWD/q.sock"
	until_true test -S w.sock
	guest "dgram,id=n,local.type=unix,local.path=$PWD/q.sock,\
remote.type=unix,remote.path=$PWD/w.sock"
}

@test "the same by -netdev vde, the plug-in of VDE" {
	tools
	have qemu-system-x86_64 dnsmasq python3 ip
	[ -e "$BUILD/lib/vdeplug/libvdeplug_shmif.so" ] ||
		skip 'there is no libvdeplug'
	[ -z "${SHMIF_SAN-}" ] || skip 'sanitizers have to be loaded first'
	qemu-system-x86_64 -netdev help | grep -qx vde ||
		skip 'this QEMU has no -netdev vde'
	export VDEPLUGIN_PATH=$BUILD/lib/vdeplug
	guest "vde,id=n,sock=shmif://$PWD/bus"
}

@test "the lab: three networks, two routers, a lossy wire, captures" {
	tools
	mkdir out
	BIN=$BUILD/bin timeout 100 "$TOP/examples/lab.sh" out >log 2>&1 ||
		{ cat log; return 1; }
	cat log
	for bus in left middle far right; do
		"$pcap_hex" out/$bus.pcap | grep -q .
	done
	# Both ways, and nothing is left.
	grep -q 'received' log
	[ "$(ls out | wc -l)" = 4 ]
}
