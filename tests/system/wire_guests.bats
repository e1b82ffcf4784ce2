# SPDX-License-Identifier: BSD-2-Clause
# bats file for what others do at the ends of shmif_wire: passt, QEMU, the lab.
#
# The firmware of a guest waits by counting; its clock goes by its instructions, and
# fast (-icount), so one costs half a second of a processor.  Guests of Linux cost
# more: they are started with GUESTS=1 only: GUESTS=1 make check TESTS=wire_guests.
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
	    -F 10.7.0.50,10.7.0.60,1h -l "$PWD/leases" --user=root --no-ping \
	    --dhcp-boot=http://10.7.0.1/boot
	start qemu.out qemu-system-x86_64 -M pc -m 64 -display none -boot n \
	    -icount shift=8 -device virtio-net-pci,netdev=n -netdev "$@"
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

# two_guests NETDEV NETDEV - two guests of Linux with these: a kernel and busybox of
# Debian's.  They ping each other, and each fetches 10 MiB of the other by HTTP.
two_guests()
{
	local kernel version module i
	kernel=$(ls /boot/vmlinuz-* 2>/dev/null | tail -n 1)
	[ -r "$kernel" ] || skip 'no linux-image is installed'
	version=${kernel#/boot/vmlinuz-}
	[ -x /bin/busybox ] && ! ldd /bin/busybox 2>/dev/null | grep -q '=>' ||
		skip 'busybox-static is not installed'
	have cpio modprobe
	mkdir -p guest/bin guest/lib guest/www
	cp /bin/busybox guest/bin
	: >modules
	for module in virtio_pci virtio_net; do
		modprobe -S "$version" --show-depends $module |
		    sed -n 's/^insmod //p' >>modules ||
			skip "no modules of $version"
	done
	i=00
	while read -r module; do
		printf -v i %02d $((10#$i + 1)) # their order
		cp "$module" guest/lib/$i.ko
	done < <(awk '!seen[$0]++' modules)
	cat >guest/init <<-'END'
	#!/bin/busybox sh
	/bin/busybox --install -s /bin
	export PATH=/bin
	mkdir -p /proc /sys /dev
	mount -t proc p /proc
	mount -t sysfs s /sys
	mount -t devtmpfs d /dev
	for m in /lib/*; do insmod $m; done
	me=$(sed 's/.*me=\([0-9]\).*/\1/' /proc/cmdline)
	other=$((3 - me))
	ip link set lo up
	ip addr add 10.6.0.$me/24 dev eth0
	ip link set eth0 up
	dd if=/dev/urandom of=/www/data bs=64k count=160 2>/dev/null
	httpd -h /www
	echo "has $(sha256sum </www/data)"
	until ping -c 1 -w 2 10.6.0.$other >/dev/null; do :; done
	ping -c 3 10.6.0.$other && echo pinged
	until wget -q -O /got http://10.6.0.$other/data; do sleep 1; done
	echo "got $(sha256sum </got)"
	while :; do sleep 1000; done
	END
	chmod +x guest/init
	(cd guest && find . | cpio -o -H newc --quiet) | gzip -1 >initramfs
	for i in 1 2; do
		start guest$i qemu-system-x86_64 -accel tcg -m 128 \
		    -display none -no-reboot -serial stdio -monitor none \
		    -kernel "$kernel" -initrd initramfs \
		    -append "console=ttyS0 quiet me=$i" \
		    -device virtio-net-pci,netdev=n,mac=02:00:00:00:06:0$i,romfile= \
		    -netdev "${!i}"
	done
	for i in 1 2; do
		until_true grep -qa "^got" guest$i || { tail -n 20 guest?; return 1; }
		grep -qa ^pinged guest$i
	done
	[ "$(said 1 has)" = "$(said 2 got)" ]
	[ "$(said 2 has)" = "$(said 1 got)" ]
	[ "$(said 1 has)" != "$(said 2 has)" ]
}

said() # GUEST WORD
{
	grep -a "^$2 " guest$1 | tr -d '\r' | sed "s/^$2 //"
}

long()
{
	tools
	have qemu-system-x86_64
	[ -n "${GUESTS-}" ] || skip 'guests take long: with GUESTS=1 only'
}

@test "two guests by -netdev stream: ping, and 10 MiB each way, exact" {
	long
	start wire.out "$wire" bus "stream:$PWD/1.sock,listen" \
	    "stream:$PWD/2.sock,listen"
	until_true test -S 2.sock
	two_guests \
	    stream,id=n,server=off,addr.type=unix,addr.path="$PWD/1.sock" \
	    stream,id=n,server=off,addr.type=unix,addr.path="$PWD/2.sock"
}

@test "two guests by -netdev dgram, and the bus between two wires" {
	local i
	long
	for i in 1 2; do
		start wire$i.out "$wire" bus "dgram:$PWD/w$i.sock,$PWD/q$i.sock"
		until_true test -S w$i.sock
	done
	for i in 1 2; do
		eval "dev$i=dgram,id=n,local.type=unix,local.path=$PWD/q$i.sock,\
remote.type=unix,remote.path=$PWD/w$i.sock"
	done
	two_guests "$dev1" "$dev2"
}

@test "two guests by -netdev vde, each an attachment that has a name" {
	long
	[ -e "$BUILD/lib/vdeplug/libvdeplug_shmif.so" ] ||
		skip 'there is no libvdeplug'
	[ -z "${SHMIF_SAN-}" ] || skip 'sanitizers have to be loaded first'
	qemu-system-x86_64 -netdev help | grep -qx vde ||
		skip 'this QEMU has no -netdev vde'
	export VDEPLUGIN_PATH=$BUILD/lib/vdeplug
	two_guests "vde,id=n,sock=shmif://$PWD/bus[name=qemu1]" \
	    "vde,id=n,sock=shmif://$PWD/bus[name=qemu2]"
	"$BUILD/bin/shmifctl" bus bus >names
	grep -q ' qemu1 alive' names
	grep -q ' qemu2 alive' names
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
	grep -q 'second router: Linux' log || return 0
	grep -q '^no guest: ' log ||
		"$pcap_hex" out/right.pcap | grep -q 020000000309
}
