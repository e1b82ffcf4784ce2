# SPDX-License-Identifier: BSD-2-Clause
# bats file for the command line of shmifctl: what needs no server, the manual
# page, the completion.

load ../lib/ctl

@test "--help and --version" {
	run -0 "$ctl" --help
	[[ ${lines[0]} == "usage: shmifctl "* ]]
	run -0 "$ctl" --version
	[[ $output =~ ^shmifctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	local version=$output
	run -0 "$ctl" -V
	[ "$output" = "$version" ]
	run -1 --separate-stderr bash -c '"$0" --help >/dev/full' "$ctl"
	[ "$stderr" = 'shmifctl: standard output: No space left on device' ]
}

# The options, words and commands that --help has.
helped()
{
	"$ctl" --help | sed -n "$1" | grep -oE '^  (    )?[-a-z].*' |
	    sed -E 's/^ +//; s/   *.*//; s/,//g' | tr ' ' '\n' |
	    grep -E "$2" | sort -u
}

# What the manual page has, in its section FROM to TO.
paged()
{
	sed -n "/^\.S[sh] $1/,/^\.S[sh] $2/p" "$TOP/man1/shmifctl.1"
}

@test "the man page has the options, words and commands that --help has" {
	helped '1,/^words/p' '^-' >help
	paged DESCRIPTION Interfaces | grep '^\.It' |
	    grep -oE 'Fl -?[A-Za-z]+' | sed 's/Fl /-/' | sort -u >man
	cat help
	[ "$(wc -l <help)" -ge 13 ]
	diff help man
	helped '/^words/,/^commands/p' '^-?[a-z][a-z0-9]+$' >help
	paged Words Commands | grep '^\.It' | sed 's/Ns.*//; s/Cm none.*//' |
	    grep -oE '(Cm|Fl|,) [a-z0-9]+' |
	    sed 's/Fl /-/; s/Cm //; s/, //' | grep -vE '^-?alias$' | sort -u >man
	cat help
	[ "$(wc -l <help)" -ge 15 ]
	diff help man
	helped '/^commands/,$p' '^[a-z]+$' >help
	paged Commands Output | grep -oE '^\.It Cm [a-z]+( , [a-z]+)?' |
	    sed 's/^\.It Cm //; s/ , /\n/' | sort -u >man
	cat help
	[ "$(wc -l <help)" -eq 16 ]
	diff help man
}

@test "command lines that make no sense: status 2, one line" {
	usage 'unknown option -x' "$ctl" -x
	usage 'unknown option -x' "$ctl" -jx shmif0
	usage 'unknown option --nonsense' "$ctl" --nonsense
	usage '-s wants an argument' "$ctl" -s
	usage '-s wants an argument' "$ctl" --server
	usage '-a, -l or an interface, one of them' "$ctl" -al
	usage '-a, -l or an interface, one of them' "$ctl" -l shmif0
	usage 'which server? Use -s URL, or set SHMIF_SERVER' "$ctl"
	usage 'which server? Use -s URL, or set SHMIF_SERVER' "$ctl" shmif0 up
	usage 'create: which interface?' "$ctl" create
	usage 'shmif0: mtu wants a number' "$ctl" mtu shmif0
	usage 'bus: which file?' "$ctl" bus
	usage 'bus: b: unknown word: show, create and wait are known' \
	    "$ctl" bus a b
	usage 'route add: which destination?' "$ctl" route add
	usage 'route: x: unknown word: add, change, delete, flush, get and show are known' \
	    "$ctl" route show x
	usage 'arp: shmif1: one interface is enough' "$ctl" arp shmif0 shmif1
	usage 'arp: unknown option -x' "$ctl" arp -x
	usage 'ndp: fe80::1: by which interface?' "$ctl" ndp -d fe80::1
	usage 'ping: which host?' "$ctl" ping -c 1
	usage 'forward: on or off?' "$ctl" forward
	usage 'radv: which configuration file?' "$ctl" radv
	usage 'halt: x: one word too many' "$ctl" halt x
	usage 'server: x: one word too many' "$ctl" server x
}

@test "words that mean nothing: status 1, one line, and nobody is asked" {
	# A URL that would be complained of, if it was looked at.
	export SHMIF_SERVER=unix://none
	said 'frob: neither an interface nor a command' "$ctl" frob
	said 'shmif: neither an interface nor a command' "$ctl" shmif up
	said 'eth-0: neither an interface nor a command' "$ctl" eth-0
	said 'shmif12345678901: name too long' "$ctl" shmif12345678901 up
	said 'shmif12345678901: name too long' "$ctl" shmif12345678901
	said 'shmif0: frob: unknown word' "$ctl" shmif0 frob
	said 'shmif0: frob: unknown word' "$ctl" shmif0 up frob
	said 'shmif0: frob: unknown word' "$ctl" create shmif0 frob
	said '10.0.0: not an IPv4 address' "$ctl" shmif0 inet 10.0.0
	said '10.0.0.1/33: the prefix is a number from 0 to 32' \
	    "$ctl" shmif0 inet 10.0.0.1/33
	said 'fd00::1/129: the prefix is a number from 0 to 128' \
	    "$ctl" shmif0 inet6 fd00::1/129
	said '255.0.255.0: not a netmask' \
	    "$ctl" shmif0 inet 10.0.0.1 netmask 255.0.255.0
	said 'forward: maybe: on or off it is' "$ctl" forward maybe
	said 'route: x y: unknown word: add, change, delete, flush, get and show are known' \
	    "$ctl" route 'x y'
	said 'a?b: neither an interface nor a command' "$ctl" $'a\nb'
}

@test "URLs" {
	local long
	long=$(printf '%*s' 107 '' | tr ' ' a)
	said 'unix://none: no such server' "$ctl" -s unix://none -a
	said "unix://$long: no such server" "$ctl" -s "unix://$long" -a
	said "unix://${long}a: name too long: a socket's has at most 107 bytes" \
	    "$ctl" -s "unix://${long}a" -a
	local url
	for url in none tcp://localhost:1 unix: unix:/tmp/x unix:// UNIX://x \
	    unix:///tmp/; do
		said "$url: not the URL of a server, as unix:///path is" \
		    "$ctl" -s "$url" -a
		SHMIF_SERVER=$url \
		    said "$url: not the URL of a server, as unix:///path is" \
		    "$ctl" shmif0 up
	done
	# -s wins over the environment, even empty.
	SHMIF_SERVER=unix://other said 'unix://none: no such server' \
	    "$ctl" -s unix://none -a
	usage 'which server? Use -s URL, or set SHMIF_SERVER' "$ctl" -s '' -a
	SHMIF_SERVER='' usage 'which server? Use -s URL, or set SHMIF_SERVER' \
	    "$ctl" -a
}

@test "more words than a call carries" {
	local many
	many=$(printf 'up %.0s' {1..65})
	said 'too many words: a call carries at most 64 of them' \
	    "$ctl" -s unix://none shmif0 $many
	said 'unix://none: no such server' \
	    "$ctl" -s unix://none shmif0 ${many% up *}
	# 64 paths of 4 KiB.
	local path
	path=/$(printf '%*s' 4000 '' | tr ' ' a)
	many=$(printf "linkstr $path %.0s" {1..20})
	said 'too many words: a call carries at most 64 of them' \
	    "$ctl" -s unix://none shmif0 $many
}

@test "bus: geometry and who is attached, without a server" {
	"$BUILD/tests/system/busfeed" -q -m 9000 -s 64 -c 3 bus
	run -0 "$ctl" bus bus
	echo "$output"
	[[ ${lines[0]} =~ ^bus:\ version\ [0-9]+\ mtu\ 9000\ slots\ 64\ mode\ 0600$ ]]
	[[ ${lines[1]} =~ ^$'\t'id\ [0-9a-f]{16}\ created\ 20 ]]
	[[ ${lines[2]} =~ size\ $(stat -c %s bus)\ bytes,\ longest\ frame\ 9018\ bytes ]]
	[[ ${lines[2]} == *' 0 attached' ]]
	run -0 "$ctl" -j bus bus
	perl -MJSON::PP -e '
	    my $b = decode_json(<<>> =~ s/\n//gr . join "", <STDIN>);
	    $b->{path} eq "bus" && $b->{mtu} == 9000 && $b->{slots} == 64 &&
	    $b->{mode} == 0600 && $b->{frame_max} == 9018 &&
	    $b->{size} == -s "bus" && $b->{created_ns} > 1e18 &&
	    $b->{id} =~ /^[0-9a-f]{16}$/ && @{$b->{attached}} == 0
	    or die' <<<"$output"
}


@test "bus: what is none" {
	echo 'certainly not a bus, though it is long enough to be one' >text
	: >empty
	mkdir folder
	said 'none: No such file or directory' "$ctl" bus none
	said 'text: not a bus: too short' "$ctl" bus text
	said "$BUILD/bin/shmifctl: not a bus: bad magic" \
	    "$ctl" bus "$BUILD/bin/shmifctl"
	said 'empty: not a bus: an empty file' "$ctl" bus empty
	said 'folder: Is a directory: a folder' "$ctl" bus folder
	said '/dev/null: No such device: not a regular file' "$ctl" bus /dev/null
}

# complete WORD... - what may come in place of the last WORD.
completed()
{
	run -0 bash -c '
	    . "$0"
	    _shmifctl_patience=60
	    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	    _shmifctl
	    printf "%s\n" "${COMPREPLY[@]}"' \
	    "$TOP/ctl/shmifctl/bash-completion" "$@"
	output=$(sort <<<"$output" | tr '\n' ' ')
	output=${output% }
	echo "$*: $output"
}

@test "bash completion" {
	unset SHMIF_SERVER
	completed shmifctl p
	[ "$output" = 'ping promisc' ]
	completed shmifctl --v
	[ "$output" = '--verbose --version' ]
	completed shmifctl shmif0 link
	[ "$output" = linkstr ]
	completed shmifctl shmif0 inet 10.0.0.1 -a
	[ "$output" = '-alias -autoconf' ]
	completed shmifctl shmif0 up -a
	[ "$output" = -autoconf ]
	completed shmifctl shmif0 cr
	[ "$output" = create ]
	completed shmifctl shmif0 up cr
	[ "$output" = '' ]
	completed shmifctl shmif0 media ''
	[ "$output" = 'auto none' ]
	completed shmifctl route ''
	[ "$output" = 'add change delete flush get show' ]
	completed shmifctl -j forward ''
	[ "$output" = 'off on' ]
	: >bus.file
	completed shmifctl shmif0 linkstr bu
	[ "$output" = bus.file ]
	completed shmifctl bus bu
	[ "$output" = bus.file ]
	completed shmifctl bus bus.file ''
	[ "$output" = 'create show wait' ]
	completed shmifctl bus bus.file create mtu 1500 m
	[ "$output" = 'mode mtu' ]
	# Interfaces come from the server that is meant.
	start asked "$TOP/tests/system/ctl_liar" sock \
	    '{"ok":true,"results":[{"interfaces":[{"name":"lo0"},{"name":"shmif3"}]}]}'{,}
	until_true test -S sock
	completed "$ctl" -s unix://sock shm
	[ "$output" = shmif3 ]
	SHMIF_SERVER=unix://sock completed "$ctl" route add default dev ''
	[ "$output" = 'lo0 shmif3' ]
	# The server's own.
	completed_server() {
		run bash -c '. "$1"; COMP_WORDS=(shmif_server "${@:2}")
		    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shmif_server
		    echo "${COMPREPLY[*]}"' - \
		    "$TOP/ctl/shmif_server/bash-completion" "$@"
	}
	completed_server -t ''
	[ "$output" = 'lwipv6 lwip' ]
	completed_server -d so
	[ "$output" = unix://sock ]
	completed_server -
	local o
	for o in $("$server" --help | grep -oE '^  (    )?-[-a-zV]+' ); do
		[[ " $output " == *" $o "* ]]
	done
	completed shmifctl -s unix://so
	[ "$output" = unix://sock ]
}
