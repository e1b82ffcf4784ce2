# SPDX-License-Identifier: BSD-2-Clause
"""What routers say: prefixes, themselves, parameters, redirects (RFC 4861, 4862,
8106, 1122)."""
import socket
import time

import pytest

from peer import (HOST_LL, HOST_MAC, ICMP, IP, PEER_LL, PEER_MAC, THIRD_MAC, UDP,
                  Ether, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NS,
                  ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6ND_Redirect,
                  ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
                  ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr, IPv6,
                  IPv6ExtHdrFragment, same, show)

rfc = pytest.mark.rfc
EUI = 'ff:fe00:1'
R3 = 'fe80::3'
FAR = '2001:db8::9'


class Link:
    """A host that configures itself, and its routers."""

    def __init__(self, peer):
        self.peer, self.host = peer, peer.host
        peer.own = [PEER_LL, R3]
        peer.macs = {R3: THIRD_MAC}
        peer.routers = {PEER_LL, R3}
        self.sock = self.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)

    def say(self, *options, src=PEER_LL, life=1800, hlim=255, code=0, **k):
        """A router's advertisement, dealt with."""
        mac = THIRD_MAC if src == R3 else PEER_MAC
        p = Ether(dst='33:33:00:00:00:01', src=mac) / \
            IPv6(src=src, dst='ff02::1', hlim=hlim) / \
            ICMPv6ND_RA(routerlifetime=life, code=code,
                        chlim=k.pop('chlim', 0), **k) / \
            ICMPv6NDOptSrcLLAddr(lladdr=mac)
        for o in options:
            p = p / o
        self.peer.send(p)
        self.peer.fence('link')

    def shown(self):
        reply = self.host.request('show', **{'if': 'shmif0'})
        return reply['results'][0]['interfaces'][0]

    def addresses(self):
        return {a['addr']: a['state'] for a in self.shown()['addresses']}

    def has(self, prefix):
        return any(same(a, prefix + EUI) for a in self.addresses())

    def routes(self):
        reply = self.host.request('routes')['results'][0]['routes']
        return {(r['dst'], r['prefix']): r['via'] for r in reply}

    def way(self, to, n=10, nothing=False):
        """What the host sends to an address; or is it nothing?"""
        def is_it(p):
            return IPv6 in p and same(p[IPv6].dst, to) and \
                (UDP in p or IPv6ExtHdrFragment in p)
        self.peer.drain()
        self.sock.sendto(to, 9, n)
        if nothing:
            got = self.peer.collect(0.2) + self.peer.fence('link')
            return [p for p in got if is_it(p)]
        first = self.peer.wait(is_it)
        return [first] + [p for p in self.peer.fence('link') if is_it(p)]


def prefix(net, valid=3600, preferred=3600, L=1, A=1, n=64):
    return ICMPv6NDOptPrefixInfo(prefix=net, prefixlen=n, L=L, A=A,
                                 validlifetime=valid,
                                 preferredlifetime=preferred)


@pytest.fixture(scope='module')
def own(tmp_path_factory):
    from conftest import start
    p = start(tmp_path_factory.mktemp('slaac'))
    try:
        p.own = [PEER_LL]
        p.host.call('up')
        p.wait(lambda q: ICMPv6ND_RS in q)
        link = Link(p)
        link.say(prefix('fd20::'))
        yield link
        assert p.host.alive(), 'the host has died'
    finally:
        p.close()


@pytest.fixture
def link(own):
    own.peer.drain()
    return own


# ---- what is not believed -------------------------------------------------------

@rfc('4861 6.1.2: such an advertisement is dropped')
@pytest.mark.parametrize('k', [{'hlim': 254}, {'src': 'fd20::2'}, {'code': 1}])
def test_bad(link, k):
    link.say(prefix('fd10::'), **k)
    assert not link.has('fd10::') and ('fd10::', 64) not in link.routes()


@rfc('4862 5.5.3 (a) to (d): no address of such a prefix')
@pytest.mark.parametrize('opt', [
    prefix('fd11::', A=0), prefix('fd11::', valid=0, preferred=0),
    prefix('fd11::', valid=100, preferred=200), prefix('fd11::', n=65),
    prefix('fe80::'), prefix('ff05::')])
def test_no_address(link, opt):
    link.say(opt)
    assert not link.has('fd11::')


@rfc('4862 5.5.3: M and O do not prevent an address')
def test_managed(link):
    link.say(prefix('fd12::'), M=1, O=1)
    assert link.has('fd12::')


# ---- prefixes ---------------------------------------------------------------------

@rfc('4861 6.3.4: all prefixes of an advertisement')
def test_all_prefixes(link):
    link.say(prefix('fd21::'), prefix('fd22::', L=0), prefix('fd23::', A=0))
    assert link.has('fd21::') and link.has('fd22::')
    assert not link.has('fd23::')
    routes = link.routes()
    assert ('fd21::', 64) in routes and ('fd23::', 64) in routes
    assert ('fd22::', 64) not in routes


@rfc('4861 6.3.4, 5942 4: what is not on the link goes to the router')
def test_off_link(link):
    link.say(prefix('fd24::', L=0))
    p = link.way('fd24::5')
    assert p and p[0].dst == PEER_MAC, show(p)


@rfc('4862 5.5.3 (e): lifetimes are renewed; two hours are left at least')
def test_two_hours(link):
    link.say(prefix('fd25::', 10000, 9000))
    link.say(prefix('fd25::', 1, 1))
    time.sleep(2.2)
    assert link.addresses().get('fd25::' + EUI) == 'deprecated'


@rfc('4862 5.5.4: deprecated, then gone; renewed when said again')
def test_lifetimes(link):
    link.say(prefix('fd26::', 4, 2))
    link.say(prefix('fd27::', 4, 2))
    states = []
    for i in range(70):
        if i in (10, 20, 30):
            link.say(prefix('fd27::', 4, 2))
        states.append(link.addresses().get('fd26::' + EUI))
        link.peer.collect(0.1)
        if states[-1] is None:
            break
    assert 'deprecated' in states and states[-1] is None, states
    assert link.has('fd27::')
    assert ('fd26::', 64) not in link.routes()


@rfc('4862 5.5.4, 6724 5: a deprecated address is the second choice')
def test_deprecated(link):
    link.say(prefix('fd20::', 3600, 0), prefix('fd28::'))
    try:
        p = link.way(FAR)
        assert p and not p[0][IPv6].src.startswith('fd20:'), show(p)
    finally:
        link.say(prefix('fd20::'))


# ---- routers -----------------------------------------------------------------------

@rfc('4861 6.3.4: a lifetime of 0 takes a router from the list')
def test_last_words(link):
    link.say()
    assert link.way(FAR)[0].dst == PEER_MAC
    link.say(life=0)
    assert not link.way(FAR, nothing=True)
    link.say()


@rfc('4861 6.3.5: a lifetime that is over, too')
def test_router_expires(link):
    link.say(life=1)
    link.peer.until(lambda: ('::', 0) not in link.routes(), 5)
    link.say()


@rfc('4861 6.3.6: another router when the first one says goodbye')
def test_second_router(link):
    link.say()
    link.say(src=R3)
    assert link.way(FAR)[0].dst == PEER_MAC
    link.say(life=0)
    assert link.way(FAR)[0].dst == THIRD_MAC
    link.say()
    link.say(src=R3, life=0)
    assert link.way(FAR)[0].dst == PEER_MAC


@rfc('4861 6.3.6, 7.3: another router when the first one is not there')
def test_failover(link):
    link.say(reachabletime=1000)
    link.say(src=R3)
    link.peer.own.remove(PEER_LL)
    try:
        end = time.monotonic() + 20
        found = []
        while not found and time.monotonic() < end:
            link.sock.sendto(FAR, 9, 10)
            found = [p for p in link.peer.collect(0.2)
                     if UDP in p and p.dst == THIRD_MAC]
        assert found, 'the other router is not used'
    finally:
        link.peer.own.append(PEER_LL)
        link.say(reachabletime=30000)
        link.say(src=R3, life=0)


# ---- parameters ---------------------------------------------------------------------

def hops(link, how):
    if how == 'echo':
        num = link.peer.new_ident()
        link.peer.drain()
        link.peer.send(Ether(dst=HOST_MAC, src=PEER_MAC) /
                       IPv6(src=PEER_LL, dst=HOST_LL) /
                       ICMPv6EchoRequest(id=num))
        p = link.peer.wait(lambda p: ICMPv6EchoReply in p and
                           p[ICMPv6EchoReply].id == num)
        return p[IPv6].hlim
    if how == 'udp':
        return link.way(FAR)[0][IPv6].hlim
    s = link.host.socket(socket.AF_INET6,
                         socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    link.peer.drain()
    s.connect(FAR, 4321)
    p = link.peer.wait(lambda p: IPv6 in p and same(p[IPv6].dst, FAR))
    s.close()
    return p[IPv6].hlim


@rfc('4861 6.3.4: the hop limit of what is sent')
@pytest.mark.parametrize('how', ['echo', 'udp', 'tcp'])
def test_hop_limit(link, how):
    link.say(chlim=37)
    assert hops(link, how) == 37
    link.say()  # 0 says nothing
    assert hops(link, how) == 37
    link.say(chlim=64)
    assert hops(link, how) == 64


@rfc('3493 5.1: a program that has chosen a hop limit has it')
def test_hop_limit_chosen(link):
    link.say(chlim=37)
    s = link.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    assert s.set(41, 16, 99)[0] == 0  # IPV6_UNICAST_HOPS
    link.peer.drain()
    s.sendto(FAR, 9, 10)
    p = link.peer.wait(lambda p: UDP in p and same(p[IPv6].dst, FAR))
    s.close()
    link.say(chlim=64)
    assert p[IPv6].hlim == 99


@rfc('4861 6.3.4: the MTU of the link, of IPv6')
@pytest.mark.parametrize('mtu,most', [(1400, 1400), (1000, 1400), (9000, 1400),
                                      (1500, 1500)])
def test_mtu(link, mtu, most):
    if mtu != 1400:
        link.say(ICMPv6NDOptMTU(mtu=1400 if mtu != 1500 else 1500))
    link.say(ICMPv6NDOptMTU(mtu=mtu))
    got = [len(p[IPv6]) for p in link.way(FAR, 1440)]
    assert got and max(got) <= most and (max(got) > 1400) == (most == 1500), got


@rfc('4861 6.3.4: the MTU of the link holds for TCP')
def test_mtu_tcp(link):
    link.say(ICMPv6NDOptMTU(mtu=1400), prefix('fd20::'))
    try:
        assert link.has('fd20::')
        s = link.host.socket(socket.AF_INET6,
                             socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        link.peer.drain()
        s.connect(FAR, 4322)
        from peer import TCP
        p = link.peer.wait(lambda p: TCP in p and p[TCP].dport == 4322)
        syn = p[TCP]
        link.peer.send(Ether(dst=HOST_MAC, src=PEER_MAC) /
                       IPv6(src=FAR, dst=p[IPv6].src) /
                       TCP(sport=4322, dport=syn.sport, flags='SA', seq=7,
                           ack=syn.seq + 1, options=[('MSS', 1440)]))
        link.peer.wait(lambda p: TCP in p and p[TCP].flags == 'A')
        assert s.send(5000)[0] > 0
        got = link.peer.collect(3, lambda p: TCP in p and
                                len(p[TCP].payload) > 100, 2)
        s.close()
        sizes = [len(p[IPv6]) for p in got]
        assert len(got) == 2 and max(sizes) <= 1400, sizes
    finally:
        link.say(ICMPv6NDOptMTU(mtu=1500))


@rfc('4861 6.3.4, 7.3: the time for which a neighbour is reachable')
def test_reachable_time(link):
    to = 'fd20::31'
    link.peer.own.append(to)
    link.say(reachabletime=2000)
    try:
        assert link.way(to)
        end = time.monotonic() + 12
        found = []
        while not found and time.monotonic() < end:
            link.sock.sendto(to, 9, 10)
            found = [p for p in link.peer.collect(0.2) if ICMPv6ND_NS in p and
                     same(p[ICMPv6ND_NS].tgt, to)]
        assert found and found[0].dst == PEER_MAC, show(found)
    finally:
        link.say(reachabletime=30000)


@rfc('4861 6.3.4, 7.2.2: the time between two solicitations')
def test_retrans_time(link):
    link.say(retranstimer=3000)
    try:
        link.peer.drain()
        link.sock.sendto('fd20::77', 9, 10)
        got = link.peer.collect(8, lambda p: ICMPv6ND_NS in p and
                                same(p[ICMPv6ND_NS].tgt, 'fd20::77'), 2)
        assert len(got) == 2 and got[1].time - got[0].time > 2.5
    finally:
        link.say(retranstimer=1000)


@rfc('8106 5.1, 5.3.1: servers of names are kept and shown, and end')
def test_dns(link):
    def servers():
        return {d['addr'] for d in link.shown()['nameservers']}
    link.say(ICMPv6NDOptRDNSS(lifetime=1000, dns=['fd20::53', 'fd20::54']))
    assert {'fd20::53', 'fd20::54'} <= servers()
    link.say(ICMPv6NDOptRDNSS(lifetime=0, dns=['fd20::53']))
    assert servers() == {'fd20::54'}
    link.say(ICMPv6NDOptRDNSS(lifetime=1, dns=['fd20::54']))
    link.peer.until(lambda: not servers(), 5)


# ---- redirects ----------------------------------------------------------------------

def redirect(link, src=PEER_LL, tgt=R3, dst=FAR, hlim=255, code=0, ll=THIRD_MAC):
    p = Ether(dst=HOST_MAC, src=PEER_MAC) / \
        IPv6(src=src, dst=HOST_LL, hlim=hlim) / \
        ICMPv6ND_Redirect(tgt=tgt, dst=dst, code=code)
    if ll:
        p = p / ICMPv6NDOptDstLLAddr(lladdr=ll)
    link.peer.send(p)
    link.peer.fence('link')


@rfc('4861 8.1: such a redirect is ignored')
@pytest.mark.parametrize('k', [
    {'hlim': 254}, {'code': 1}, {'src': 'fe80::77'}, {'src': 'fd20::2'},
    {'tgt': 'fd20::99'}, {'dst': 'ff05::1', 'tgt': R3}, {'tgt': HOST_LL}])
def test_redirect_bad(link, k):
    redirect(link, **k)
    assert link.way(FAR)[0].dst == PEER_MAC


@rfc('4861 8.3: a redirect changes the first hop, unless it is not to')
def test_redirect(link):
    def knob(on):
        reply = link.host.request('redirects', **{'if': 'shmif0', 'on': on})
        assert reply['ok'], reply
    far, near = '2001:db8::17', '2001:db8::18'
    knob(False)
    redirect(link, dst=far)
    assert link.way(far)[0].dst == PEER_MAC
    knob(True)
    redirect(link, dst=far)
    assert link.way(far)[0].dst == THIRD_MAC
    assert link.way(FAR)[0].dst == PEER_MAC
    # It is a neighbour itself.
    redirect(link, dst=near, tgt=near, ll='02:00:00:00:00:09')
    assert link.way(near)[0].dst == '02:00:00:00:00:09'


@rfc('4861 7.3.3: a hop that does not answer is given up')
def test_redirect_lost(link):
    far = '2001:db8::27'
    link.say(reachabletime=1000)
    redirect(link, dst=far)
    link.peer.own.remove(R3)
    try:
        assert link.way(far)[0].dst == THIRD_MAC
        end = time.monotonic() + 20
        found, seen = [], []
        while not found and time.monotonic() < end:
            ret = link.sock.sendto(far, 9, 10)
            got = link.peer.collect(0.2)
            seen += [p.sprintf('%Ether.dst% ') + p.summary() for p in got]
            found = [p for p in got if UDP in p and p.dst == PEER_MAC]
        assert found, (ret, link.routes(), seen[-30:])
    finally:
        link.peer.own.append(R3)
        link.say(reachabletime=30000)


@rfc('1122 3.2.2.2: a redirect of IPv4 from the first hop')
def test_redirect4(fresh):
    p = fresh('static')
    p.own = ['10.9.0.2', '10.9.0.3']
    p.macs = {'10.9.0.3': THIRD_MAC}
    p.host.call('add', '10.9.0.1/24')
    p.host.call('up')
    assert p.host.request('route_add', dst='0.0.0.0/0', via='10.9.0.2')['ok']
    s = p.host.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def way(to):
        p.drain()
        s.sendto(to, 9, 10)
        return p.wait(lambda q: UDP in q and q[IP].dst == to).dst

    def redirected(src='10.9.0.2', gw='10.9.0.3', dst='192.0.2.9',
                   own='10.9.0.1'):
        p.ask(p.ip(4, src=src) / ICMP(type=5, code=1, gw=gw) /
              bytes(IP(src=own, dst=dst) / UDP(sport=9, dport=9) / b'x'))
    assert way('192.0.2.9') == PEER_MAC
    for k in ({'src': '10.9.0.7'}, {'gw': '192.0.2.1'}, {'gw': '10.9.0.1'},
              {'own': '10.9.0.55'}, {'gw': '10.9.0.255'}):
        redirected(**k)
        assert way('192.0.2.9') == PEER_MAC, k
    redirected()
    assert way('192.0.2.9') == THIRD_MAC
    assert way('192.0.2.10') == PEER_MAC
    s.close()
