#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# lwIP's other applications: TFTP against two clients, MQTT against mosquitto,
# SNMP against net-snmp, SMTP against Python's server, iperf against iperf 2.

load ../lib/lwipapps

@test "tftp: files are read and, where that was said, written" {
	need tftp curl
	host_up
	mkdir www
	head -c 100000 /dev/urandom >www/big
	head -c 1024 /dev/urandom >www/even # whole blocks
	echo secret >secret
	app tftp 10.0.0.2/24 www
	server=$PID
	for name in big even; do
		at a curl -sS -o got "tftp://10.0.0.2/$name"
		cmp got "www/$name"
	done
	at a tftp -m binary 10.0.0.2 -c get big got2
	cmp got2 www/big
	run at a curl -sS -o got "tftp://10.0.0.2/../secret"
	[ "$status" -eq 68 ]
	at a tftp -m binary 10.0.0.2 -c put secret stolen
	[ ! -e www/stolen ]
	kill "$server"
	finished "$server" 0
	app tftp 10.0.0.2/24 www w
	at a tftp -m binary 10.0.0.2 -c put www/big new
	until_true cmp -s www/big www/new
}

@test "mqtt: publishes, and shows what others publish, by mosquitto" {
	need mosquitto mosquitto_pub mosquitto_sub
	host_up
	printf 'listener 1883 10.0.0.1\nallow_anonymous true\nuser root\n' >conf
	start broker "$mstack" "$HERE/a.sock" mosquitto -v -c "$HERE/conf"
	until_true grep -q running broker broker.err
	app mqtt 10.0.0.2/24 10.0.0.1 'room/+'
	at a mosquitto_pub -h 10.0.0.1 -t room/heat -m "21 degrees" -q 1
	until_true grep -qF 'room/heat (10): 21 degrees' mqtt.out
	# Longer than lwIP's buffer, and than a segment: all pieces, in order.
	for n in 1000 1300 100000; do
		seq -s, "$n" | head -c "$n" >long
		at a mosquitto_pub -h 10.0.0.1 -t room/long -f long -q 1
		{ printf 'room/long (%s): ' "$n" && cat long && echo; } >line
		until_true eval 'tail -n 1 mqtt.out | cmp -s - line'
	done
	start sub "$mstack" "$HERE/a.sock" mosquitto_sub -h 10.0.0.1 -v -t 'door/#'
	until_true grep -q 'SUBACK to [^s]' broker broker.err
	until_true eval '[ "$(grep -ch SUBACK broker broker.err |
	    sort -n | tail -n 1)" -ge 2 ]'
	client mqtt 10.0.0.3/24 10.0.0.1 door/1 open
	until_true grep -qx 'door/1 open' sub
}

@test "snmp: versions 1, 2c and 3, MIB-2 and a private MIB" {
	need snmpget snmpwalk snmpset
	export SNMP_PERSISTENT_DIR=$PWD/snmp
	mkdir -p snmp/cert_indexes
	host_up
	app snmp 10.0.0.2/24 ada authenticate encrypted
	mine=.1.3.6.1.4.1.32473
	for version in 1 2c; do
		run -0 at a snmpget -v $version -c public -Oqv 10.0.0.2 \
		    .1.3.6.1.2.1.1.1.0 $mine.2.0 $mine.3.0
		echo "$output"
		[ "${lines[0]}" = '"shmif"' ]
		[ "${lines[1]}" = 42 ]
		[ "${lines[2]}" = '"lwIP on a bus in a file"' ]
	done
	run -0 at a snmpget -v 2c -c public -Oqv 10.0.0.2 $mine.1.0
	echo "$output"
	[ "$output" -gt 2 ]
	at a snmpset -v 2c -c private 10.0.0.2 $mine.2.0 i 77
	# Not by who may only read, and not what cannot be.
	run ! at a snmpset -v 2c -c public 10.0.0.2 $mine.2.0 i 78
	run ! at a snmpset -v 2c -c private 10.0.0.2 $mine.2.0 i 101
	v3=(-v 3 -u ada -l authPriv -a SHA -A authenticate -x AES -X encrypted)
	run -0 at a snmpget "${v3[@]}" -Oqv 10.0.0.2 $mine.2.0
	[ "$output" = 77 ]
	run ! at a snmpget -r 0 -t 3 -v 3 -u ada -l authPriv -a SHA \
	    -A not-her-own -x AES -X encrypted 10.0.0.2 $mine.2.0
	run ! at a snmpget -r 0 -t 3 -v 3 -u ada -l noAuthNoPriv 10.0.0.2 $mine.2.0
	run ! at a snmpget -r 0 -t 3 -v 3 -u eve -l noAuthNoPriv 10.0.0.2 $mine.2.0
	# All of it, once; it ends with the private MIB.
	at a snmpwalk -v 2c -c public -On 10.0.0.2 .1 >walk
	wc -l walk
	grep -q '^\.1\.3\.6\.1\.2\.1\.2\.2\.1\.2\.' walk # ifDescr
	grep -q '^\.1\.3\.6\.1\.2\.1\.7\.' walk		 # udp
	grep -qF "$mine.3.0" walk
	# Nothing twice; long values have lines of their own.
	grep "^\." walk | grep -v "No more variables" | cut -d " " -f 1 |
	    sort | uniq -d >twice
	cat twice
	[ ! -s twice ]
	at a snmpbulkwalk "${v3[@]}" -On 10.0.0.2 .1.3.6.1.2.1 >bulk
	[ "$(wc -l <bulk)" -gt 100 ]
}

@test "smtp: a mail to Python's server; one that it refuses" {
	need python3
	host_up
	cat >server.py <<-'END'
	import asyncore, smtpd
	class Server(smtpd.SMTPServer):
	    def process_message(self, peer, sender, to, data, **kw):
	        if to == ["nobody@x.test"]:
	            return "550 no such user"
	        print(peer[0], sender, to, data, flush=True)
	Server(("10.0.0.1", 25), None)
	print("serving", flush=True)
	asyncore.loop()
	END
	python3 -W ignore -c 'import smtpd' || skip "this Python has no smtpd"
	start mail "$mstack" "$HERE/a.sock" python3 -W ignore server.py
	until_true grep -q serving mail
	client smtp 10.0.0.2/24 10.0.0.1 sensor@x.test ada@x.test hot \
	    "It is too hot here."
	until_true grep -q "10.0.0.2 sensor@x.test \['ada@x.test'\]" mail
	grep -q 'Subject: hot' mail
	grep -q 'It is too hot here\.' mail
	run -1 client smtp 10.0.0.2/24 10.0.0.1 sensor@x.test nobody@x.test a b
	[[ $output == *"answer 550"* ]]
}

@test "iperf: from iperf 2, and to it" {
	need iperf
	host_up
	app iperf 10.0.0.2/24
	at a iperf -c 10.0.0.2 -n 20M
	until_true grep -q 'result 0, 20' iperf.out
	kill "$PID"
	finished "$PID" 0
	start server "$mstack" "$HERE/a.sock" iperf -s -B 10.0.0.1
	until_true grep -q listening server
	# The client cannot be told how long: ten seconds.
	client iperf 10.0.0.3/24 10.0.0.1 >out
	cat out
	grep -q 'result 1, ' out
}
