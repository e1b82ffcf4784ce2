# SPDX-License-Identifier: BSD-2-Clause
# Programs that know nothing of mstack, on stacks of a bus.

load ../lib/mstack

# fetched COMMAND... - on stack a it writes the 3 MB of www/f to standard output.
fetched()
{
	at a "$@" >got
	cmp got www/f
}

@test "curl, wget and busybox's wget from python's web server" {
	need python3 curl wget
	pair_up
	web 80
	head -c 3000000 /dev/urandom >www/f
	fetched curl -sS http://10.0.0.2/f
	fetched wget -q -O- http://10.0.0.2/f
	fetched python3 -c 'import sys, urllib.request as u
sys.stdout.buffer.write(u.urlopen("http://10.0.0.2/f").read())'
	# Nobody is there: told at once, and in the program's own words.
	run at a curl -sS http://10.0.0.2:81/
	[ "$status" -eq 7 ]
	if command -v busybox >/dev/null; then
		fetched busybox wget -q -O- http://10.0.0.2/f
	fi
	if command -v node >/dev/null; then
		fetched node -e 'require("http").get("http://10.0.0.2/f",
		    r => r.pipe(process.stdout))'
	fi
	grep -q '^10.0.0.1 ' web.out.err
}

@test "python's asyncio, both ends" {
	need python3
	pair_up
	cat >echo.py <<-'END'
		import asyncio
		async def serve(r, w):
		    while data := await r.read(65536):
		        w.write(data); await w.drain()
		    w.close()
		async def main():
		    s = await asyncio.start_server(serve, "10.0.0.2", 7)
		    async with s: await s.serve_forever()
		asyncio.run(main())
	END
	cat >ask.py <<-'END'
		import asyncio, os
		async def one(n):
		    data = os.urandom(200000)
		    r, w = await asyncio.open_connection("10.0.0.2", 7)
		    w.write(data); w.write_eof()
		    assert await r.read(-1) == data
		    w.close(); await w.wait_closed()
		async def main(): await asyncio.gather(*(one(n) for n in range(20)))
		asyncio.run(main())
	END
	behind b echo.out python3 echo.py
	until_true listens 7
	at a python3 ask.py
}

@test "nginx with two workers" {
	need nginx curl
	pair_up
	mkdir www
	echo hello >www/x
	chmod -R a+rX "$HERE"
	cat >nginx.conf <<-END
		daemon off; worker_processes 2; pid $HERE/nginx.pid;
		error_log $HERE/nginx.err; events { worker_connections 64; }
		http { access_log off; client_body_temp_path $HERE/t1;
		proxy_temp_path $HERE/t2; fastcgi_temp_path $HERE/t3;
		uwsgi_temp_path $HERE/t4; scgi_temp_path $HERE/t5;
		server { listen 8080; root $HERE/www; } }
	END
	behind b nginx.out nginx -e "$HERE/nginx.err" -c "$HERE/nginx.conf"
	until_true listens 8080
	local i
	for i in 1 2 3 4 5; do
		[ "$(at a curl -sS http://10.0.0.2:8080/x)" = hello ]
	done
}

@test "redis-server and redis-cli" {
	need redis-server redis-cli
	pair_up
	behind b redis.out redis-server --port 6379 --bind 10.0.0.2 --save "" \
	    --protected-mode no
	until_true listens 6379
	[ "$(at a redis-cli -h 10.0.0.2 set k v)" = OK ]
	[ "$(at a redis-cli -h 10.0.0.2 get k)" = v ]
}

@test "netcat: UDP, and TCP over IPv6" {
	need nc
	pair_up
	nc -h 2>&1 | grep -q OpenBSD || skip "another netcat"
	behind b udp.out nc -u -l 10.0.0.2 5000
	# Until it listens what is sent is lost.
	heard() { echo hello | at a nc -u -w1 10.0.0.2 5000 || :
	    grep -q hello udp.out; }
	until_true heard
	on a shmif0 inet6 fd00::1/64
	on b shmif0 inet6 fd00::2/64
	echo there >in
	INPUT=in start tcp.out "$mstack" "$HERE/b.sock" nc -6 -l -N 5001
	answered() { echo hello6 | at a nc -6 -N fd00::2 5001 >got &&
	    grep -q there got; }
	until_true answered
	until_true grep -q hello6 tcp.out
}

@test "socat: a child for each connection" {
	need socat
	pair_up
	behind b socat.out socat TCP-LISTEN:7,fork,reuseaddr EXEC:cat
	until_true listens 7
	local i
	for i in 1 2 3 4 5; do
		[ "$(echo line$i | at a socat -t 60 - TCP:10.0.0.2:7)" = line$i ]
	done
}

@test "ip shows the stack; ping" {
	need ip
	pair_up
	run at a ip -4 -o addr
	[[ "$output" == *"10.0.0.1/24"* ]]
	run at a ip route
	[ "$status" -eq 0 ]
	[[ "$output" == *"10.0.0.0/24"* ]]
	run at a ip link
	[ "$status" -eq 0 ]
	[[ "$output" == *"link/ether"* ]]
	# What the stack does not know it refuses, and does not keep waiting.
	run at a ip rule
	[ "$status" -ne 0 ]
	[[ "$output" == *"Operation not supported"* ]]
	need ping
	run at a ping -c 2 -i 0.2 10.0.0.2
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"2 received"* ]]
	run at a ip neigh
	[[ "$output" == *"10.0.0.2 dev shmif0 lladdr "* ]]
}

# Words that one types first, with the names that shmifctl shows.
@test "ip, ifconfig and traceroute, as one types them first" {
	need ip ifconfig traceroute
	pair_up
	run at a ip -br addr
	echo "$output"
	[[ "$output" == *"shmif0 "*UP*10.0.0.1/24* ]]
	run at a ip -4 addr show dev shmif0
	[[ "$output" == *"inet 10.0.0.1/24 brd 10.0.0.255 scope global shmif0"* ]]
	run at a ip route get 10.0.0.2
	[[ "$output" == "10.0.0.2 dev shmif0 "*"src 10.0.0.1"* ]]
	run at a ip route get 10.9.9.9
	[ "$status" -eq 2 ]
	[[ "$output" == *"Network is unreachable"* ]]
	run at a ifconfig shmif0
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"netmask 255.255.255.0  broadcast 10.0.0.255"* ]]
	run at a ifconfig nothing0
	[ "$status" -eq 1 ]
	[[ "$output" == *"Device not found"* ]]
	at a ifconfig shmif0 down
	run at a ifconfig shmif0
	[[ "$output" != *"<UP"* ]]
	at a ip link set shmif0 up
	run at a ifconfig shmif0
	[[ "$output" == *"<UP,"* ]]
	run at a traceroute -I -n -q 1 -m 2 10.0.0.2
	[[ "$output" == *" 1  10.0.0.2 "* ]]
	run at a traceroute -T -n -q 1 -m 2 10.0.0.2
	[[ "$output" == *" 1  10.0.0.2 "* ]]
}

@test "dnsmasq gives addresses by DHCP" {
	need dnsmasq
	pair_up
	start dhcp.out "$mstack" -o -unix "$HERE/b.sock" dnsmasq -d -u root \
	    -C /dev/null -p 0 --dhcp-range=10.0.0.50,10.0.0.60 \
	    --dhcp-authoritative -i shmif0 --pid-file= --log-facility=- \
	    --leasefile-ro
	until_true grep -q 'DHCP, IP range' dhcp.out.err
	TEST_STACK='' serve c
	on c shmif0 create linkstr "$HERE/bus" dhcp up
	given() { on c shmif0 | grep -q 'inet 10\.0\.0\.[56]'; }
	until_true given
	grep -q DHCPACK dhcp.out.err
}

@test "iperf3, both ways" {
	need iperf3
	pair_up
	behind b iperf.out iperf3 -s
	until_true listens 5201
	at a iperf3 -c 10.0.0.2 -n 20M
	at a iperf3 -c 10.0.0.2 -n 20M -R
}

@test "a program that chooses stacks itself: msocket(3)" {
	[ -z "${SHMIF_SAN-}" ] || skip "a sanitizer has to be loaded first"
	need python3
	pair_up
	cat >two.c <<-'END'
		#include <errno.h>
		#include <msocket.h>
		#include <netinet/in.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			struct sockaddr_in in = { .sin_family = AF_INET };
			socklen_t len = sizeof(in);
			char x = 'x';
			int a, b, c;

			(void)argc;
			a = msocket(argv[1], AF_INET, SOCK_STREAM, 0);
			if (a == -1)
				return puts(strerror(errno)), 1;
			b = msocket(argv[2], AF_INET, SOCK_STREAM, 0);
			in.sin_addr.s_addr = htonl(0x0a000001);
			if (bind(a, (void *)&in, len) != 0 || listen(a, 5) != 0)
				return puts("a"), 1;
			if (bind(b, (void *)&in, len) == 0 ||
			    errno != EADDRNOTAVAIL)
				return puts("b"), 1;
			getsockname(a, (void *)&in, &len);
			if (connect(b, (void *)&in, len) != 0)
				return puts("connect"), 1;
			c = accept(a, NULL, NULL);
			if (write(b, &x, 1) != 1 || read(c, &x, 1) != 1)
				return puts("data"), 1;
			if (msocket("null", AF_INET, SOCK_STREAM, 0) != -1 ||
			    errno != EAFNOSUPPORT)
				return puts("null"), 1;
			if (msocket("/nowhere", AF_INET, SOCK_STREAM, 0) != -1 ||
			    errno != ENOENT)
				return puts("nowhere"), 1;
			if (msocket("two.c", AF_INET, SOCK_STREAM, 0) != -1 ||
			    errno != ENOTSOCK)
				return puts("file"), 1;
			return msocket(NULL, AF_INET, SOCK_DGRAM, 0) == -1;
		}
	END
	"${CC:-cc}" -Wall -Wextra -Werror -I"$TOP/mstack" -o two two.c \
	    -L"$BUILD/lib" -lmsocket -Wl,-rpath,"$BUILD/lib" || return
	run at a ./two a.sock "unix://$HERE/b.sock"
	echo "$output"
	[ "$status" -eq 0 ]
	run timeout 60 "$mstack" null ./two "$HERE/a.sock" b.sock
	[ "$status" -eq 1 ]
	run ./two a.sock b.sock
	[ "$status" -eq 1 ]
	[ "$output" = "Function not implemented" ]
}
