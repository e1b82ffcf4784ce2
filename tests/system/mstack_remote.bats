# SPDX-License-Identifier: BSD-2-Clause
# slow: 4
# Programs on stacks of a bus: TLS, names, and a shell on another host.

load ../lib/mstack

MADE=
eval "end_$(declare -f teardown)"
teardown()
{
	end_teardown
	[ -z "$MADE" ] || rmdir "$MADE"
}

@test "curl and wget from an https server" {
	need python3 curl wget openssl
	pair_up
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout key.pem -out cert.pem -days 2 -subj /CN=10.0.0.2 \
	    -addext subjectAltName=IP:10.0.0.2 2>/dev/null
	mkdir www
	head -c 3000000 /dev/urandom >www/f
	cat >tls.py <<-'END'
		import http.server, os, ssl
		c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		c.load_cert_chain("cert.pem", "key.pem")
		class Server(http.server.ThreadingHTTPServer):
		    def finish_request(self, request, address):
		        try:
		            request = c.wrap_socket(request, server_side=True)
		        except OSError:
		            return  # it only asked whether somebody listens
		        super().finish_request(request, address)
		        request.close()
		s = Server(("10.0.0.2", 443),
		    http.server.SimpleHTTPRequestHandler)
		os.chdir("www")
		s.serve_forever()
	END
	behind b tls.out python3 tls.py
	until_true listens 443
	at a curl -sS --cacert cert.pem https://10.0.0.2/f >got
	cmp got www/f
	at a wget -q -O- --ca-certificate=cert.pem https://10.0.0.2/f >got
	cmp got www/f
	# Nobody vouches for it: the program's own check fails.
	run at a curl -sS https://10.0.0.2/f
	[ "$status" -eq 60 ]
}

@test "node, both ends" {
	need node python3
	pair_up
	cat >serve.js <<-'END'
		require("http").createServer((q, r) => {
			let n = 0;
			q.on("data", d => n += d.length);
			q.on("end", () => r.end("had " + n));
		}).listen(8080, "10.0.0.2");
	END
	cat >ask.js <<-'END'
		const q = require("http").request({ host: "10.0.0.2",
		    port: 8080, method: "POST" }, r => r.pipe(process.stdout));
		q.end(Buffer.alloc(2000000));
	END
	behind b node.out node serve.js
	until_true listens 8080
	[ "$(at a node ask.js)" = "had 2000000" ]
}

@test "dig asks dnsmasq, by UDP and by TCP" {
	need dig dnsmasq python3
	pair_up
	behind b dns.out dnsmasq -k -C /dev/null --no-resolv --no-hosts \
	    --listen-address=10.0.0.2 --bind-interfaces --port=53 \
	    --address=/x.lab/10.9.9.9 --log-facility=- --user="$(id -un)" \
	    --group="$(id -gn)" --pid-file=
	until_true listens 53
	[ "$(at a dig +short @10.0.0.2 x.lab)" = 10.9.9.9 ]
	[ "$(at a dig +tcp +short @10.0.0.2 x.lab)" = 10.9.9.9 ]
}

@test "sshd: a command, and 10 MB by scp both ways" {
	need sshd ssh scp ssh-keygen python3
	# Where it is not, root makes it for the time of the test.
	if [ ! -d /run/sshd ]; then
		mkdir -m 755 /run/sshd 2>/dev/null ||
		    skip "sshd's folder /run/sshd is missing"
		MADE=/run/sshd
	fi
	pair_up
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f me
	cp me.pub keys
	cat >sshd.conf <<-END
		ListenAddress 10.0.0.2
		Port 2022
		HostKey $HERE/host
		AuthorizedKeysFile $HERE/keys
		PidFile none
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		PermitRootLogin prohibit-password
		Subsystem sftp internal-sftp
	END
	{
		printf '[10.0.0.2]:2022 '
		cat host.pub
	} >known
	cat >ssh.conf <<-END
		IdentityFile $HERE/me
		IdentitiesOnly yes
		UserKnownHostsFile $HERE/known
		BatchMode yes
	END
	behind b sshd.out "$(command -v sshd)" -D -e -f "$HERE/sshd.conf"
	until_true listens 2022
	run at a ssh -F ssh.conf -p 2022 10.0.0.2 'echo "$SSH_CONNECTION"; exit 3'
	echo "$output"
	cat sshd.out.err
	[ "$status" -eq 3 ]
	[[ "$output" == "10.0.0.1 "*" 10.0.0.2 2022" ]]
	head -c 10000000 /dev/urandom >f
	at a scp -q -F ssh.conf -P 2022 f "10.0.0.2:$HERE/there"
	cmp f there
	at a scp -q -F ssh.conf -P 2022 "10.0.0.2:$HERE/there" back
	cmp f back
}

@test "traceroute by ICMP" {
	need traceroute
	pair_up
	run at a traceroute -n -I -q 1 -m 3 10.0.0.2
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "${lines[1]}" == " 1  10.0.0.2  "*" ms" ]]
}
