#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The house is in order: who may use whom (tests/lib/arrows has the table), how
# long a file is, how full a folder.  And the rule of arrows is seen to be broken
# by each arrow that is not allowed.

# A product file has one subject, and whoever opens a folder can take it in.
LINES_MAX=600
FILES_MAX=18

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
	arrows=$TOP/tests/lib/arrows
	command -v python3 || skip "python3 is not installed"
	cd "$BATS_TEST_TMPDIR"
}

product() { # the C files and headers of the product, from the root
	(cd "$TOP" && find base ctl dumpbus mstack shmbus shmif stack vde wire \
	    -name '*.[ch]' 2>/dev/null | sort)
}

@test "no arrow of the objects points up" {
	cd "$TOP"
	"$arrows" "$BUILD/obj"
}

# file PATH [NAME] - adds a file to the small tree here, which uses what PATH
# defines.  Each file defines one function, called as the file.
file() {
	local name=${1//[\/.]/_} use=${2-}
	use=${use//[\/.]/_}
	mkdir -p "${1%/*}" "obj/${1%/*}"
	printf 'void %s(void);\n%s\nvoid %s(void)\n{\n%s\n}\n' "$name" \
	    "${use:+void $use(void);}" "$name" "${use:+	$use();}" >"$1.c"
	"${CC:-gcc}" -c -o "obj/$1.o" "$1.c"
}

# small - a tree of a file in each layer, each of which uses the one below.
small() {
	local in=stack/lwipv6
	file base/a
	file shmbus/a base/a
	file shmif/a shmbus/a
	file ctl/wire base/a
	file ctl/serve/a shmif/a
	file ctl/shmif_server/a ctl/serve/a
	file ctl/shmifctl/a ctl/wire
	file dumpbus/a shmbus/a
	file $in/port shmif/a
	file $in/threads/a $in/port
	file $in/link/a $in/threads/a
	file $in/ip/a $in/link/a
	file $in/tcp/a $in/ip/a
	file $in/sock/a $in/tcp/a
	file $in/ctl/a $in/sock/a
	file $in/driver/a $in/ctl/a
	"$arrows" obj
}

@test "an object with an arrow that is not allowed is found" {
	local in=stack/lwipv6 path used n=0
	small
	# Each of these alone is one.
	while read -r path used; do
		n=$((n + 1))
		file "$path$n" "$used"
		echo "$path$n.c: ${used//[\/.]/_}" >>want
	done <<-END
	base/b shmbus/a
	base/b ctl/wire
	shmbus/b shmif/a
	shmbus/b dumpbus/a
	shmif/b ctl/serve/a
	shmif/b $in/driver/a
	ctl/wire_b shmbus/a
	ctl/serve/b $in/ctl/a
	ctl/serve/b ctl/shmif_server/a
	ctl/shmifctl/b shmif/a
	dumpbus/b shmif/a
	$in/port_b $in/threads/a
	$in/wall/b $in/threads/a
	$in/replace/b $in/driver/a
	$in/threads/b $in/link/a
	$in/link/b $in/ip/a
	$in/link/b ctl/serve/a
	$in/ip/b $in/tcp/a
	$in/tcp/b $in/sock/a
	$in/sock/b $in/ctl/a
	$in/ctl/b $in/driver/a
	$in/driver/b shmbus/a
	END
	run "$arrows" obj
	echo "$output"
	[ "$status" -eq 1 ]
	sed 's/^not allowed: .* -> [^ ]*  //' <<<"$output" | sort >got
	sort want | diff - got
	# One is enough.
	rm -r obj base ctl dumpbus shmbus shmif stack
	small
	file base/b shmbus/a
	run "$arrows" obj
	[ "$status" -eq 1 ]
}

@test "so is what it includes, a file without a layer, and a large circle" {
	local in=stack/lwipv6 i
	small
	echo '#include "stack/lwipv6/sock/sock.h"' >$in/ip/b.h
	run "$arrows" obj
	[ "$status" -eq 1 ]
	[[ $output == *'ip -> sock  stack/lwipv6/ip/b.h: #include'* ]]
	rm $in/ip/b.h
	file stack/other/a
	run "$arrows" obj
	[ "$status" -eq 1 ]
	[[ $output == *'stack/other/a.c: in no layer'* ]]
	rm stack/other/a.c
	# Ten are a circle that one can know; eleven are not.
	for i in {1..10}; do
		file $in/sock/c$i $in/sock/c$((i % 10 + 1))
	done
	"$arrows" obj
	file $in/sock/c10 $in/sock/c11
	file $in/sock/c11 $in/sock/c1
	run "$arrows" obj
	[ "$status" -eq 1 ]
	[[ $output == *'circle of 11 files: '* ]]
}

@test "an archive without objects is no build" {
	mkdir obj
	run "$arrows" obj
	[ "$status" -eq 2 ]
}

@test "no file of the product is longer than $LINES_MAX lines" {
	cd "$TOP"
	product | xargs wc -l |
	    awk -v max=$LINES_MAX '$2 != "total" && $1 > max { print; bad = 1 }
		END { exit bad }'
}

@test "no folder has more than $FILES_MAX files of one kind" {
	product | sed 's|/[^/]*\.| |' | sort | uniq -c |
	    awk -v max=$FILES_MAX '$1 > max { print; bad = 1 }
		END { exit bad }'
}

@test "shmif, the bus and the server name no stack" {
	cd "$TOP"
	local named
	named=$(grep -rilE 'lwip' base dumpbus shmbus shmif ctl/serve \
	    ctl/shmifctl ctl/*.[ch]) || :
	echo "$named"
	# It tells pkg-config what libshmif is linked with.
	[ "$named" = shmif/shmif.pc.in ]
}

@test "headers are named from the root" {
	cd "$TOP"
	local bad
	# shmif_netif.c is for the trees of others, its header beside it.
	bad=$(product | grep -v '^stack/lwip/shmif_netif\.c$' |
	    xargs grep -nE '^#[[:space:]]*include "([^/"]*"|\.)') || :
	echo "$bad"
	[ -z "$bad" ]
}

@test "what the documents name is there" {
	cd "$TOP"
	local doc name bad=
	for doc in *.md */*.md; do
		for name in $(grep -oE '\]\([^):#]+\)' "$doc" | sed 's/^](//;s/)$//'); do
			[ -e "$(dirname "$doc")/$name" ] ||
				bad="$bad $doc:$name"
		done
	done
	# Tests of the invariants, and files that are named with their folder.
	for name in $(sed -n 's/^| I[1-8] |.*| \(.*\) |$/\1/p' ARCHITECTURE.md |
	    tr -d ,); do
		[ "$name" = model ] || [ -e "$name.c" ] ||
			ls tests/*/"${name%_test}_test.c" >/dev/null ||
			bad="$bad ARCHITECTURE.md:$name"
	done
	for doc in ARCHITECTURE.md HACKING.md SECURITY.md; do
		for name in $(grep -oE '`[a-z0-9_.]+/[a-z0-9_/.]+`' "$doc" |
		    tr -d '`'); do
			[ -e "$name" ] || [ -e "stack/lwipv6/$name" ] ||
				[ -e "ctl/$name" ] || [[ $name == build/* ]] ||
				[[ $name == tests/system/ctl_\*.bats ]] ||
				bad="$bad $doc:$name"
		done
	done
	echo "$bad"
	[ -z "$bad" ]
}

@test "the code has the barriers that the table in ring.c names" {
	run "$TOP/tests/lib/barriers" "$TOP/shmbus"
	[ "$output" = "" ]
	[ "$status" = 0 ]
}

@test "a barrier that is missing or weaker is noticed" {
	local n=0
	# weaker FILE LINE-PATTERN FROM TO - in a copy of the folder
	weaker() {
		n=$((n + 1))
		mkdir "$n"
		cp "$TOP"/shmbus/*.[ch] "$n"
		sed -i "/$2/s/$3/$4/" "$n/$1"
		! cmp -s "$n/$1" "$TOP/shmbus/$1"
	}
	weaker ring.c 'ring:tail \*' AO_load_acquire AO_load
	weaker ring.c 'ring:word \*' AO_load_acquire AO_load
	weaker ring.c 'ring:seq \*' AO_store_release AO_store
	weaker ring.c 'AO_fetch_compare' _full _acquire
	weaker ring.c '^\t\t\tring_fence' 'ring_fence()' '(void)0'
	weaker ring_word.h 'ring:recheck' 'AO_nop_read()' '(void)0'
	weaker ring_join.c 'ring:tidy' 'ring_fence()' '(void)0'
	weaker ring_loss.c 'ring:settle' AO_load_acquire AO_load
	weaker internal.h 'ring:publish' 'ring_fence()' '(void)0'
	weaker bell.c 'bell:sleep, pairs' AO_or_full AO_or
	weaker bell.c '^\tring_fence' 'ring_fence()' '(void)0'
	weaker ring_recv.c 'ring:word' ring:word ring:words
	run "$TOP/tests/lib/barriers" $(seq "$n")
	[ "$status" = 1 ]
	# Each of them is found.
	[ "$(cut -d: -f1 <<<"$output" | sort -u | wc -l)" = "$n" ]
}
