# SPDX-License-Identifier: BSD-2-Clause
# Hosts that are network namespaces, joined by a switch of Linux; bats loads it,
# behind jobs, and so does bench/hosts.sh.  Host N has the address 172.16.0.N on the
# interface e0; what is on its own bus, hN.bus, has 10.5.0.N and fd05::N.

# hosts N - makes them; false: that cannot be done here
hosts()
{
	local i
	HOSTS_MADE= HOST=${HOST:-shmifh$$}-
	[ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] || return 1
	ip netns add ${HOST}0 2>/dev/null || return 1
	HOSTS_MADE=0
	# Nobody speaks but who is told to.
	quiet_net 0
	ip -n ${HOST}0 link add br0 type bridge mcast_snooping 0 || return 1
	ip -n ${HOST}0 link set br0 up
	for ((i = 1; i <= $1; i++)); do
		ip netns add $HOST$i || return 1
		HOSTS_MADE="$HOSTS_MADE $i"
		quiet_net $i
		# Room for what a tunnel puts before a frame.
		ip link add e0 mtu 1600 netns $HOST$i type veth \
		    peer name e$i mtu 1600 netns ${HOST}0 || return 1
		ip -n ${HOST}0 link set e$i master br0 up
		ip -n $HOST$i link set lo up
		ip -n $HOST$i addr add 172.16.0.$i/24 dev e0
		ip -n $HOST$i link set e0 up
		ip -n $HOST$i route add 224.0.0.0/4 dev e0
	done
}

quiet_net() # N
{
	ip netns exec $HOST$1 sh -c \
	    'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
}

# Away with them; what runs there has to be ended before.
hosts_end()
{
	local i
	for i in ${HOSTS_MADE-}; do
		ip netns del $HOST$i || :
	done
	HOSTS_MADE=
}

# plug_vxvde N - joins the bus of host N to a network of VDE; $PLUG
plug_vxvde()
{
	start plug$1 ip netns exec $HOST$1 vde_plug \
	    "shmif://$PWD/h$1.bus[name=plug$1]" vxvde://239.1.2.3
	PLUG=$PID
}

# plug_vxlan N - the same by the kernel's VXLAN, a bridge and a tap
plug_vxlan()
{
	ip -n $HOST$1 link add vx0 mtu 1500 type vxlan id 7 group 239.1.1.1 \
	    dev e0 dstport 4789 || return 1
	ip -n $HOST$1 link add br0 type bridge mcast_snooping 0
	ip -n $HOST$1 link set vx0 master br0 up
	ip -n $HOST$1 link set br0 up
	replug_vxlan $1
}

# replug_vxlan N - only the wire of it, once more
replug_vxlan()
{
	start plug$1 ip netns exec $HOST$1 "$BUILD/bin/shmif_wire" -n plug$1 \
	    h$1.bus tap:t0
	PLUG=$PID
	until_true eval "ip -n $HOST$1 link show t0 >/dev/null 2>&1"
	ip -n $HOST$1 link set t0 master br0 up
}

# plugged N - whether its plug is on the bus
plugged()
{
	"$BUILD/bin/shmifctl" bus h$1.bus 2>/dev/null |
	    grep -q " plug$1 alive"
}

# stack_on N - a stack on the bus of host N
stack_on()
{
	start stack$1 "$BUILD/bin/shmif_server" ${TEST_STACK:+-t "$TEST_STACK"} \
	    "unix://$PWD/h$1.sock"
	until_true test -S h$1.sock
	"$BUILD/bin/shmifctl" -s "unix://$PWD/h$1.sock" shmif0 create \
	    linkstr h$1.bus inet 10.5.0.$1/24 inet6 fd05::$1/64 up
}
