# SPDX-License-Identifier: BSD-2-Clause
# bats file for how libshmif comes to meet liblwipv6: loaded in whatever order,
# and with a liblwipv6 that is another than the one it was built for.

bats_require_minimum_version 1.5.0

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	CC=${CC:-cc}
	[ -z "${SHMIF_SAN-}" ] || skip "a sanitizer has to be loaded first"
	cd "$BATS_TEST_TMPDIR"
	export LD_LIBRARY_PATH=$BUILD/lib
}

program() # NAME [LIBRARY...]: the C file on standard input
{
	cat >"$1.c"
	"$CC" -o "$@" -x c "$1.c" -x none -I"$TOP/shmif" -L"$BUILD/lib" \
	    -Wl,--no-as-needed -ldl -pthread
}

# A program that loads libraries, as its arguments say, and makes a unit.
loader() # [LIBRARY...]
{
	cat >load.c <<-'END'
	#include <dlfcn.h>
	#include <stdio.h>
	#include <string.h>
	int main(int argc, char **argv)
	{
		int (*create)(const char *, int *) = 0, unit, i, error;
		for (i = 1; i < argc; i++) {
			int global = argv[i][0] == '+';
			void *h = dlopen(argv[i] + global,
			    RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
			if (!h) {
				fprintf(stderr, "%s\n", dlerror());
				return 3;
			}
			if (strstr(argv[i], "shmif"))
				*(void **)&create = dlsym(h, "shmif_create");
		}
		if (!create)
			*(void **)&create = dlsym(RTLD_DEFAULT, "shmif_create");
		if (!create)
			return 4;
		error = create("bus", &unit);
		printf("error %d\n", error);
		return error != 0;
	}
	END
	"$CC" -D_GNU_SOURCE -o load load.c -Wl,--no-as-needed "$@" -ldl
}

@test "loaded by dlopen, for itself: it works" {
	loader
	run ./load libshmif.so.1
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = "error 0" ]
	run ./load +libshmif.so.1
	[ "$status" = 0 ]
}

@test "loaded by dlopen after liblwipv6: refused with a message" {
	loader
	for how in liblwipv6.so.2 +liblwipv6.so.2; do
		for what in libshmif.so.1 +libshmif.so.1; do
			run ./load $how $what
			echo "$how $what: $status $output"
			[ "$status" = 1 ]
			[[ $output == *"shmif: liblwipv6: "*"libshmif"* ]]
			[[ $output == *"error 95"* ]] # ENOTSUP
		done
	done
}

@test "linked after liblwipv6, or loaded into a program that has it: refused" {
	loader -L"$BUILD/lib" -llwipv6 -lshmif
	run ./load
	echo "$status $output"
	[ "$status" = 1 ]
	[[ $output == *"link with -lshmif before -llwipv6"* ]]
	loader -llwipv6
	run ./load libshmif.so.1
	echo "$status $output"
	[ "$status" = 1 ]
	[[ $output == *"link with -lshmif before -llwipv6"* ]]
}

# A library that comes before all others and changes what liblwipv6 does, as
# another version of it could: structures with a field more.
other() # C-TEXT
{
	{
		cat <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <stdint.h>
		#include <stdlib.h>
		#include <string.h>
		#define REAL(name) dlsym(RTLD_NEXT, #name)
		END
		printf '%s\n' "$1"
	} >other.c
	"$CC" -shared -fPIC -o other.so other.c -ldl
	loader -L"$BUILD/lib" -lshmif -llwipv6
	run env LD_PRELOAD=./other.so ./load
	echo "$status $output"
	[ "$status" = 1 ]
	[[ $output == *"not the library that this was built for"* ]]
	[[ $output == *"does not hold"* ]]
	[[ $output == *"error 95"* ]]
}

@test "another liblwipv6: struct netif has a field more" {
	# What the library fills in is eight bytes further on.
	other '
	typedef int8_t (*init_fn)(char *);
	static init_fn theirs;
	static int8_t moved(char *n)
	{
		memmove(n + 24, n + 16, 104);
		return theirs(n);
	}
	void *netif_add(void *stack, char *n, void *state, init_fn init,
	    void *input, void *change)
	{
		void *(*real)(void *, char *, void *, init_fn, void *, void *);
		*(void **)&real = REAL(netif_add);
		theirs = init;
		return real(stack, n, state,
		    (uintptr_t)state > 4096 ? moved : init, input, change);
	}'
}

@test "another liblwipv6: struct netif without its stack" {
	other '
	typedef int8_t (*init_fn)(char *);
	static init_fn theirs;
	static int8_t cut(char *n)
	{
		memset(n + 112, 0, 8);
		return theirs(n);
	}
	void *netif_add(void *stack, char *n, void *state, init_fn init,
	    void *input, void *change)
	{
		void *(*real)(void *, char *, void *, init_fn, void *, void *);
		*(void **)&real = REAL(netif_add);
		theirs = init;
		return real(stack, n, state,
		    (uintptr_t)state > 4096 ? cut : init, input, change);
	}'
}

@test "another liblwipv6: buffers with less room before them" {
	other '
	void *pbuf_alloc(int layer, uint16_t len, int kind)
	{
		void *(*real)(int, uint16_t, int);
		*(void **)&real = REAL(pbuf_alloc);
		return real(layer == 1 ? 2 : layer, len, kind);
	}'
}

@test "another liblwipv6: struct tcp_pcb has a field more" {
	other '
	void *tcp_new(void *stack)
	{
		char *(*real)(void *), *pcb, *p;
		*(void **)&real = REAL(tcp_new);
		if ((pcb = real(stack)) == NULL)
			return NULL;
		p = calloc(1, 300);
		memcpy(p, pcb, 112);
		memcpy(p + 120, pcb + 112, 152);
		return p;
	}'
}

@test "another liblwipv6: another window" {
	other '
	void *tcp_new(void *stack)
	{
		char *(*real)(void *), *pcb;
		*(void **)&real = REAL(tcp_new);
		if ((pcb = real(stack)) != NULL)
			memcpy(pcb + 100, "\377\377", 2);
		return pcb;
	}'
}
