#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mstack.sh - programs on the stacks of mstack, beside what else there is
#	without root; bench.sh calls it
#
# From the environment: what bench.sh says, and STACKS, "lwipv6 lwip".
#
# DOC: The same program (lib/talk.h) talks in several ways, which take turns,
# run by run, in one order and then in the other.  What talks to what:
#
#	mstack		a program on a stack of its own, with one on another
#			stack, over a bus: four processes
#	in process	calls of the stack in the program, and the same on the
#			other side: two processes
#	pasta		a program in a namespace of pasta (passt), with one of
#			the host: three processes
#	slirp4netns	the same of slirp4netns
#	kernel		the kernel's loopback
#
# So on each side of mstack there is what pasta and slirp4netns have on one side
# only.  What is measured by redis-benchmark and by ab has no counterpart in
# process: those programs do not know the stacks' calls.
set -u

bin=$BUILD/bin bench=$BUILD/bench
quick=${QUICK:+1}
quick=${quick#0}
runs=${RUNS:-$([ -n "$quick" ] && echo 1 || echo 7)}
declare -A size
if [ -n "$quick" ]; then
	size=([bulk]=16 [echo]=500 [open]=100 [redis]=2000 [nginx]=500)
else
	size=([bulk]=64 [echo]=2000 [open]=300 [redis]=20000 [nginx]=5000)
fi
declare -A title=([bulk]='bulk TCP' [echo]='echo of 64 B, p50'
	[open]='socket, connect, close, p50' [redis]='redis GET, 20 clients'
	[nginx]='nginx, 16 kept connections')
declare -A unit=([bulk]=MB/s [echo]=us [open]=us [redis]=1/s [nginx]=1/s)

# shellcheck source=bench/lib/ways.sh
. "$(dirname "$0")/lib/ways.sh"

# ---- results --------------------------------------------------------------

printf '\nPrograms on stacks of mstack, beside pasta and slirp4netns\n'

# row CASE STACK - ours in CASE, and that of each peer.
row() {
	local case=$1 stack=$2 peer theirs low ours high name text first=1
	name="mstack, $stack: ${title[$case]}"
	[ -s "$dir/$case.mstack-$stack" ] || {
		text=${why[$case.mstack-$stack]-it was not measured}
		printf '%-46s skipped: %s\n' "$name" "$text"
		printf '%s\t-\t-\tskipped: %s\t-\t%s\n' "$name" "$text" \
		    "${unit[$case]}" >>"$BENCH_TSV"
		return
	}
	read -r low ours high <<<"$(figures "$case" "mstack-$stack")"
	for peer in "process-$stack" pasta slirp4netns kernel; do
		text=${why[$case.$peer]-${why[$peer]-}}
		theirs=-
		[ ! -s "$dir/$case.$peer" ] ||
		    read -r _ theirs _ <<<"$(figures "$case" "$peer")"
		[ "$peer" != "process-$stack" ] || peer='in process'
		[ "$theirs" != - ] || [ -n "$text" ] || continue
		show_row "$name" "${unit[$case]}" "$low" "$ours" "$high" \
		    "$peer" "$theirs" "$text"
		first=
	done
}

# ---- ways -----------------------------------------------------------------

declare -A why	# that a way, or a case of it, has no figures
declare -A enter target # the words before a client; where its server is
ways=()

# free_port - one of the host's loopback that nobody has, in $port.
free_port() {
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 12000))
		(: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
	return 1
}

# The processes of mstack's way, for STACK.
mstack_up() {
	local stack=$1 server=$bin/shmif_server name host=0
	for name in a b; do
		start "$dir/$stack.$name.log" "$server" -t "$stack" \
		    "unix://$dir/$stack.$name"
		soon "$bin/shmifctl" -s "unix://$dir/$stack.$name" server
		"$bin/shmifctl" -s "unix://$dir/$stack.$name" shmif0 create \
		    linkstr "$buses/$stack" inet "10.9.0.$((++host))/24" up \
		    >>"$dir/$stack.$name.log" 2>&1 || {
			why[mstack-$stack]=$(tail -n 1 "$dir/$stack.$name.log")
			return 1
		}
	done
	enter[mstack-$stack]="$bin/mstack $dir/$stack.b"
	target[mstack-$stack]="10.9.0.1"
}

# A namespace whose only way out is PROGRAM.
namespace_up() {
	local way=$1 holder
	for tool in "$way" unshare nsenter ip; do
		command -v "$tool" >/dev/null || {
			why[$way]="$tool is not installed"
			return 1
		}
	done
	start "$dir/$way.holder" unshare -rn sh -c \
	    'ip link set lo up && echo there && exec sleep 86400'
	holder=$pid
	soon grep -q there "$dir/$way.holder"
	grep -q there "$dir/$way.holder" || {
		why[$way]="no namespace: $(tail -n 1 "$dir/$way.holder")"
		return 1
	}
	enter[$way]="nsenter -t $holder -U -n --preserve-credentials"
	target[$way]=10.0.2.2
	if [ "$way" = pasta ]; then
		local as=()
		[ "$(id -u)" != 0 ] || as=(--runas 0)
		start "$dir/$way.log" pasta "${as[@]}" -q -f --config-net \
		    -a 10.0.2.15 -n 255.255.255.0 -g 10.0.2.2 \
		    -t none -u none -T none -U none "$holder"
	else
		start "$dir/$way.log" slirp4netns -c --mtu=65520 "$holder" tap0
	fi
	# shellcheck disable=SC2086
	soon sh -c "${enter[$way]} ip -4 addr | grep -q 10.0.2."
	${enter[$way]} ip -4 addr 2>/dev/null | grep -q 10.0.2. || {
		why[$way]=$(grep -v syslog "$dir/$way.log" | tail -n 1)
		return 1
	}
}

# serve CASE WAY COMMAND... - the server of CASE in WAY; "ready" ends the wait.
serve() {
	local case=$1 way=$2
	shift 2
	start "$dir/$way.$case.log" "$@"
	case $case in
	talk) soon grep -q ready "$dir/$way.$case.log" ;;
	redis) soon grep -q 'Ready to accept' "$dir/$way.$case.log" ;;
	nginx) soon grep -q 'start worker process ' "$dir/$way.$case.log" ;;
	esac
	kill -0 "$pid" 2>/dev/null || {
		why[$case.$way]="its server: $(tail -n 1 "$dir/$way.$case.log")"
		return 1
	}
}

nginx_conf() {
	local way=$1 at=$2
	mkdir -p "$dir/www"
	head -c 1000 /dev/zero >"$dir/www/x"
	chmod -R a+rX "$dir"
	cat >"$dir/$way.conf" <<-END
		daemon off; worker_processes 1; pid $dir/$way.nginx;
		error_log stderr notice; events { worker_connections 64; }
		http { access_log off; client_body_temp_path $dir/t1;
		proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
		uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
		keepalive_requests 1000000;
		server { listen $at; root $dir/www; } }
	END
}

declare -A at # "CASE.WAY": the port of its server; unset: it has none

# The servers of WAY; the words before them in FRONT, their address.
servers() {
	local way=$1 own=$2 case command
	local -n before=$3
	for case in talk redis nginx; do
		port=7000
		[ "$way" != kernel ] || free_port || return
		command=()
		case $case in
		talk)
			command=("$bench/talk_kernel" serve "$own" "$port")
			;;
		redis)
			command -v redis-server >/dev/null &&
			    command -v redis-benchmark >/dev/null || {
				why[redis]='redis is not installed'
				continue
			}
			port=$((port + 1))
			command=(redis-server --port "$port" --bind "$own"
				--save '' --protected-mode no)
			;;
		nginx)
			command -v nginx >/dev/null &&
			    command -v ab >/dev/null || {
				why[nginx]='nginx or ab is not installed'
				continue
			}
			port=$((port + 2))
			nginx_conf "$way" "$own:$port"
			command=(nginx -e stderr -c "$dir/$way.conf")
			;;
		esac
		serve "$case" "$way" "${before[@]}" "${command[@]}" ||
			continue
		at[$case.$way]=$port
	done
}

# ---- a run ----------------------------------------------------------------

host=2
# ask CASE WAY - one figure, or nothing.
ask() {
	local case=$1 way=$2 group=$1 port stack text
	case $case in bulk | echo | open) group=talk ;; esac
	port=${at[$group.$way]-}
	[ -n "$port" ] || return
	local client=()
	read -ra client <<<"${enter[$way]-}"
	case $case in
	bulk | echo | open)
		case $way in
		process-*)
			stack=${way#process-}
			host=$((host % 250 + 3))
			client=("$bench/talk_$stack" "$buses/p-$stack"
				"10.9.0.$host/24")
			;;
		*) client+=("$bench/talk_kernel") ;;
		esac
		client+=(ask "${target[$way]}" "$port" "$case" "${size[$case]}")
		;;
	redis)
		client+=(redis-benchmark -h "${target[$way]}" -p "$port" -c 20
			-n "${size[redis]}" -t get --csv)
		;;
	nginx)
		client+=(ab -q -k -c 16 -n "${size[nginx]}"
			"http://${target[$way]}:$port/x")
		;;
	esac
	ask_for 130 "${client[@]}"
	case $case in
	redis) text=$(sed -n 's/^"GET","\([0-9.]*\)".*/\1/p' "$dir/said") ;;
	nginx)
		text=$(sed -n 's/^Requests per second: *\([0-9.]*\).*/\1/p' \
		    "$dir/said")
		grep -q '^Failed requests: *0$' "$dir/said" || text=
		;;
	*) read -r text _ <"$dir/said" ;;
	esac
	if [[ $text =~ ^[0-9.]+$ ]]; then
		echo "$text" >>"$dir/$case.$way"
	else
		why[$case.$way]="a run failed: $(tail -n 1 "$dir/said.err")"
		case $way in
		mstack-*)
			echo "WRONG: $case, $way: $(tail -n 3 "$dir/said.err")"
			status=1
			;;
		esac
	fi
}

# ---- all ------------------------------------------------------------------

status=0
if ! "$bin/mstack" null true 2>"$dir/why"; then
	echo "skipped: mstack does not run here: $(cat "$dir/why")"
	exit 0
fi
buses=$(mktemp -d "${BENCH_DIR:-$dir}/mstack.XXXXXX") || exit 1
trap 'cleanup; rm -rf "$buses"' EXIT

none=()
servers kernel 127.0.0.1 none
target[kernel]=127.0.0.1
ways+=(kernel)
for way in pasta slirp4netns; do
	namespace_up "$way" || continue
	for case in talk redis nginx; do
		[ -z "${at[$case.kernel]-}" ] ||
			at[$case.$way]=${at[$case.kernel]}
	done
	ways+=("$way")
done
stacks=
for stack in ${STACKS:-lwipv6 lwip}; do
	[ -x "$bench/talk_$stack" ] || {
		echo "mstack, $stack: skipped: it was not built"
		continue
	}
	stacks="$stacks $stack"
	mstack_up "$stack" || continue
	front=("$bin/mstack" "$dir/$stack.a")
	servers "mstack-$stack" 10.9.0.1 front
	serve talk "process-$stack" "$bench/talk_$stack" "$buses/p-$stack" \
	    10.9.0.1/24 serve 0.0.0.0 7000 && at[talk.process-$stack]=7000
	target[process-$stack]=10.9.0.1
	ways+=("process-$stack" "mstack-$stack")
done

in_turns bulk echo open redis nginx
for case in bulk echo open redis nginx; do
	for stack in $stacks; do
		row "$case" "$stack"
	done
done
exit "$status"
