#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# lwIP's web server and clients, against curl and Python's server on lwipv6.

load ../lib/lwipapps

files()
{
	mkdir -p www/sub
	head -c "${1:-300000}" /dev/urandom >www/big
	echo inside >www/sub/x.html
	echo secret >secret
	ln -s ../secret www/link
	mkfifo www/pipe
	echo 'hello <!--#name-->, you are number <!--#visits-->.' \
	    >www/greet.shtml
}

@test "http: files of a folder, over IPv4 and IPv6" {
	need curl
	host_up
	files
	app http 10.0.0.2/24,fd00::2/64 www
	at a curl -sS -o got http://10.0.0.2/big
	cmp got www/big
	at a curl -sS -o got6 "http://[fd00::2]/big"
	cmp got6 www/big
	# Several on one connection, with their types.
	at a curl -sS -D head http://10.0.0.2/sub/x.html \
	    http://10.0.0.2/sub/x.html >out
	[ "$(cat out)" = "$(printf 'inside\ninside')" ]
	grep -qi 'content-type: text/html' head
	kill "$PID"
	finished "$PID" 0
}

@test "http: nothing that is outside of the folder, or no file" {
	need curl
	host_up
	files
	app http 10.0.0.2/24 www
	for name in ../secret /../secret /sub/../../secret /link /pipe /sub \
	    /.hidden /missing "/$(printf 'a%.0s' {1..300})" //; do
		echo "$name"
		run at a curl -sS --path-as-is -o got -w '%{http_code}' \
		    "http://10.0.0.2/${name#/}"
		echo "$output"
		[ "$output" != 200 ] || [ "$name" = // ]
		! grep -q secret got
	done
	at a curl -sS http://10.0.0.2/sub/x.html
}

@test "http: server side includes and CGI" {
	need curl
	host_up
	files
	app http 10.0.0.2/24 www
	run -0 at a curl -sS "http://10.0.0.2/greet.cgi?name=Ada&x=1"
	[ "$output" = "hello Ada, you are number 1." ]
	run -0 at a curl -sS "http://10.0.0.2/greet.cgi?name=<b>Eve</b>"
	[ "$output" = "hello bEveb, you are number 2." ]
	run -0 at a curl -sS http://10.0.0.2/greet.shtml
	[ "$output" = "hello bEveb, you are number 3." ]
}

@test "http: what is no request ends a connection, and no server" {
	need curl python3
	host_up
	files
	app http 10.0.0.2/24 www
	at a python3 - <<-'END'
	import socket
	for text in (b"", b"\r\n\r\n", b"GET", b"GET \r\n\r\n", b"\0" * 5000,
	             b"GET /" + b"x" * 20000, b"POST /x HTTP/1.0\r\n\r\n",
	             b"GET /greet.cgi?" + b"&=" * 400 + b" HTTP/1.0\r\n\r\n",
	             b"GET /greet.cgi?name HTTP/1.0\r\n\r\n",
	             b"GET / HTTP/9.9\n\n", bytes(range(256)) * 8):
	    s = socket.create_connection(("10.0.0.2", 80), 20)
	    s.settimeout(20)
	    try:
	        s.sendall(text)
	        s.shutdown(socket.SHUT_WR)
	        while s.recv(65536):
	            pass
	    except OSError as e:
	        print(text[:20], e)
	    s.close()
	END
	at a curl -sS -o got http://10.0.0.2/big
	cmp got www/big
	kill "$PID"
	finished "$PID" 0
}

@test "https: altcp_tls and mbedTLS" {
	need curl openssl
	host_up
	files
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=lwip.test \
	    -addext 'subjectAltName=IP:10.0.0.2' 2>/dev/null
	run client https 10.0.0.2/24 www key.pem cert.pem
	[ "$status" != 77 ] || skip "this build has no mbedTLS"
	[ "$status" -eq 1 ]
	[[ $output == *"not a certificate and its key"* ]]
	app https 10.0.0.2/24 www cert.pem key.pem
	at a curl -sS --cacert cert.pem -o got https://10.0.0.2/big
	cmp got www/big
	run -0 at a curl -sS --cacert cert.pem https://10.0.0.2/sub/x.html
	[ "$output" = inside ]
	# Not for whom does not know it.
	run at a curl -sS https://10.0.0.2/big
	[ "$status" -eq 60 ]
}

@test "httpget: from Python's server" {
	need python3
	host_up
	files
	start web.out "$mstack" "$HERE/a.sock" sh -c \
	    'cd www && exec python3 -u -m http.server --bind 10.0.0.1 80'
	until_true grep -q Serving web.out
	client httpget 10.0.0.2/24 10.0.0.1 80 /big >got
	cmp got www/big
	run -1 client httpget 10.0.0.2/24 10.0.0.1 80 /missing
	[[ $output == *"response 404"* ]]
	run -1 client httpget 10.0.0.2/24 10.0.0.1 81 /big
	[[ $output == *"result 4, response 0"* ]]
}
