# SPDX-License-Identifier: BSD-2-Clause
"""A stack that forwards (RFC 1812, 4861)."""
import pytest

from peer import (ENDS, HOST_LL, HOST_MAC, ICMP, IP, PEER_LL, PEER_MAC, THIRD_MAC,
                  UDP, Ether, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                  ICMPv6NDOptRedirectedHdr, IPv6, icmp_error, same, show)

rfc = pytest.mark.rfc
THIRD = {4: '10.9.0.3', 6: 'fe80::3'}
FAR = {4: '192.0.2.9', 6: '2001:db8::9'}
NEAR = {4: '10.9.0.4', 6: 'fd09::4'}


@pytest.fixture(scope='module')
def router(tmp_path_factory):
    from conftest import answered, start
    p = start(tmp_path_factory.mktemp('router'), 'static', 'forward')
    try:
        p.own = [e.peer for e in ENDS.values()] + [PEER_LL] + \
            list(THIRD.values()) + list(NEAR.values())
        p.macs = {a: THIRD_MAC for a in
                  list(THIRD.values()) + list(NEAR.values())}
        p.host.call('add', ENDS[4].host + '/24')
        p.host.call('add', ENDS[6].host + '/64')
        p.host.call('up')
        assert p.host.request('route_add', dst='0.0.0.0/0',
                              via=THIRD[4])['ok']
        assert p.host.request('route_add', dst='::/0', via=THIRD[6],
                              **{'if': 'shmif0'})['ok']
        for v in 4, 6, 'link':
            answered(p, v)
        yield p
        assert p.host.alive(), 'the host has died'
    finally:
        p.close()


def net(p):
    return p[IP] if IP in p else p[IPv6]


def sent(router, v, to, **k):
    """What the router sends when a packet for an address has come."""
    router.drain()
    p = router.ip(v, dst=to, **k) / UDP(sport=4000, dport=4001) / b'hello'
    router.send(p)
    got = router.collect(0.3) + router.fence(v)
    on = [q for q in got if UDP in q and q.dst == THIRD_MAC and
          q[UDP].dport == 4001]
    return p, on, got


@rfc('1812 5.2.7.2, 4861 8.2: what goes back to its link is forwarded')
@pytest.mark.parametrize('where', [FAR, NEAR], ids=['far', 'near'])
def test_same_interface(router, v, where):
    k = {'ttl': 9} if v == 4 else {'hlim': 9}
    p, on, got = sent(router, v, where[v], **k)
    assert len(on) == 1, show(got)
    assert (net(on[0]).ttl if v == 4 else net(on[0]).hlim) == 8
    assert bytes(on[0][UDP]) == bytes(p[UDP]) or v == 4


@rfc('1812 5.2.7.2: its sender is redirected')
@pytest.mark.parametrize('where', [FAR, NEAR], ids=['far', 'near'])
def test_redirect4(router, where):
    _, _, got = sent(router, 4, where[4])
    told = [q for q in got if ICMP in q and q[ICMP].type == 5]
    assert len(told) == 1 and told[0][ICMP].code == 1, show(got)
    assert told[0][ICMP].gw == (THIRD if where is FAR else NEAR)[4]
    assert told[0][IP].src == ENDS[4].host and told[0][IP].dst == ENDS[4].peer


@rfc('4861 8.2: its sender is redirected')
@pytest.mark.parametrize('where', [FAR, NEAR], ids=['far', 'near'])
def test_redirect6(router, where):
    sent(router, 6, where[6])  # the hop is known then
    _, _, got = sent(router, 6, where[6])
    told = [q for q in got if ICMPv6ND_Redirect in q]
    assert len(told) == 1, show(got)
    r = told[0]
    assert same(r[IPv6].src, HOST_LL) and r[IPv6].hlim == 255
    assert same(r[IPv6].dst, ENDS[6].peer)
    assert same(r[ICMPv6ND_Redirect].dst, where[6])
    assert same(r[ICMPv6ND_Redirect].tgt,
                (THIRD if where is FAR else NEAR)[6])
    assert r[ICMPv6NDOptDstLLAddr].lladdr == THIRD_MAC
    assert ICMPv6NDOptRedirectedHdr in r
    raw = bytes(r[IPv6])
    r[ICMPv6ND_Redirect].cksum = None
    assert bytes(IPv6(bytes(r[IPv6]))) == raw


@rfc('1812 5.2.7.2, 4861 8.2: who is no neighbour is not redirected')
def test_no_redirect(router, v):
    other = {4: '198.51.100.7', 6: '2001:db8:1::7'}[v]
    _, on, got = sent(router, v, NEAR[v], src=other)
    assert len(on) == 1, show(got)
    assert not [q for q in got if ICMPv6ND_Redirect in q or
                (ICMP in q and q[ICMP].type == 5)], show(got)


@rfc('1812 4.3.3.1, 4443 3.3: the last hop is told')
def test_ttl(router, v):
    k = {'ttl': 1} if v == 4 else {'hlim': 1}
    _, on, got = sent(router, v, FAR[v], **k)
    assert not on and icmp_error(got) == ((11, 0) if v == 4 else (3, 0)), \
        show(got)


@rfc('4291 2.5.6: what has a link-local address is not forwarded')
def test_link_local(router):
    assert not sent(router, 6, FAR[6], src=PEER_LL)[1]
    assert not sent(router, 6, 'fe80::44')[1]


@rfc('1812 5.3.4, 8200: what came in a frame to many is not forwarded')
def test_to_many(router, v):
    mac = 'ff:ff:ff:ff:ff:ff' if v == 4 else '33:33:00:00:00:01'
    assert not sent(router, v, FAR[v], eth=mac)[1]


@rfc('1812 5.2.7.2, 4861 8.3: a router is not redirected')
def test_redirected(router, v):
    if v == 4:
        router.send(router.ip(4, src=THIRD[4]) /
                    ICMP(type=5, code=1, gw=ENDS[4].peer) /
                    bytes(IP(src=ENDS[4].host, dst=FAR[4]) /
                          UDP(sport=1, dport=1) / b'x'))
    else:
        router.send(Ether(dst=HOST_MAC, src=THIRD_MAC) /
                    IPv6(src=THIRD[6], dst=HOST_LL, hlim=255) /
                    ICMPv6ND_Redirect(tgt=PEER_LL, dst=FAR[6]))
    router.fence(v)
    assert sent(router, v, FAR[v])[1][0].dst == THIRD_MAC
