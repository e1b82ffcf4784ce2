# SPDX-License-Identifier: BSD-2-Clause
# bats file for what bash completes after shmif_dumpbus and shmif_pcapin.

load ../lib/dumpbus

# completed WORD... - what may stand in the last one's place, sorted
completed()
{
	PATH="$(dirname "$dump"):$PATH" bash --norc -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"$(complete -p "$1" | sed "s/.*-F \([^ ]*\).*/\1/")" "$1"
		printf "%s\n" "${COMPREPLY[@]}" | sort
	' completed "$TOP/dumpbus/completion/shmif_dumpbus" "$@" 2>err
}

@test "options: those of --help" {
	local tool
	for tool in shmif_dumpbus shmif_pcapin; do
		"$(dirname "$dump")/$tool" --help | grep -oE '^ +-.*' |
		    grep -oE '(^|[ ,])--?[A-Za-z]+(-[a-z]+)?' | tr -d ' ,' |
		    sort >want
		[ "$(wc -l <want)" -ge 10 ]
		completed $tool - | diff want -
		grep -- '^--co' want | diff - <(completed $tool --co)
	done
}

@test "files, also with blanks; nothing for a number" {
	touch one 'two words'
	mkdir other
	[ "$(completed shmif_dumpbus -w o)" = "$(printf 'one\nother')" ]
	[ "$(completed shmif_dumpbus t)" = 'two words' ]
	[ "$(completed shmif_pcapin -w o)" = "$(printf 'one\nother')" ]
	[ -z "$(completed shmif_dumpbus -c o)" ]
	[ -z "$(completed shmif_pcapin -r o)" ]
}
