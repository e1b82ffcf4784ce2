# SPDX-License-Identifier: BSD-2-Clause
"""The peer of the checks: a host made of scapy's packets, and the stack under
test with its sockets by remote control (host.c).

What is not answered is found without waiting: behind the packet in question the
peer sends an echo request, which the stack answers after it has dealt with the
packet (ask())."""
import collections
import errno
import ipaddress
import json
import logging
import os
import random
import select
import socket
import subprocess
import time

logging.getLogger('scapy').setLevel(logging.ERROR)
# pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from scapy.layers.dhcp import *    # noqa: E402,F403
from scapy.layers.inet import *    # noqa: E402,F403
from scapy.layers.inet6 import *   # noqa: E402,F403
from scapy.layers.l2 import *      # noqa: E402,F403
from scapy.packet import Raw       # noqa: E402

from shmbus import Bus             # noqa: E402

HOST_MAC = '02:00:00:00:00:01'
PEER_MAC = '02:00:00:00:00:02'
THIRD_MAC = '02:00:00:00:00:03'
HOST_LL = 'fe80::ff:fe00:1'
PEER_LL = 'fe80::2'
MASK = 0xffffffff
PATIENCE = 20  # seconds that a condition is waited for at most

Ends = collections.namedtuple('Ends', 'host peer')
ENDS = {4: Ends('10.9.0.1', '10.9.0.2'), 6: Ends('fd09::1', 'fd09::2')}


def same(a, b):
    """Whether two texts are the same address."""
    return ipaddress.ip_address(a) == ipaddress.ip_address(b)


def flags(p):
    return str(p[TCP].flags)


class Host:
    """The process with the stack under test."""

    def __init__(self, bus, *args):
        prog = os.path.join(os.environ['BUILD'], 'tests/conform/host')
        self.proc = subprocess.Popen(
            [prog, bus, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            bufsize=0)
        self.next = 0
        assert self.answer()[2] == 'ready'

    def answer(self):
        line = b''
        while not line.endswith(b'\n'):
            if not select.select([self.proc.stdout], [], [], 30)[0]:
                raise TimeoutError('the stack does not answer')
            got = self.proc.stdout.read(65536)
            if not got:
                raise EOFError('the stack has died: %s' % self.proc.wait())
            line += got
        ret, err, more = line.decode().rstrip('\n').split(' ', 2)
        return int(ret), err, more

    def call(self, verb, *args):
        self.proc.stdin.write((' '.join([verb, *map(str, args)]) + '\n')
                              .encode())
        return self.answer()

    def request(self, op, **fields):
        ret = self.call('request', json.dumps(
            {'id': 1, 'do': [dict(fields, op=op)]}))
        return json.loads(ret[2]) if ret[2] else {}

    def interface(self):
        reply = self.request('if_show')
        return json.dumps(reply)

    def socket(self, family, kind, proto=0):
        self.next += 1
        return Socket(self, self.next % 4096, family, kind, proto)

    def alive(self):
        return self.proc.poll() is None

    def close(self):
        self.proc.stdin.close()
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stdout.close()


class Socket:
    """A socket of the stack under test."""

    def __init__(self, host, num, family=0, kind=0, proto=0, made=False):
        self.host, self.num = host, num
        if not made:
            assert self('socket', '-', int(family), int(kind), proto)[0] >= 0

    def __call__(self, verb, *args):
        return self.host.call(verb, self.num, *(args or ('-',)))

    def bind(self, port, addr='::'):
        return self('bind', addr, port)

    def connect(self, addr, port):
        return self('connect', addr, port)

    def accept(self, ms=2000):
        self.host.next += 1
        num = self.host.next % 4096
        ret = self('accept', '-', num, ms)
        assert ret[0] >= 0, ret
        return Socket(self.host, num, made=True)

    def set(self, level, name, value):
        return self('set', '-', level, name, value)

    def get(self, level, name):
        return self('get', '-', level, name)

    def send(self, n, how=0):
        return self('send', '-', n, how)

    def sendto(self, addr, port, n):
        return self('sendto', addr, port, n)

    def recv(self, n=65536, ms=2000):
        return self('recv', '-', n, ms)

    def recvfrom(self, n=65536, ms=2000):
        return self('recvfrom', '-', n, ms)

    def recvmsg(self, ms=2000):
        return self('recvmsg', '-', ms)

    def shutdown(self, how):
        return self('shutdown', '-', how)

    def close(self):
        return self('close')


class Peer:
    """A bus with a stack under test and a raw peer."""

    def __init__(self, path, *args):
        self.path = path
        self.bus = Bus(path, create=True, promisc=True, mac=PEER_MAC, name='raw')
        self.own = []        # the peer's addresses: ARP and NS are answered
        self.macs = {}       # of those that are not at PEER_MAC
        self.routers = set()  # those of the peer's addresses that are
        self.port = random.randint(1024, 30000)
        self.ident = random.randint(1, 60000)
        self.host = Host(path, *args)
        self.tcp_listener = self.udp_socket = None

    def close(self):
        try:
            self.host.close()
        finally:
            self.bus.close()

    # ---- packets ---------------------------------------------------------

    def send(self, p):
        data = bytes(p)
        for _ in range(100):
            try:
                return self.bus.send(data)
            except OSError as e:
                # A writer that is not let run for 2 ms is given up on.
                if e.errno != errno.ETIMEDOUT:
                    raise
        raise AssertionError('the others give up on each frame')

    @staticmethod
    def eth(dst=HOST_MAC, src=PEER_MAC):
        return Ether(dst=dst, src=src)

    def ip(self, v, **k):
        """The headers of a packet from the peer to the host."""
        k.setdefault('src', ENDS[v].peer)
        k.setdefault('dst', ENDS[v].host)
        dst = k.pop('eth', HOST_MAC)
        return self.eth(dst) / (IP(**k) if v == 4 else IPv6(**k))

    def new_port(self):
        self.port = 1024 + (self.port - 1023) % 60000
        return self.port

    def new_ident(self):
        self.ident = self.ident % 65000 + 1
        return self.ident

    def answer_neighbour(self, p):
        if ARP in p and p[ARP].op == 1 and p[ARP].pdst in self.own and \
                p[ARP].psrc != '0.0.0.0':
            mac = self.macs.get(p[ARP].pdst, PEER_MAC)
            self.send(Ether(dst=p.src, src=mac) /
                      ARP(op=2, hwsrc=mac, psrc=p[ARP].pdst, hwdst=p.src,
                          pdst=p[ARP].psrc))
        elif ICMPv6ND_NS in p and p[IPv6].src != '::':
            tgt = p[ICMPv6ND_NS].tgt
            if any(':' in a and same(a, tgt) for a in self.own):
                mac = self.macs.get(tgt, PEER_MAC)
                self.send(Ether(dst=p.src, src=mac) /
                          IPv6(src=tgt, dst=p[IPv6].src, hlim=255) /
                          ICMPv6ND_NA(tgt=tgt, R=int(tgt in self.routers), S=1,
                                      O=1) /
                          ICMPv6NDOptDstLLAddr(lladdr=mac))

    def recv(self, timeout=0.0):
        """The next frame of the host, its neighbours answered; or None."""
        got = self.bus.recv(timeout)
        if got is None:
            return None
        p = Ether(got.data)
        p.time = got.time
        self.answer_neighbour(p)
        return p

    def collect(self, seconds, want=lambda p: True, n=0):
        """What want() takes within so many seconds, until there are n."""
        end = time.monotonic() + seconds
        found = []
        while True:
            left = end - time.monotonic()
            p = self.recv(max(0, left))
            if p is not None and p.src != PEER_MAC and want(p):
                found.append(p)
                if n and len(found) >= n:
                    return found
            if left <= 0:
                return found

    def wait(self, want, seconds=PATIENCE):
        """The first frame that want() takes."""
        found = self.collect(seconds, want, 1)
        assert found, 'nothing came'
        return found[0]

    def fence(self, v=4, seconds=PATIENCE):
        """All that the host sends until it has answered an echo request."""
        num = self.new_ident()
        if v == 4:
            p = self.ip(4) / ICMP(id=num, seq=4711)
        elif v == 6:
            p = self.ip(6) / ICMPv6EchoRequest(id=num, seq=4711)
        else:
            p = self.ip(6, src=PEER_LL, dst=HOST_LL) / \
                ICMPv6EchoRequest(id=num, seq=4711)
        self.send(p)
        end = time.monotonic() + seconds
        found = []
        while time.monotonic() < end:
            p = self.recv(0.5)
            if p is None:
                continue
            if ICMP in p and p[ICMP].type == 0 and p[ICMP].id == num:
                return found
            if ICMPv6EchoReply in p and p[ICMPv6EchoReply].id == num:
                return found
            found.append(p)
        raise AssertionError('the host does not answer its echo request')

    def ask(self, *packets, v=4):
        """What the host answers to packets; what other connections have to
        send again is not that."""
        self.drain()
        ports = {p[TCP].sport for p in packets if TCP in p}
        for p in packets:
            self.send(p)
        # Acknowledgements wait for the end of a batch of frames: twice.
        return [p for p in self.fence(v) + self.fence(v)
                if ARP not in p and ICMPv6ND_NS not in p and
                (TCP not in p or p[TCP].dport in ports)]

    def drain(self):
        while self.recv(0) is not None:
            pass

    def until(self, ready, seconds=PATIENCE):
        """Waits until ready() is true."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, 'waited in vain'
            self.collect(0.02)

    # ---- TCP -------------------------------------------------------------

    def listener(self, port=7, v=6, backlog=100):
        family = socket.AF_INET6 if v == 6 else socket.AF_INET
        s = self.host.socket(family, socket.SOCK_STREAM)
        s.set(socket.SOL_SOCKET, 2, 1)  # SO_REUSEADDR, as Linux has it
        assert s.bind(port, '::' if v == 6 else '0.0.0.0')[0] == 0
        assert s('listen', '-', backlog)[0] == 0
        return s


def ends(p):
    """What tells a SYN or a FIN without data from others; else None."""
    return p[TCP].seq if set('SF') & set(flags(p)) and not payload(p) else None


class Connection:
    """The peer's end of a TCP connection with the host."""

    def __init__(self, peer, v, sport=None, dport=7, isn=None, window=65535,
                 options=(('MSS', 1460),)):
        self.peer, self.v = peer, v
        self.ends = set()  # sequence numbers of the host's SYN and FIN
        self.sport = sport or peer.new_port()
        self.dport = dport
        self.isn = random.getrandbits(32) if isn is None else isn
        self.seq = self.isn       # the next that the peer sends
        self.ack = 0              # the next that is expected
        self.window = window
        self.options = list(options)
        self.socket = None
        self.synack = None

    def segment(self, what='A', data=b'', seq=None, ack=None, **k):
        k.setdefault('window', self.window)
        return self.peer.ip(self.v) / TCP(
            sport=self.sport, dport=self.dport, flags=what,
            seq=(self.seq if seq is None else seq) & MASK,
            ack=(self.ack if ack is None else ack) & MASK, **k) / data

    def mine(self, p):
        return TCP in p and p[TCP].dport == self.sport and \
            p[TCP].sport == self.dport and p.src != PEER_MAC

    def send(self, what='A', data=b'', **k):
        self.peer.send(self.segment(what, data, **k))

    def ask(self, what='A', data=b'', **k):
        """What the host answers to a segment.  A SYN-ACK or FIN that it sends
        again while the peer takes its time answers nothing but a SYN."""
        got = [p for p in self.peer.ask(self.segment(what, data, **k), v=self.v)
               if self.mine(p)]
        again = [] if 'S' in what else [p for p in got if ends(p) in self.ends]
        self.ends.update(ends(p) for p in got if ends(p))
        return [p for p in got if p not in again]

    def wait(self, want=lambda p: True, seconds=PATIENCE):
        p = self.peer.wait(lambda p: self.mine(p) and want(p), seconds)
        self.ends.add(ends(p))
        return p

    def syn(self):
        """Sends a SYN; its SYN-ACK, which is not acknowledged."""
        got = self.ask('S', seq=self.isn, ack=0, options=self.options)
        assert len(got) == 1 and flags(got[0]) == 'SA', show(got)
        self.synack = got[0]
        self.seq = (self.isn + 1) & MASK
        self.ack = (got[0][TCP].seq + 1) & MASK
        return got[0]

    def open(self):
        self.syn()
        self.send()
        self.socket = self.peer.tcp_listener.accept()
        return self

    def connect_from_host(self, **k):
        """The host connects to the peer, port SPORT."""
        s = self.socket = self.peer.host.socket(
            socket.AF_INET if self.v == 4 else socket.AF_INET6,
            socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        for name, value in k.items():
            s.set(*getattr(socket, name), value)
        ret = s.connect(ENDS[self.v].peer, self.sport)
        assert ret[1] == 'EINPROGRESS', ret
        p = self.peer.wait(lambda p: TCP in p and
                           p[TCP].dport == self.sport and flags(p) == 'S')
        self.dport = p[TCP].sport
        self.ack = (p[TCP].seq + 1) & MASK
        return p

    def accept_from_host(self):
        """... and the peer takes it."""
        syn = self.connect_from_host()
        self.peer.drain()
        self.send('SA', seq=self.isn, options=self.options)
        self.seq = (self.isn + 1) & MASK
        self.wait(lambda p: flags(p) == 'A')
        return syn

    # How the states are reached in which a connection can be.

    def fin_wait_1(self):
        self.open()
        self.peer.drain()
        self.socket.shutdown(socket.SHUT_WR)
        p = self.wait(lambda p: 'F' in flags(p))
        self.fin = (p[TCP].seq + 1) & MASK
        return self

    def fin_wait_2(self):
        self.fin_wait_1()
        self.ack = self.fin
        self.send()
        return self

    def closing(self):
        self.fin_wait_1()
        self.ask('FA')
        self.seq = (self.seq + 1) & MASK
        return self

    def time_wait(self):
        self.fin_wait_1()
        self.ack = self.fin
        self.ask('FA')
        self.seq = (self.seq + 1) & MASK
        return self

    def close_wait(self):
        self.open()
        self.ask('FA')
        self.seq = (self.seq + 1) & MASK
        return self

    def last_ack(self):
        self.close_wait()
        self.peer.drain()
        self.socket.close()
        p = self.wait(lambda p: 'F' in flags(p))
        self.fin = (p[TCP].seq + 1) & MASK
        return self

    def gone(self):
        """Whether the host knows nothing of the connection any more."""
        got = self.ask('A', seq=self.seq + 10000, ack=self.ack)
        return any('R' in flags(p) for p in got)


def show(packets):
    return [p.summary() for p in packets]


def acks(packets):
    """Whether these are one bare acknowledgement."""
    return len(packets) == 1 and flags(packets[0]) == 'A' and \
        not payload(packets[0])


def payload(p):
    """The bytes that TCP carries, without the padding of the frame."""
    t = p[TCP]
    if IP in p:
        n = p[IP].len - p[IP].ihl * 4 - t.dataofs * 4
    else:
        n = p[IPv6].plen - t.dataofs * 4
    return bytes(t.payload)[:max(0, n)]


def icmp_error(packets):
    """Type and code of the ICMP error among packets, or None."""
    for p in packets:
        if ICMP in p and p[ICMP].type in (3, 4, 5, 11, 12):
            return p[ICMP].type, p[ICMP].code
        for kind in (ICMPv6DestUnreach, ICMPv6PacketTooBig,
                     ICMPv6TimeExceeded, ICMPv6ParamProblem):
            if kind in p:
                return p[kind].type, p[kind].code
    return None
