# SPDX-License-Identifier: BSD-2-Clause
# slow: 15
# Larger programs on stacks of a bus.  make check_programs runs all of them;
# in make check those that take long are skipped.

load ../lib/mstack

heavy()
{
	[ "${PROGRAMS-}" = all ] || skip "make check_programs runs it"
}

@test "redis-benchmark" {
	need redis-server redis-benchmark python3
	pair_up
	behind b redis.out redis-server --port 6379 --bind 10.0.0.2 --save "" \
	    --protected-mode no
	until_true listens 6379
	run at a redis-benchmark -h 10.0.0.2 -q -c 20 -n 2000 -t ping,set,get
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"GET: "*" requests per second"* ]]
}

@test "a static program of Go, both ends" {
	heavy
	need go python3
	pair_up
	cat >main.go <<-'END'
		package main
		import ("fmt"; "io"; "net/http"; "os")
		func answer(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "hello from ", r.RemoteAddr)
		}
		func main() {
			if len(os.Args) > 1 {
				r, err := http.Get(os.Args[1])
				if err != nil { panic(err) }
				io.Copy(os.Stdout, r.Body)
				return
			}
			panic(http.ListenAndServe("10.0.0.2:80",
			    http.HandlerFunc(answer)))
		}
	END
	GO111MODULE=off CGO_ENABLED=0 GOCACHE=$HERE/cache GOFLAGS= \
	    go build -o main main.go
	behind b go.out ./main
	until_true listens 80
	[[ "$(at a ./main http://10.0.0.2/)" == "hello from 10.0.0.1:"* ]]
}

@test "Java" {
	heavy
	need java python3
	java --list-modules 2>/dev/null | grep -q '^jdk.compiler' ||
	    skip "there is no compiler of Java"
	pair_up
	cat >J.java <<-'END'
		import java.io.InputStream;
		import java.net.URL;
		public class J {
			public static void main(String[] a) throws Exception {
				try (InputStream i = new URL(a[0]).openStream()) {
					i.transferTo(System.out);
				}
			}
		}
	END
	web 80
	head -c 1000000 /dev/urandom >www/f
	at a java J.java http://10.0.0.2/f >got
	cmp got www/f
}

@test "PostgreSQL" {
	heavy
	local bin
	bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
	[ -x "$bin/postgres" ] || skip "postgresql is not installed"
	need psql python3
	# It does not run as root.
	local as=()
	if [ "$(id -u)" -eq 0 ]; then
		id postgres >/dev/null 2>&1 && need setpriv
		as=(setpriv --reuid postgres --regid postgres --clear-groups)
		chmod 755 "$HERE"
	fi
	pair_up
	mkdir db
	[ ${#as[@]} -eq 0 ] || chown postgres db
	"${as[@]}" "$bin/initdb" -A trust -N -D "$HERE/db" >init.out
	echo 'host all all 10.0.0.0/24 trust' >>db/pg_hba.conf
	behind b pg.out "${as[@]}" "$bin/postgres" -D "$HERE/db" \
	    -h 10.0.0.2 -k '' -F
	until_true listens 5432
	local user=${as[2]-$(id -un)}
	answers()
	{
		at a psql -h 10.0.0.2 -U "$user" -d postgres -c 'select 1'
	}
	until_true answers
	run at a psql -h 10.0.0.2 -U "$user" -d postgres -Atc \
	    'create table t as select generate_series(1, 100000) n;
	     select sum(n) from t'
	echo "$output"
	[ "${lines[1]}" = 5000050000 ]
	at a psql -h 10.0.0.2 -U "$user" -d postgres -Atc \
	    'copy t to stdout' >got
	[ "$(wc -l <got)" -eq 100000 ]
}
