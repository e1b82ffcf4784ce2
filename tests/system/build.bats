# SPDX-License-Identifier: BSD-2-Clause
# bats file for what the Makefile makes: what is installed, what it exports,
# how others compile and link with it, and the harness that runs the tests.
#
# slow: 50

bats_require_minimum_version 1.5.0

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	CC=${CC:-cc}
	D=$BATS_TEST_TMPDIR/dest
	[ -z "${SHMIF_SAN-}" ] || skip "the ordinary build is looked at"
	cd "$BATS_TEST_TMPDIR"
}

# What was built already stays as it is: the environment is the one of the
# make that runs this test.
make_top()
{
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u TESTS make -C "$TOP" "$@"
}

# The functions that a public header declares.
declared() # HEADER PREFIX
{
	"$CC" -E -P -I"$TOP/shmbus" -I"$TOP/shmif" "$1" |
	    grep -oE "\b$2_[a-z0-9_]+ *\(" | tr -d ' (' | sort -u
}

# The functions and variables that a shared object exports, without versions.
exported()
{
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
	    sed 's/@.*//' | sort -u
}

needed()
{
	objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'
}

# Whether this build has mainline lwIP.
has_lwip()
{
	[ -e "$BUILD/lib/libshmif-lwip.so.1" ]
}

install_below() # DESTDIR PREFIX
{
	make_top install DESTDIR="$1" PREFIX="$2" >install.log 2>&1 ||
	    { cat install.log; return 1; }
	! grep -E '^  (CC|LD|AR) ' install.log
}

@test "what is installed, and where" {
	install_below "$D" /opt/shmif
	cd "$D/opt/shmif"
	find . ! -type d | sort >../../../got
	cat >../../../want <<-END
	./bin/mstack
	./bin/shmif_dumpbus
	./bin/shmif_pcapin
	./bin/shmif_server
	./bin/shmif_top
	./bin/shmif_wire
	./bin/shmifctl
	./include/msocket.h
	./include/shmbus.h
	./include/shmif.h
	./include/shmif_lwipv6.h
	./lib/libmsocket.so
	./lib/libmsocket.so.1
	./lib/libshmbus.a
	./lib/libshmbus.so
	./lib/libshmbus.so.1
	./lib/libshmif.so
	./lib/libshmif.so.1
	./lib/libvdeplug_shmif.so
	./lib/pkgconfig/msocket.pc
	./lib/pkgconfig/shmbus.pc
	./lib/pkgconfig/shmif.pc
	./share/bash-completion/completions/mstack
	./share/bash-completion/completions/shmif_server
	./share/bash-completion/completions/shmif_top
	./share/bash-completion/completions/shmif_wire
	./share/bash-completion/completions/shmifctl
	./lib/wireshark/extcap/shmif
	./share/shmif/eth_driver.c
	./share/shmif/eth_driver.h
	./share/shmif/shmif_dumpbus.html
	./share/bash-completion/completions/shmif_dumpbus
	./share/bash-completion/completions/shmif_pcapin
	./share/shmif/shmif_netif.c
	./share/shmif/shmif_netif.h
	END
	(cd "$TOP" && ls man?/*.[1-9]) | sed 's|^|./share/man/|' \
	    >>../../../want
	(cd "$TOP/python" && ls shmbus/*.py) |
	    sed 's|^|./lib/python3/dist-packages/|' >>../../../want
	sed -i 's|python3\.[0-9]*|python3|' ../../../got
	if has_lwip; then
		cat >>../../../want <<-END
		./bin/shmif_server-lwip
		./lib/libshmif-lwip-apps.a
		./lib/libshmif-lwip.so
		./lib/libshmif-lwip.so.1
		./lib/pkgconfig/shmif-lwip-apps.pc
		./lib/pkgconfig/shmif-lwip.pc
		END
		# Its headers are many, and lwIP's own.
		sed -i '/^\.\/include\/shmif-lwip\//d' ../../../got
		[ -e include/shmif-lwip/lwip/sockets.h ]
		[ -e include/shmif-lwip/lwipopts.h ]
		[ -e include/shmif-lwip/arch/cc.h ]
		[ -e include/shmif-lwip/lwip/apps/httpd.h ]
	fi
	sort ../../../want | diff - ../../../got
	[ "$(readlink lib/libshmbus.so)" = libshmbus.so.1 ]
	[ "$(readlink lib/libshmif.so)" = libshmif.so.1 ]
	[ -z "$(find . -type f -perm /022)" ]
	[ -z "$(find . -type f ! -perm -444)" ]
	[ "$(find . -type f -perm /111 | grep -v '^\./bin/')" = \
	    ./lib/wireshark/extcap/shmif ]
	[ "$(find bin -type f -perm -755 | wc -l)" = "$(ls bin | wc -l)" ]
	# Nothing outside the prefix.
	[ "$(cd "$D" && ls)" = opt ]
}

# What make remembers of headers names objects by their path.
@test "the build folder has one name, however it is given" {
	local given
	for given in "$BUILD" "$(realpath --relative-to="$TOP" "$BUILD")"; do
		make_top -n -p BUILD="$given" help 2>/dev/null |
		    sed -En 's/^(override )?BUILD :?= //p'
	done >names
	cat names
	[ "$(wc -l <names)" = 2 ]
	[ "$(sort -u names | wc -l)" = 1 ]
}

@test "without a compiler that is said first, and what would install it" {
	run -2 make_top CC=no-such-cc all
	[[ ${lines[0]} == make:\ Entering* ]] && lines=("${lines[@]:1}") || true
	[[ ${lines[0]} == *'*** no-such-cc: there is no such compiler: "make deps" installs what is missing'* ]]
	# The demo asks for what it needs, before anything else is done.
	mkdir path
	printf "#!/bin/sh\nexit 1\n" >path/dpkg-query
	printf '#!/bin/sh\nexit 7\n' >path/sudo
	printf '#!/bin/sh\n[ "$1" = -u ] && echo 1 || exec /usr/bin/id "$@"\n' >path/id
	chmod 755 path/*
	PATH=$PWD/path:$PATH run make_top demo
	echo "$output"
	[ "$status" -eq 2 ]
	[ "${lines[0]}" != "${lines[0]#make}" ] && lines=("${lines[@]:1}") || true
	[[ ${lines[0]} == 'deps: missing: gcc '* ]]
	[[ ${lines[0]} != *bats* && ${lines[0]} != *g++* ]]
}

@test "what is installed runs where it is" {
	install_below "$D" /opt/shmif
	mv "$D/opt/shmif" moved
	run -0 moved/bin/shmif_dumpbus --version
	ldd moved/bin/shmif_dumpbus | grep "=> $PWD/moved/.*libshmbus.so.1"
	ldd moved/lib/libshmif.so.1 | grep "=> $PWD/moved/.*libshmbus.so.1"
}

@test "other folders than the usual ones" {
	make_top install DESTDIR="$D" PREFIX=/usr LIBDIR=/usr/lib/here \
	    MANDIR=/m INCLUDEDIR=/usr/include/shmif BINDIR=/b >log
	[ -x "$D/b/shmif_dumpbus" ]
	[ -e "$D/m/man1/shmif_dumpbus.1" ]
	[ -e "$D/usr/include/shmif/shmbus.h" ]
	grep -qx libdir=/usr/lib/here "$D/usr/lib/here/pkgconfig/shmbus.pc"
	grep -qx includedir=/usr/include/shmif \
	    "$D/usr/lib/here/pkgconfig/shmbus.pc"
}

@test "uninstall takes everything away, and nothing else" {
	# A folder's name may have blanks and more in it.
	local p="/opt/my own & Jim's"
	install_below "$D" "$p"
	[ -x "$D$p/bin/shmif_dumpbus" ]
	echo mine >"$D$p/lib/mine"
	make_top uninstall DESTDIR="$D" PREFIX="$p" >log
	[ "$(find "$D" ! -type d)" = "$D$p/lib/mine" ]
}

@test "libshmbus exports what shmbus.h declares, nothing else" {
	declared "$TOP/shmbus/shmbus.h" shmbus >want
	[ "$(wc -l <want)" -ge 20 ]
	exported "$BUILD/lib/libshmbus.so" | diff want -
	# Each with the version of the script.
	nm -D --defined-only "$BUILD/lib/libshmbus.so" |
	    awk '$2 != "A" && $3 !~ /@@SHMBUS_1$/ { print; bad = 1 }
		END { exit bad }'
	objdump -p "$BUILD/lib/libshmbus.so" | grep -qE 'SONAME +libshmbus.so.1$'
}

@test "libshmif exports what shmif.h declares, and what it replaces" {
	declared "$TOP/shmif/shmif.h" shmif >want
	[ "$(wc -l <want)" -ge 5 ]
	exported "$BUILD/lib/libshmif.so" >got
	comm -23 want got >missing
	cat missing
	[ ! -s missing ]
	# All others are functions that liblwipv6 has.
	exported "$(ldd "$BUILD/lib/libshmif.so" |
	    awk '$1 ~ /^liblwipv6/ { print $3 }')" >theirs
	comm -13 want got | comm -23 - theirs >unknown
	cat unknown
	[ ! -s unknown ]
	objdump -p "$BUILD/lib/libshmif.so" | grep -qE 'SONAME +libshmif.so.1$'
}

@test "who is linked with whom" {
	needed "$BUILD/lib/libshmbus.so" >bus
	needed "$BUILD/bin/shmif_dumpbus" >dump
	needed "$BUILD/lib/libshmif.so" >if
	needed "$BUILD/bin/shmifctl" >ctl
	# The bus and its tools stay clear of the stack, and of its licence.
	cat bus
	! grep -vE '^(libc|ld-linux[a-z0-9_-]*)\.so\.[0-9]$' bus || false
	grep -qx libshmbus.so.1 dump
	! grep -E 'lwip|shmif|urcu' dump || false
	! grep -E 'lwip|shmif|urcu' ctl || false
	grep -qx libshmbus.so.1 if
	grep -q '^liblwipv6' if
	grep -q '^liburcu-bp' if
}

@test "libshmif comes before liblwipv6 in every program" {
	local p n=0
	for p in "$BUILD"/examples/* "$BUILD"/tests/*/* "$BUILD"/bench/*; do
		[ -f "$p" ] && [ -x "$p" ] || continue
		needed "$p" >list
		grep -q '^libshmif\.so' list || continue
		n=$((n + 1))
		[ "$(grep -E '^lib(shmif|lwipv6)' list | head -n 1)" = \
		    libshmif.so.1 ] || { echo "$p"; cat list; return 1; }
	done
	[ "$n" -ge 1 ]
}

@test "public headers compile alone, as C and as C++" {
	local h std
	for h in shmbus/shmbus.h shmif/shmif.h; do
		echo "#include <${h##*/}>" >one.c
		echo "#include <${h##*/}>" >>one.c
		cp one.c one.cc
		for std in c99 c11 gnu17; do
			"$CC" -std=$std -Wall -Wextra -Wstrict-prototypes \
			    -pedantic -Werror -I"$TOP/shmbus" -I"$TOP/shmif" \
			    -c one.c
		done
		for std in c++11 c++20; do
			c++ -std=$std -Wall -Wextra -pedantic -Werror \
			    -I"$TOP/shmbus" -I"$TOP/shmif" -c one.cc
		done
	done
}

cat_bus_program()
{
	cat <<-END
	#include <errno.h>
	#include <stdio.h>
	#include <string.h>
	#include <shmbus.h>
	int main(int argc, char **argv)
	{
		struct shmbus_options o;
		struct shmbus *b;
		struct shmbus_info info;
		(void)argc;
		memset(&o, 0, sizeof(o));
		o.flags = SHMBUS_CREATE;
		int err = shmbus_attach(argv[1], &o, &b);
		if (err != 0) {
			puts(shmbus_why());
			return 1;
		}
		shmbus_info(b, &info);
		printf("%u %s\n", info.geometry.mtu,
		    shmbus_strerror(SHMBUS_ENOTBUS));
		shmbus_detach(b);
		return 0;
	}
	END
}

@test "others compile and link with pkg-config, in C and C++, shared and not" {
	# DESTDIR=/ : below the prefix itself, but without ldconfig
	install_below / "$PWD/my own"
	export PKG_CONFIG_PATH="$PWD/my own/lib/pkgconfig"
	local lib="$PWD/my own/lib"
	[ "$(pkg-config --modversion shmbus)" = \
	    "$("$BUILD/bin/shmif_dumpbus" -V | cut -d ' ' -f 2)" ]
	cat_bus_program >bus.c
	cp bus.c bus.cc
	# pkg-config quotes the blank, for a shell to read once more.
	eval "$CC -o c bus.c $(pkg-config --cflags --libs shmbus)"
	eval "c++ -o cc bus.cc $(pkg-config --cflags --libs shmbus)"
	eval "$CC -o static bus.c $(pkg-config --cflags shmbus)" \
	    '"$lib/libshmbus.a" -pthread'
	LD_LIBRARY_PATH=$lib run -0 ./c bus.file
	[ "$output" = "1500 not a bus" ]
	LD_LIBRARY_PATH=$lib run -0 ./cc bus.file
	[ "$output" = "1500 not a bus" ]
	run -0 ./static bus.file
	[ "$output" = "1500 not a bus" ]
	# The interface: before the stack that it replaces functions of.
	cat >if.c <<-END
	#include <lwipv6.h>
	#include <shmif.h>
	int main(void)
	{
		int ifnum, err = shmif_create("bus.file", &ifnum);
		return err != 0 ? err : shmif_destroy(ifnum);
	}
	END
	eval "$CC -o if if.c $(pkg-config --cflags --libs shmif)"
	[ "$(needed if | grep -E '^lib(shmif|lwipv6)' | head -n 1)" = \
	    libshmif.so.1 ]
	LD_LIBRARY_PATH=$lib run -0 ./if
}

# Of the smallest build, and without optimisation, for the time that it takes.
@test "a build from nothing, in parallel, elsewhere; the second does nothing" {
	local small=(SERVER=0 LWIP=0 CFLAGS=-O0)
	cd "$BATS_FILE_TMPDIR"
	make_top -j3 BUILD="$PWD/other" "${small[@]}" product >first 2>&1 ||
	    { cat first; return 1; }
	grep -q '^  CC shmbus/ring.c' first
	run -0 other/bin/shmif_dumpbus --version
	ldd other/bin/shmif_dumpbus | grep "=> $PWD/other/.*libshmbus.so.1"
	make_top BUILD="$PWD/other" "${small[@]}" product >second
	cat second
	! grep -E '^  (CC|LD|AR) ' second || false
	# Other commands, or another header: made again.
	make_top BUILD="$PWD/other" "${small[@]}" -W shmbus/ring.h product >third
	grep -q 'CC shmbus/ring.c' third
	! grep 'CC dumpbus/main.c' third || false
	make_top BUILD="$PWD/other" "${small[@]}" CFLAGS=-DOTHER \
	    "$PWD/other/obj/shmbus/error.o" >fourth
	grep -q 'CC shmbus/error.c' fourth
}

@test "SERVER=0: no server, no json-c, and the same symbols" {
	cd "$BATS_FILE_TMPDIR"
	[ -d other ] || skip "the test before this one did not make it"
	[ "$(cd other/bin && echo *)" = "shmif_dumpbus shmif_pcapin" ]
	needed other/lib/libshmif.so >list
	cat list
	grep -q '^liblwipv6' list
	! grep json list || false
	exported "$BUILD/lib/libshmif.so" >with
	exported other/lib/libshmif.so | diff with -
	# The functions say that they cannot; a unit needs no server.
	cat >one.c <<-END
	#include <errno.h>
	#include <stdio.h>
	#include <shmif.h>
	int main(void)
	{
		char *reply = (char *)"x";
		int n, e = shmif_create("bus.file", &n);
		if (e != 0)
			return 1;
		if (shmif_init_server("unix://a") != ENOTSUP)
			return 2;
		if (shmif_request("{}", &reply) != ENOTSUP || reply != NULL)
			return 3;
		shmif_fini_server();
		return shmif_destroy(n) == 0 ? 0 : 4;
	}
	END
	"$CC" -o one one.c -I"$TOP/shmif" -Lother/lib -lshmif -lshmbus \
	    -llwipv6 -Wl,-rpath,"$PWD/other/lib"
	run -0 ./one
	[ ! -e a ]
	make_top BUILD="$PWD/other" clean >log
	[ ! -e other ]
}

# A copy of the tree, to be changed.
copy_top() # FOLDER
{
	mkdir "$1"
	(cd "$TOP" && tar --exclude=./.git --exclude=./build -cf - .) |
	    tar -C "$1" -xf -
}

@test "a file that no list has is an error, one that is gone is gone" {
	copy_top tree
	# A library of one file more.
	echo 'int shmbus_more(void); int shmbus_more(void) { return 7; }' \
	    >tree/shmbus/more.c
	run make_top -C "$PWD/tree" all
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *'shmbus/more.c: in the files.mk of no folder'* ]]
	cp tree/shmbus/files.mk lists
	echo 'BUS_SRC += shmbus/more.c' >>tree/shmbus/files.mk
	make_top -C "$PWD/tree" BUILD="$PWD/b" "$PWD/b/lib/libshmbus.a" >log
	nm b/lib/libshmbus.a | grep -w shmbus_more
	rm tree/shmbus/more.c
	cp lists tree/shmbus/files.mk
	make_top -C "$PWD/tree" BUILD="$PWD/b" "$PWD/b/lib/libshmbus.a" >log
	! nm b/lib/libshmbus.a | grep -w shmbus_more || false
	# Nor is anything made again when nothing was changed.
	make_top -C "$PWD/tree" BUILD="$PWD/b" "$PWD/b/lib/libshmbus.a" >log
	! grep -E '^  (CC|LD|AR) ' log || false
}

@test "make help tells all goals and settings" {
	make_top -s help >help
	head -n 1 help | grep '^make  *libraries'
	local goal
	for goal in $(sed -n '/^\.PHONY:/,/[^\\]$/{s/\\//;s/^.PHONY://;p}' \
	    "$TOP/Makefile"); do
		case $goal in
		# All there is; parts of lint, which says so; an aid.
		all | lint_* | FORCE) ;;
		*) grep -q "^make $goal " help || { echo "$goal"; return 1; } ;;
		esac
	done
	grep -q '^BUILD=dir ' help
}

@test "man pages are clean" {
	make_top -s lint_man
}

@test "every source says its licence" {
	cd "$TOP"
	find . -path ./.git -prune -o -path ./build -prune -o \
	    -type f \( -name '*.[ch]' -o -name '*.bats' -o -name '*.[1-9]' -o \
	    -name '*.sh' -o -name '*.bash' -o -name '*.map' -o \
	    -name Makefile \) -print0 |
	    xargs -0 awk 'FNR == 1 { said = 0 }
		/SPDX-License-Identifier: BSD-2-Clause/ { said = 1 }
		FNR == 2 { if (!said) print FILENAME; nextfile }' >"$BATS_TEST_TMPDIR/silent"
	cat "$BATS_TEST_TMPDIR/silent"
	[ ! -s "$BATS_TEST_TMPDIR/silent" ]
}

# ---- the packages ----------------------------------------------------------

# A machine on which only PACKAGES are there, with id UID.  What apt-get is
# asked to do is in the file asked; what it installs is there from then on.
machine() # UID PACKAGE...
{
	local tool
	rm -rf bin
	mkdir bin
	for tool in awk env sh cat; do
		ln -s "$(command -v $tool)" bin/
	done
	echo "echo $1" >bin/id
	shift
	printf '%s\n' "$@" >there
	: >asked
	# As the real one: a line for each that it knows, status 1 if it knows
	# one of them not.
	cat >bin/dpkg-query <<-'END'
	shift 3
	status=0
	for p; do
		case " $(cat there | while read l; do printf '%s ' $l; done) " in
		*" $p "*) echo "ii  $p" ;;
		*" -$p "*) echo "rc  $p" ;;
		*) echo "dpkg-query: no packages found matching $p" >&2; status=1 ;;
		esac
	done
	exit $status
	END
	cat >bin/apt-get <<-'END'
	echo "apt-get $* [$DEBIAN_FRONTEND]" >>asked
	[ ! -e broken ]
	END
	local f
	for f in id dpkg-query apt-get; do
		sed -i "1i #!$(command -v sh)" bin/$f
		chmod +x bin/$f
	done
}

deps()
{
	run env -i PATH="$PWD/bin" "$TOP/.ci/deps" "$@" </dev/null
}

@test "deps: nothing is missing: nothing is asked, whoever one is" {
	machine 1000 gcc make bats
	deps gcc make
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -s asked ]
}

@test "deps: root installs what is missing, after an update" {
	machine 0 gcc -make
	deps gcc make bats
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"missing: make bats"* ]]
	cat >want <<-END
	apt-get -q -y update [noninteractive]
	apt-get -q -y install --no-install-recommends make bats [noninteractive]
	END
	diff want asked
}

@test "deps: others ask sudo, or say who is to do what" {
	machine 1000 gcc
	deps gcc bats
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"apt-get install bats"* ]]
	[ ! -s asked ]
	cat >bin/sudo <<-END
	#!$(command -v sh)
	echo "sudo \$1" >>asked
	shift
	exec env -i PATH="$PWD/bin" "\$@"
	END
	chmod +x bin/sudo
	deps gcc bats
	echo "$output"
	[ "$status" -eq 0 ]
	cat >want <<-END
	sudo -n
	apt-get -q -y update [noninteractive]
	sudo -n
	apt-get -q -y install --no-install-recommends bats [noninteractive]
	END
	diff want asked
}

@test "deps: what fails is said; where there is no dpkg it goes on" {
	machine 0 gcc
	: >broken
	deps bats
	[ "$status" -eq 1 ]
	[[ $output == *"update failed"* ]]
	rm bin/dpkg-query
	deps bats
	[ "$status" -eq 0 ]
	[[ $output == *"no dpkg here"*bats* ]]
}

@test "a program that links in the wrong order is told so" {
	[ -z "$SHMIF_SAN" ] || skip 'sanitizers come first in the link'
	${CC:-cc} -D_GNU_SOURCE -I"$TOP/shmbus" -I"$TOP/shmif" -o hello \
	    "$TOP/examples/hello.c" -Wl,--no-as-needed -llwipv6 \
	    -L"$BUILD/lib" -lshmif -lshmbus -Wl,-rpath,"$BUILD/lib"
	run ./hello bus server
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"link with -lshmif before -llwipv6"* ]]
}

# ---- the harness -------------------------------------------------------------

@test "the harness finds failures, selects, and ends what hangs" {
	printf '#!/bin/sh\necho 1..1\necho ok 1 - a\n' >good
	printf '#!/bin/sh\necho 1..1\necho not ok 1 - a\n' >bad
	printf '#!/bin/sh\necho 1..1\necho ok 1 - a\nexit 3\n' >dies
	printf '#!/bin/sh\necho 1..1\nsleep 1000\necho ok 1 - a\n' >slow
	chmod +x good bad dies slow
	local run=$TOP/tests/run bad
	TESTS='/good$' run "$run" "$PWD/good" "$PWD/bad"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == "Result: PASS" ]]
	for bad in bad dies; do
		run env -u TESTS "$run" "$PWD/good" "$PWD/$bad"
		[ "$status" -ne 0 ]
		[[ ${lines[-1]} == "Result: FAIL" ]]
	done
	TESTS='/slow' TEST_TIMEOUT=1 run "$run" "$PWD/slow"
	[ "$status" -ne 0 ]
	[[ ${lines[-1]} == "Result: FAIL" ]]
	TESTS='/none' run "$run" "$PWD/good"
	[ "$status" -eq 1 ]
	[[ $output == *"no test matches"* ]]
}
