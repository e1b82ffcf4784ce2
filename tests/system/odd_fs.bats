# SPDX-License-Identifier: BSD-2-Clause
# bats file for buses on file systems other than the usual ones: full ones,
# layered ones, those of user-mode processes.  Each test mounts in a mount
# namespace of its own, and skips where it may not.

load ../lib/ctl

# in_namespace - runs the script of its standard input in a mount namespace, where
# it may mount on the folder m; exit status 77: that is not to be had here.
in_namespace()
{
	[ "$(id -u)" -eq 0 ] || skip 'needs root: to mount'
	mkdir -p m
	cat >script
	export ctl dump server BUILD HERE
	run unshare -m --propagation private bash -eu script
	echo "$output"
	[ "$status" -ne 77 ] || skip "${lines[-1]}"
	[ "$status" -eq 0 ]
}

@test "a sparse copy on a full tmpfs: no space, and not truncated" {
	"$ctl" bus bus create
	"$BUILD/tests/system/busfeed" -q -c 20 bus
	"$dump" -w in.pcap bus
	# Its table and its slots are holes again, as in a copy by cp.
	"$ctl" bus sparse create
	fallocate --punch-hole -o 4096 -l "$(($(stat -c %s sparse) - 4096))" \
	    sparse || skip 'this file system has no holes'
	in_namespace <<-'END'
	mount -t tmpfs -o size=1m none m || { echo 'no tmpfs'; exit 77; }
	cp --sparse=always sparse m/bus
	dd if=/dev/zero of=m/rest bs=4096 2>/dev/null || :
	status=0
	said=$("$BUILD/bin/shmif_pcapin" in.pcap m/bus 2>&1) || status=$?
	echo "$status: $said"
	[ $status -eq 1 ]
	[ "$said" = 'shmif_pcapin: m/bus: No space left on device' ]
	END
}

@test "a server says that its bus has no space" {
	in_namespace <<-'END'
	mount -t tmpfs -o size=8m none m || { echo 'no tmpfs'; exit 77; }
	"$server" unix://a.sock 2>log &
	trap 'kill $!; wait' EXIT
	export SHMIF_SERVER=unix://a.sock
	for i in {1..600}; do
		"$ctl" server >/dev/null 2>&1 && break
		sleep 0.05
	done
	"$ctl" shmif0 create linkstr m/bus inet 10.0.0.1/24 up
	# What was allocated goes to others.
	fallocate --punch-hole -o 69632 -l "$(($(stat -c %s m/bus) - 69632))" \
	    m/bus || { echo 'no holes'; exit 77; }
	dd if=/dev/zero of=m/rest bs=4096 2>/dev/null || :
	"$ctl" ping -c1 -W 0.1 10.0.0.2 || :
	for i in {1..600}; do
		"$ctl" shmif0 | grep -q 'bus no space: nothing is sent' && break
		sleep 0.05
	done
	"$ctl" -j shmif0 | grep -q '"bus":"no space"'
	grep -q 'm/bus: No space left on device' log
	! grep truncated log
	END
}

@test "btrfs: a full one is said to have no space, and nothing is left there" {
	[ -n "$(command -v mkfs.btrfs)" ] || skip 'needs mkfs.btrfs'
	"$ctl" bus bus create
	"$BUILD/tests/system/busfeed" -q -c 20 bus
	"$dump" -w in.pcap bus
	in_namespace <<-'END'
	truncate -s 120M image
	mkfs.btrfs -q image >/dev/null
	mount -o loop image m 2>/dev/null || { echo 'no loop device'; exit 77; }
	trap 'umount m' EXIT
	"$ctl" bus m/bus create
	"$BUILD/tests/system/busfeed" -q -c 3 m/bus
	"$dump" --expect 3 m/bus >/dev/null
	sync -f m
	dd if=/dev/zero of=m/rest bs=65536 2>/dev/null || :
	! "$ctl" bus m/new create mtu 9000 2>said
	cat said
	grep -q 'm/new: No space left on device' said
	[ ! -e m/new ]
	# It allocates again for what is written again: that may work or not,
	# and is slow in finding out.
	status=0
	said=$(timeout 20 "$BUILD/bin/shmif_pcapin" in.pcap m/bus 2>&1) ||
		status=$?
	echo "$status: $said"
	case $status in
	0 | 124) ;;
	*) [ "$said" = 'shmif_pcapin: m/bus: No space left on device' ] ;;
	esac
	END
}

@test "overlayfs: a reader notices that the first writer copied the file" {
	in_namespace <<-'END'
	mount -t tmpfs none m || { echo 'no tmpfs'; exit 77; }
	mkdir m/lower m/upper m/work m/all
	"$ctl" bus m/lower/bus create
	mount -t overlay none -o \
	    lowerdir=m/lower,upperdir=m/upper,workdir=m/work m/all ||
	    { echo 'no overlayfs'; exit 77; }
	"$dump" -f m/all/bus >out 2>log &
	reader=$!
	trap 'kill $reader 2>/dev/null || :; wait' EXIT
	# It has opened the file once it has mapped it.
	for i in {1..600}; do
		grep -q /bus "/proc/$reader/maps" && break
		sleep 0.05
	done
	sleep 0.2
	"$BUILD/tests/system/busfeed" -q -c 3 m/all/bus
	[ -e m/upper/bus ]
	for i in {1..600}; do
		grep -q 'the bus file was replaced by another' log && break
		sleep 0.05
	done
	cat log
	grep -q 'm/all/bus: the bus file was replaced by another' log
	# Who comes now is where the writers are.
	"$dump" --expect 3 m/all/bus >/dev/null
	END
}

@test "FUSE: a bus works where shared mappings do" {
	[ -n "$(command -v bindfs)" ] || skip 'needs bindfs'
	in_namespace <<-'END'
	mkdir -p below
	bindfs below m 2>/dev/null || { echo 'no FUSE'; exit 77; }
	trap 'umount m' EXIT
	"$ctl" bus m/bus create mode 640
	"$BUILD/tests/system/busfeed" -q -c 3 m/bus
	"$dump" --expect 3 m/bus >/dev/null
	[ "$(stat -c %a below/bus)" = 640 ]
	END
}

@test "FUSE without shared mappings: one line, and nothing is left" {
	[ -n "$(command -v fuse2fs)" ] || skip 'needs fuse2fs'
	in_namespace <<-'END'
	truncate -s 16M image
	mke2fs -q -t ext4 image
	fuse2fs -o direct_io,rw image m >/dev/null 2>&1 ||
	    { echo 'no FUSE'; exit 77; }
	trap 'umount m' EXIT
	status=0
	said=$("$ctl" bus m/bus create 2>&1) || status=$?
	echo "$said"
	[ -n "$said" ] || { echo 'this kernel maps them'; exit 77; }
	[ $status -eq 1 ]
	[ "$(wc -l <<<"$said")" -eq 1 ]
	grep -q 'no shared mappings' <<<"$said"
	[ ! -e m/bus ]
	"$server" -o sh0=m/bus unix://a.sock 2>said && exit 1
	grep -q 'no shared mappings' said
	[ ! -e m/bus ]
	END
}
