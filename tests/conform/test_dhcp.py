# SPDX-License-Identifier: BSD-2-Clause
"""DHCP (RFC 2131, 2132): the client of the stack, and a server made of scapy's
packets whose clock is short leases."""
import json
import time

import pytest

from peer import (ARP, BOOTP, DHCP, HOST_MAC, IP, PEER_MAC, THIRD_MAC, UDP,
                  Ether, Raw)

rfc = pytest.mark.rfc
SERVER, YOURS, OTHER = '10.9.0.2', '10.9.0.50', '10.9.0.51'
ALL_MAC = 'ff:ff:ff:ff:ff:ff'
# The client's timer comes once a second, and others use the machine, too.
LATE = 1.6


class Server:
    """Answers a client's messages, which it keeps."""

    def __init__(self, peer, **k):
        self.peer, self.said = peer, []
        self.yours, self.lease, self.more = YOURS, 3600, []
        self.mask, self.router, self.server = '255.255.255.0', None, SERVER
        self.silent = self.nak = False
        self.taken = set()      # addresses that a third host has
        for name, value in k.items():
            setattr(self, name, value)
        peer.own.append(SERVER)

    @staticmethod
    def options(p):
        return {o[0]: o[1] for o in p[DHCP].options if isinstance(o, tuple)}

    def kind(self, p):
        return self.options(p)['message-type']

    def answer(self, p, kind, **k):
        options = [('message-type', kind), ('server_id', self.server)]
        if kind != 'nak':
            options += [('lease_time', self.lease)]
            options += [('subnet_mask', self.mask)] if self.mask else []
            options += [('router', self.router)] if self.router else []
            options += self.more
        k.setdefault('yiaddr', '0.0.0.0' if kind == 'nak' else self.yours)
        k.setdefault('chaddr', p[BOOTP].chaddr)
        k.setdefault('xid', p[BOOTP].xid)
        self.peer.send(Ether(dst=ALL_MAC, src=PEER_MAC) /
                       IP(src=SERVER, dst='255.255.255.255') /
                       UDP(sport=67, dport=68) / BOOTP(op=2, **k) /
                       DHCP(options=options + ['end']))

    def handle(self, p):
        if ARP in p and p[ARP].op == 1 and p[ARP].pdst in self.taken:
            self.peer.send(Ether(dst=p.src, src=THIRD_MAC) /
                           ARP(op=2, hwsrc=THIRD_MAC, psrc=p[ARP].pdst,
                               hwdst=p.src, pdst=p[ARP].psrc))
        if BOOTP not in p or p.src != HOST_MAC:
            return
        self.said.append(p)
        kind = self.kind(p)
        if not self.silent and kind == 1:
            self.answer(p, 'offer')
        elif not self.silent and kind == 3:
            wants = self.options(p).get('requested_addr', p[BOOTP].ciaddr)
            good = wants == self.yours and not self.nak
            self.answer(p, 'ack' if good else 'nak')

    def until(self, ready, seconds=20):
        """Serves until ready() is true; returns what that is."""
        end = time.monotonic() + seconds
        while True:
            found = ready()
            if found:
                return found
            assert time.monotonic() < end, 'waited in vain'
            for p in self.peer.collect(0.05):
                self.handle(p)

    def serve(self, seconds):
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, seconds + 5)

    def last(self, kind, n=1, seconds=20):
        """The nth message of a kind."""
        def found():
            got = [p for p in self.said if self.kind(p) == kind]
            return got[n - 1] if len(got) >= n else None
        return self.until(found, seconds)


def addresses(host):
    shown = host.request('show')['results'][0]['interfaces']
    return {a['addr'] for i in shown if i['kind'] == 'shmif'
            for a in i['addresses'] if a['family'] == 'inet'}


def routes(host):
    shown = host.request('routes')['results'][0]
    return json.dumps(shown)


@pytest.fixture
def client(fresh):
    """A host that asks, and the server of its network."""
    def make(**k):
        p = fresh('static')
        server = Server(p, **k)
        reply = p.host.request('dhcp', **{'if': 'shmif0', 'on': True})
        assert reply['ok'], reply
        return p, server
    return make


def bound(server, addr=YOURS, seconds=20):
    server.until(lambda: addr in addresses(server.peer.host), seconds)
    return time.monotonic()


@rfc('2131 3.1, 4.4.1, 5227 2.1: a lease, used when nobody has the address')
def test_lease(client):
    p, server = client()
    seen = []
    handle = server.handle
    server.handle = lambda q: (seen.append(q), handle(q))
    bound(server)
    assert [server.kind(q) for q in server.said] == [1, 3]
    ask, req = server.said
    assert ask[IP].src == '0.0.0.0' and ask.dst == ALL_MAC
    assert ask[BOOTP].ciaddr == '0.0.0.0'
    assert req[BOOTP].ciaddr == '0.0.0.0' and req[BOOTP].xid == ask[BOOTP].xid
    assert server.options(req)['server_id'] == SERVER
    assert server.options(req)['requested_addr'] == YOURS
    assert any(ARP in q and q[ARP].pdst == YOURS and
               q[ARP].psrc == '0.0.0.0' for q in seen)
    assert '"0.0.0.0"' not in routes(p.host)  # no router was named


@rfc('2132 3.5: the router option makes the default route; -dhcp takes all back')
def test_router_release(client):
    p, server = client(router='10.9.0.9')
    bound(server)
    assert '10.9.0.9' in routes(p.host)
    assert p.host.request('dhcp', **{'if': 'shmif0', 'on': False})['ok']
    q = server.last(7)
    assert q[IP].src == YOURS and q[IP].dst == SERVER and q.dst == PEER_MAC
    assert q[BOOTP].ciaddr == YOURS
    assert server.options(q)['server_id'] == SERVER
    assert addresses(p.host) == set()
    assert '10.9.0' not in routes(p.host)


@rfc('2131 4.4.5: T1 by unicast, T2 by broadcast, the end of the lease')
def test_times(client):
    p, server = client(lease=9, more=[('renewal_time', 3),
                                      ('rebinding_time', 6)])
    first = server.last(3)
    begin = first.time
    bound(server)
    server.silent = True
    q = server.last(3, 2)
    o = server.options(q)
    assert abs(q.time - begin - 3) < LATE
    assert q.dst == PEER_MAC and q[IP].dst == SERVER and q[IP].src == YOURS
    assert q[BOOTP].ciaddr == YOURS
    assert 'server_id' not in o and 'requested_addr' not in o

    def rebinds():
        return [q for q in server.said if server.kind(q) == 3 and
                q[IP].dst == '255.255.255.255' and q[IP].src == YOURS]
    q = server.until(rebinds)[0]
    o = server.options(q)
    assert abs(q.time - begin - 6) < LATE and q[BOOTP].ciaddr == YOURS
    assert 'server_id' not in o and 'requested_addr' not in o
    q = server.last(1, 2)
    assert abs(q.time - begin - 9) < LATE
    assert addresses(p.host) == set()


@rfc('2131 4.4.5: a lease that is renewed goes on without a gap')
def test_renewals(client):
    p, server = client(lease=4)
    bound(server)
    while len([q for q in server.said if server.kind(q) == 3]) < 4:
        assert addresses(p.host) == {YOURS}
        server.serve(0.3)
    assert len([q for q in server.said if server.kind(q) == 1]) == 1


@rfc('2131 3.1, 4.4.5: a NAK ends the lease at once')
def test_nak(client):
    p, server = client(lease=6)
    bound(server)
    server.nak = True
    server.last(3, 2)
    server.until(lambda: not addresses(p.host), 2)
    server.nak, server.yours = False, OTHER
    bound(server, OTHER)
    assert addresses(p.host) == {OTHER}


@rfc('2131 3.1 (5), 4.4.4: an address that another has is declined')
def test_decline(client):
    p, server = client(taken={YOURS})
    q = server.last(4)
    assert server.options(q)['requested_addr'] == YOURS
    assert server.options(q)['server_id'] == SERVER
    assert q[BOOTP].ciaddr == '0.0.0.0' and q[IP].src == '0.0.0.0'
    server.yours = OTHER
    begin = time.monotonic()
    bound(server, OTHER)
    assert time.monotonic() - begin > 9
    assert addresses(p.host) == {OTHER}


@rfc('2131 3.2, 4.4.2: the lease is verified when the link comes up')
@pytest.mark.parametrize('good', [True, False])
def test_reboot(client, good):
    p, server = client()
    bound(server)
    server.said.clear()
    server.nak = not good
    if not good:
        server.yours = OTHER
    assert p.host.request('down', **{'if': 'shmif0'})['ok']
    assert addresses(p.host) == set()
    assert p.host.request('up', **{'if': 'shmif0'})['ok']
    q = server.last(3)
    o = server.options(q)
    assert q[IP].dst == '255.255.255.255' and q[BOOTP].ciaddr == '0.0.0.0'
    assert o['requested_addr'] == YOURS and 'server_id' not in o
    server.nak = False
    bound(server, YOURS if good else OTHER)
    assert addresses(p.host) == {YOURS if good else OTHER}
    assert len([q for q in server.said if server.kind(q) == 1]) == (not good)


@rfc('2131 3.1: a server that refuses what it offers is not asked for ever')
def test_nak_storm(client):
    p, server = client(nak=True)
    server.last(3)
    server.serve(3)
    assert len(server.said) <= 6
    server.nak = False
    bound(server)


LIES = {
    'to all': {'yours': '255.255.255.255'}, 'group': {'yours': '224.0.0.1'},
    'loopback': {'yours': '127.0.0.1'}, 'none': {'yours': '0.0.0.0'},
    'own net': {'yours': '10.9.0.0'}, 'broadcast': {'yours': '10.9.0.255'},
    'server': {'server': '0.0.0.0'}, 'server group': {'server': '224.0.0.5'},
    'mask': {'mask': '255.0.255.0'}, 'all mask': {'mask': '0.0.0.1'},
    'no lease': {'lease': 0}, 'router': {'router': '127.0.0.1'},
    'own router': {'router': YOURS}, 'far router': {'router': '10.8.0.1'},
}


@rfc('2131 4.4.1, 1122 3.2.1.3: what a server says is held against what can be')
def test_lies(client):
    p, server = client(silent=True)
    ask = server.last(1)
    for k in LIES.values():
        truth = {name: getattr(server, name) for name in k}
        for name, value in k.items():
            setattr(server, name, value)
        server.answer(ask, 'offer')
        for name, value in truth.items():
            setattr(server, name, value)
    for k in {'xid': 1}, {'chaddr': b'\x02\0\0\0\0\x09'}, {'op': 1}, \
            {'htype': 6}, {'hlen': 8}:
        k = dict(k)
        q = Ether(dst=ALL_MAC, src=PEER_MAC) / \
            IP(src=SERVER, dst='255.255.255.255') / \
            UDP(sport=67, dport=68) / BOOTP(**dict({
                'op': 2, 'yiaddr': YOURS, 'chaddr': ask[BOOTP].chaddr,
                'xid': ask[BOOTP].xid}, **k)) / DHCP(options=[
                    ('message-type', 'offer'), ('server_id', SERVER),
                    ('lease_time', 60), 'end'])
        p.send(q)
    # Options that lie about their length, or have no end.
    for raw in b'\x35\x01\x02\x36\x04\x0a\x09\0\x02\x33\x05\0\0\0\x3c', \
            b'\x35\x01\x02\x36\x04\x0a\x09\0\x02\x33\x04\0\0\0\x3c\x01', \
            b'\x35\x01\x02\x36\xff\x0a\x09\0\x02\x33\x04\0\0\0\x3c\xff', \
            b'\x35\x00\x36\x04\x0a\x09\0\x02\x33\x04\0\0\0\x3c\xff', \
            b'\x35\x01\x02\x36\x04\x0a\x09\0\x02\x33\x04\0\0\0\x3c':
        p.send(Ether(dst=ALL_MAC, src=PEER_MAC) /
               IP(src=SERVER, dst='255.255.255.255') /
               UDP(sport=67, dport=68) /
               BOOTP(op=2, yiaddr=YOURS, chaddr=ask[BOOTP].chaddr,
                     xid=ask[BOOTP].xid, options=b'c\x82Sc') / Raw(raw))
    # It asks on, as if nothing had been offered; and takes what is true.
    server.last(1, 2)
    assert [server.kind(q) for q in server.said].count(3) == 0
    server.silent = False
    bound(server)
    assert addresses(p.host) == {YOURS}


@rfc('2131 4.4.3: of two servers, the other one is not listened to')
def test_other_server(client):
    p, server = client(silent=True)
    ask = server.last(1)
    server.answer(ask, 'offer')
    server.last(3)
    server.server = '10.9.0.7'
    server.answer(ask, 'ack')
    server.answer(ask, 'nak')
    server.serve(2.5)
    assert addresses(p.host) == set()
    server.server, server.silent = SERVER, False
    bound(server)


# ---- what else a server says ----------------------------------------------------

def way(net, prefix, hop):
    """A route of option 121."""
    n = (prefix + 7) // 8
    return bytes([prefix]) + bytes(map(int, net.split('.')))[:n] + \
        bytes(map(int, hop.split('.')))


def table(host):
    reply = host.request('routes')['results'][0]['routes']
    return {'%s/%d' % (r['dst'], r['prefix']): r['via'] for r in reply
            if r['family'] == 'inet' and r['if'] == 'shmif0'}


ROUTES = way('0.0.0.0', 0, '10.9.0.3') + way('192.0.2.0', 24, '10.9.0.4') + \
    way('198.51.100.128', 25, '0.0.0.0')


@rfc('3442: classless routes, in place of the router')
def test_routes(client):
    p, server = client(router=SERVER, more=[(121, ROUTES)])
    bound(server)
    mine = table(p.host)
    assert mine['0.0.0.0/0'] == '10.9.0.3'
    assert mine['192.0.2.0/24'] == '10.9.0.4'
    assert mine['198.51.100.128/25'] is None
    asked = [o[1] for o in server.last(1)[DHCP].options
             if o[0] == 'param_req_list'][0]
    assert asked.index(121) < asked.index(3)
    p.host.request('dhcp', **{'if': 'shmif0', 'on': False})
    assert not set(table(p.host)) - {'10.9.0.0/24'}


@rfc('3396 7: an option in pieces is put together')
def test_routes_in_pieces(client):
    p, server = client(more=[(121, ROUTES[:7]), (121, ROUTES[7:])])
    bound(server)
    assert table(p.host)['192.0.2.0/24'] == '10.9.0.4'


@rfc('3442: routes that cannot be are left out; the rest is used')
@pytest.mark.parametrize('bad', [
    way('224.0.0.0', 8, '10.9.0.3'), way('127.0.0.0', 8, '10.9.0.3'),
    way('203.0.113.0', 24, '10.8.0.3'), way('203.0.113.0', 24, '127.0.0.1'),
    way('203.0.113.0', 24, YOURS)])
def test_routes_lies(client, bad):
    p, server = client(more=[(121, bad + ROUTES)])
    bound(server)
    mine = table(p.host)
    assert mine['192.0.2.0/24'] == '10.9.0.4' and len(mine) == 4, mine


@rfc('2132 3.8, 5.1: servers of names and the MTU are kept, shown and used')
def test_names(client):
    p, server = client(more=[('name_server', '10.9.0.53', '10.9.0.54'),
                             ('interface-mtu', 1400)])
    bound(server)
    shown = p.host.request('show', **{'if': 'shmif0'})
    shown = shown['results'][0]['interfaces'][0]
    assert [d['addr'] for d in shown['nameservers']] == ['10.9.0.53',
                                                         '10.9.0.54']
    assert shown['mtu_inet'] == 1400 and shown['mtu'] == 1500
    import socket
    s = p.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    p.drain()
    s.sendto(SERVER, 9, 1440)
    got = p.collect(5, lambda q: IP in q and q[IP].dst == SERVER and
                    q[IP].proto == 17, 2)
    assert [q[IP].len for q in got] == [1396, 92]
    p.host.request('dhcp', **{'if': 'shmif0', 'on': False})
    p.drain()
    shown = p.host.request('show', **{'if': 'shmif0'})
    shown = shown['results'][0]['interfaces'][0]
    assert not shown['nameservers'] and 'mtu_inet' not in shown
