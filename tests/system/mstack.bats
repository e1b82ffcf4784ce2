# SPDX-License-Identifier: BSD-2-Clause
# mstack(1): its command line, what a command sees, and how it ends.

load ../lib/mstack

# The families for which a socket is the stack's, of those that python has.
families()
{
	cat <<'PY'
import socket
def ours(family, type, address):
    try:
        s = socket.socket(family, type)
    except OSError:
        return True                     # the stack does not have it
    try:
        s.bind(address)                 # the host has no such address
        return True
    except OSError:
        return False
# inet6: ::1 is everybody's, so it is a port of the stack's choice that tells
def ours6():
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    try:
        s.bind(("fd00::99", 0))
        return True
    except OSError:
        return False
print("unix" * ours(socket.AF_UNIX, socket.SOCK_STREAM, b"\0mstack.test"[:0] or "/nonexistent/x"),
      "ipv4" * ours(socket.AF_INET, socket.SOCK_STREAM, ("10.0.0.1", 0)),
      "ipv6" * ours6())
PY
}

# shown LIST - what families() says with -o LIST, or without -o for "".
shown()
{
	families >families.py
	timeout 60 "$mstack" ${1:+-o "$1"} "$HERE/a.sock" \
	    python3 families.py | xargs
}

@test "usage" {
	mstack=$BUILD/bin/mstack
	run "$mstack" -h
	[ "$status" -eq 0 ]
	[[ "$output" == "usage: mstack [-hv] [-o protocol list] stack_mountpoint command"* ]]
	run "$mstack" --version
	[ "$status" -eq 0 ]
	run "$mstack"
	[ "$status" -eq 2 ]
	[[ "$output" == *"which stack?"* ]]
	run "$mstack" a.sock
	[ "$status" -eq 2 ]
	[[ "$output" == *"which command?"* ]]
	local list
	for list in tcp ip, ,ip ip,,ip '#64' '#' '#x' + - ipv4+ipv6 ''; do
		run "$mstack" -o "$list" a.sock true
		[ "$status" -eq 2 ]
		[[ "$output" == *"-o: no such protocol: "* ]]
	done
	run "$mstack" -t lwipv6 a.sock true
	[ "$status" -eq 2 ]
}

@test "no stack: a message, and the command is not run" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	run "$mstack" "$HERE/none.sock" touch ran
	[ "$status" -eq 1 ]
	[ "$output" = "mstack: $HERE/none.sock: No such file or directory" ]
	: >file
	run "$mstack" "unix://$HERE/file" touch ran
	[ "$status" -eq 1 ]
	[[ "$output" == "mstack: unix://$HERE/file: not a socket: "* ]]
	run "$mstack" "$HERE" touch ran
	[ "$status" -eq 1 ]
	[[ "$output" == "mstack: $HERE: not a socket: "* ]]
	run "$mstack" tcp://127.0.0.1:1 touch ran
	[ "$status" -eq 1 ]
	[ "$output" = "mstack: tcp://127.0.0.1:1: not a path, nor unix://PATH" ]
	serve a
	kill -KILL "${SERVER[a]}"
	until_true gone_for_good "${SERVER[a]}"
	run "$mstack" a.sock touch ran
	[ "$status" -eq 1 ]
	[ "$output" = "mstack: a.sock: no server is there any more" ]
	# Inside of another one the same is said.
	run "$mstack" null "$mstack" a.sock touch ran
	[ "$status" -eq 1 ]
	[ "$output" = "mstack: a.sock: no server is there any more" ]
	# What the server has to say about it is heard.
	run "$mstack" -t nothing -c 'shmif0 create' touch ran
	[ "$status" -eq 1 ]
	[[ "$output" == "shmif_server: "*nothing*"mstack: the stack does not start"* ]]
	[ ! -e ran ]
}

@test "the exit status is the command's" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	run "$mstack" null sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run -127 "$mstack" null "$HERE/no-such-program"
	[ "$output" = "mstack: $HERE/no-such-program: No such file or directory" ]
	: >plain
	run "$mstack" null "$HERE/plain"
	[ "$status" -eq 126 ]
	run "$mstack" null sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
	run "$mstack" null sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "a signal to mstack is one to the command" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	start out "$mstack" null sh -c 'trap "exit 9" TERM; echo up
	    while :; do sleep 0.1; done'
	until_true grep -q up out
	kill -TERM "$PID"
	finished "$PID" 9
	# At once, when mstack does not know yet who the command is: with one
	# processor for all of them that is every other time.
	local i cpu
	cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
	for ((i = 0; i < 20; i++)); do
		start out taskset -c "$cpu" timeout -s KILL 60 sh -c 'echo $$ >pid
		    exec "$0" null sh -c "trap \"exit 9\" TERM; read pid <pid
		    kill -TERM \$pid; while :; do sleep 0.05; done"' "$mstack"
		finished "$PID" 9
	done
}

@test "descriptors, environment and directory pass through; output ends with the command" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	echo line >in
	run env X=y "$mstack" null sh -c 'cat; echo $X; pwd; echo z >&5' \
	    <in 5>five
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf 'line\ny\n%s' "$(pwd -P)")" ]
	[ "$(cat five)" = z ]
	# A daemon that the command leaves behind does not hold it up.
	run "$mstack" null sh -c 'sleep 20 >/dev/null 2>&1 3>&- & echo $!'
	[ "$status" -eq 0 ]
	PIDS="$PIDS $output"
	kill -0 "$output"
}

@test "the five examples of its manual" {
	need python3 ip
	pair_up
	on a shmif0 inet6 fd00::99/64
	# mstack S ip addr
	run at a ip -4 addr
	[ "$status" -eq 0 ]
	[[ "$output" == *"inet 10.0.0.1/24"* ]]
	# exec mstack null bash
	run bash -c 'exec "$0" null bash -c "$1"' "$mstack" \
	    'python3 -c "import socket; socket.socket()"'
	[ "$status" -eq 1 ]
	[[ "$output" == *"Address family not supported"* ]]
	[ "$(shown '')" = "unix ipv4 ipv6" ]
	# -o ip, -o -unix, -o +ip,-ipv6
	[ "$(shown ip)" = "ipv4 ipv6" ]
	[ "$(shown -unix)" = "ipv4 ipv6" ]
	[ "$(shown +ip,-ipv6)" = "ipv4" ]
	[ "$(shown 6)" = "ipv6" ]
	[ "$(shown '#2')" = "ipv4" ]
	[ "$(shown u,4)" = "unix ipv4" ]
}

@test "an mstack inside chooses another stack, for its children alone" {
	need ip
	pair_up
	cat >inside <<-'END'
		own() { ip -4 -o addr show | grep -o '10\.0\.0\.[0-9]*/24'; }
		own
		"$1" "$2" sh -c '. ./own; own; (sleep 0.3; own) &
		    sh -c ". ./own; own"; wait'
		own
		"$1" null "$1" "$2" sh -c '. ./own; own'
	END
	sed -n 1p inside >own
	run at a sh -c '. ./inside' x "$mstack" "$HERE/b.sock"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(echo "$output" | grep -o '10\.0\.0\.[0-9]' | xargs)" = \
	    "10.0.0.1 10.0.0.2 10.0.0.2 10.0.0.2 10.0.0.1 10.0.0.2" ]
}

@test "-c: a stack for the command alone" {
	need curl python3
	pair_up
	web 80
	echo hello >www/x
	run timeout 60 "$mstack" \
	    -c "shmif0 create linkstr $HERE/bus inet 10.0.0.5/24 up" -- \
	    curl -sS http://10.0.0.2/x
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = hello ]
	grep -q '^10.0.0.5 ' web.out.err
	# Words that shmifctl refuses, and a stack that is not there.
	run "$mstack" -c 'shmif0 create nonsense' -- touch ran
	[ "$status" -eq 1 ]
	[[ "$output" == "shmifctl: "* ]]
	run "$mstack" -c 'shmif0 "create' -- touch ran
	[ "$status" -eq 1 ]
	run "$mstack" -t none -c 'shmif0 create' -- touch ran
	[ "$status" -eq 1 ]
	[ ! -e ran ]
	# It ends with the command, and leaves nothing.
	XDG_RUNTIME_DIR=$HERE "$mstack" -c 'shmif0 create' -- \
	    sh -c 'ls "$0"/mstack.* >during' "$HERE"
	[ -s during ]
	run ls "$HERE"/mstack.*
	[ "$status" -ne 0 ]
}

@test "-c: the stack ends with a supervisor that is killed" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	export XDG_RUNTIME_DIR=$HERE
	start out "$mstack" -c 'shmif0 create' -- sh -c 'echo up; sleep 50'
	until_true grep -q up out
	local supervisor
	supervisor=$(pgrep -P "$PID")
	kill -KILL "$supervisor"
	gone() { ! ls "$HERE"/mstack.* 2>/dev/null; }
	until_true gone
	# The command goes on, and mstack waits for it.
	kill -0 "$PID"
	pkill -TERM -P "$PID"
	finished "$PID" 143
}

@test "mstack is killed: so is the command" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	start out "$mstack" null sh -c 'echo $$; exec sleep 50'
	until_true grep -q . out
	local command
	command=$(cat out)
	kill -KILL "$PID"
	gone() { ! kill -0 "$command" 2>/dev/null; }
	until_true gone
}

@test "the supervisor is killed: connections go on, new ones fail" {
	need python3
	pair_up
	cat >talk.py <<-'END'
		import errno, socket, sys, threading, time
		l = socket.socket(); l.bind(("10.0.0.2", 7)); l.listen()
		c = socket.create_connection(("10.0.0.2", 7)); d = l.accept()[0]
		# A call that the supervisor has taken and will not answer.
		told = []
		def wait():
		    try: l.accept()
		    except OSError as e: told.append(e.errno)
		t = threading.Thread(target=wait, daemon=True); t.start()
		# Or has not taken yet: what it is told is the same.
		time.sleep(0.2)
		print("up", flush=True)
		sys.stdin.readline()
		c.send(b"x"); assert d.recv(1) == b"x"
		c.sendmsg([b"y"]); assert d.recvmsg(9)[0] == b"y"
		t.join(20)
		assert told == [errno.ENOSYS], told
		try:
		    socket.socket()
		except OSError as e:
		    print(e.strerror, flush=True)
	END
	mkfifo go
	INPUT=go start out "$mstack" "$HERE/b.sock" python3 talk.py
	exec 7>go
	until_true grep -q up out
	kill -KILL "$(pgrep -P "$PID")"
	echo >&7
	exec 7>&-
	finished "$PID" 0
	grep -q "Function not implemented" out
}

@test "-c waits until the stack takes connections, not only until its name is there" {
	need python3
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	mkdir bin
	cp "$mstack" bin/
	ln -s "$ctl" bin/
	# It is slow between bind() and listen().
	cat >bin/shmif_server <<-END
		#!$(command -v python3)
		import os, socket, sys, time
		path = sys.argv[-1].removeprefix("unix://")
		socket.socket(socket.AF_UNIX).bind(path)
		time.sleep(0.5)
		os.unlink(path)
		os.execv("$server", ["shmif_server", *sys.argv[1:]])
	END
	chmod +x bin/shmif_server
	run timeout 60 bin/mstack \
	    -c "shmif0 create linkstr $HERE/bus inet 10.0.0.5/24 up" -- echo yes
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = yes ]
}
