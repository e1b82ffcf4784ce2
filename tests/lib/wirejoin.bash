# SPDX-License-Identifier: BSD-2-Clause
# What the tests of shmif_wire have in common; bats loads it, behind dumpbus.

setup_wire()
{
	wire=$BUILD/bin/shmif_wire
	peer=$TOP/tests/system/wire_peer
	need python3
	# A socket's name is short; bats's folders are not always.
	READER=$(mktemp -d "${TMPDIR:-/tmp}/wire.XXXXXX")
	cd "$READER" || return
}

# join END... [WORD...] - a wire that is ready when this returns; $WIRE
join()
{
	start wire.out ${in_net-} "$wire" -v -j -c "unix://$PWD/w.sock" "$@"
	WIRE=$PID
	until_true shown
}

shown()
{
	"$wire" -j -s "unix://$PWD/w.sock" show >show 2>/dev/null
}

# count END DIRECTION NAME - a counter, as last shown
count()
{
	awk -v e="$1" -v d="\"$2\":" -v k="\"${3-}\":" '
	index($1, "\"end\":") == 1 { n++; inside = 0 }
	n == e && index($1, d) == 1 && k != "\"\":" { inside = 1; next }
	n == e && (inside && index($1, k) == 1 || index($1, d) == 1) {
		sub(/^[^:]*:/, ""); sub(/,$/, ""); gsub(/"/, ""); print; exit
	}' show
}

# counts END DIRECTION NAME VALUE - waits until it is VALUE
counts()
{
	until_true eval 'shown && [ "$(count '"$1 $2 $3"')" = '"$4"' ]' ||
		{ cat show; return 1; }
}

# All that was to leave by each end is somewhere.
balanced()
{
	shown
	python3 -c 'import json
for e in json.load(open("show"))["ends"]:
    i, o = e["in"], e["out"]
    assert o["offered"] + o["duplicated"] == sum(o[k] for k in
        "frames cut lost black_hole overrun too_long down full failed waiting"
        .split()), e'
}

on_bus() # BUS - feeds it standard input
{
	"$feed" -i -q "$1"
}

# remembered BUS - what it has, hex
remembered()
{
	"$dump" -w bus.pcap "$1" 2>/dev/null && "$pcap_hex" bus.pcap |
	    sed 's/.* //'
}

