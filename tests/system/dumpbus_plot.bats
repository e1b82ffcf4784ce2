# SPDX-License-Identifier: BSD-2-Clause
# bats file for the picture that shmif_dumpbus draws by gnuplot.

load ../lib/ctl

@test "--plot: traffic over time, and who talks to whom" {
	have gnuplot
	local n
	for n in 1 2; do
		serve "$n"
		on "$n" shmif0 create linkstr "it's a <bus>" inet "10.0.0.$n/24" up
	done
	on 1 ping -c 20 -i 0.001 -s 1000 10.0.0.2 >out
	"$dump" --plot out.svg "it's a <bus>"
	grep -q '</svg>' out.svg
	grep -q '10.0.0.1 to 10.0.0.2' out.svg
	grep -q '10.0.0.2 to 10.0.0.1' out.svg
	grep -q 'who talks to whom' out.svg
	grep -q "it's a &lt;bus>" out.svg
	# Only what passes the filter.
	"$dump" --plot - "it's a <bus>" arp >arp.svg
	grep -q '10.0.0.1 to all' arp.svg
	run -1 grep -q '10.0.0.1 to 10.0.0.2' arp.svg
	# A bus where nothing was said yet.
	"$ctl" bus empty create
	run -0 "$dump" --plot empty.svg empty
	[ -z "$output" ]
	grep -q '</svg>' empty.svg
	# What fails leaves nothing.
	run -1 "$dump" --plot none/out.svg empty
	[ "$output" = 'shmif_dumpbus: none/out.svg: No such file or directory' ]
	run -1 --separate-stderr "$dump" --plot /dev/full "it's a <bus>"
	[ "$stderr" = 'shmif_dumpbus: /dev/full: No space left on device' ]
}

@test "--plot: without gnuplot that is said, and nothing is left" {
	"$ctl" bus bus create
	mkdir empty
	PATH=$PWD/empty run -1 "$dump" --plot out.svg bus
	[ "$output" = 'shmif_dumpbus: --plot: it needs gnuplot, which is not there: Debian has it in gnuplot-nox' ]
	[ ! -e out.svg ]
	printf '#!/bin/sh\n[ "$1" = --version ] || echo half\n' >empty/gnuplot
	chmod 755 empty/gnuplot
	PATH=$PWD/empty:$PATH run -1 "$dump" --plot out.svg bus
	[ "$output" = 'shmif_dumpbus: out.svg: gnuplot has failed' ]
	[ "$(ls)" = 'bus
empty' ]
	run -2 "$dump" --plot a -w b bus
	[ "${lines[0]}" = 'shmif_dumpbus: --plot or -w, one of them' ]
	run -1 "$dump" --plot bus bus
	[ "$output" = 'shmif_dumpbus: bus: is the bus file itself' ]
}
