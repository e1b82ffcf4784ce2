# SPDX-License-Identifier: BSD-2-Clause
"""Groups: IGMP and listener discovery, and sources (RFC 3376, 2236, 3810, 2710,
3678, 4607)."""
import socket
import struct
import time

import pytest

from peer import (ENDS, HOST_LL, HOST_MAC, IP, PEER_LL, PEER_MAC, UDP, Ether,
                  ICMPv6ND_NS, IPv6, IPv6ExtHdrHopByHop, IPOption_Router_Alert,
                  Raw, RouterAlert, in6_chksum, same)

rfc = pytest.mark.rfc
GROUP = {4: '239.9.8.7', 6: 'ff15::9:8:7'}
SRC = {4: ['10.9.0.2', '10.9.0.3', '10.9.0.4'],
       6: ['fd09::2', 'fd09::3', 'fd09::4']}
JOIN, BLOCK, UNBLOCK, LEAVE, ADD, DROP, FILTER = 42, 43, 44, 45, 46, 47, 48
ADD4, DROP4, BLOCK4, UNBLOCK4 = 39, 40, 38, 37
INCLUDE, EXCLUDE = 1, 0
IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, GONE = 1, 2, 3, 4, 5, 6


def checksum(b):
    b += b'\0' * (len(b) % 2)
    n = sum(struct.unpack('!%dH' % (len(b) // 2), b))
    n = (n >> 16) + (n & 0xffff)
    return ~((n >> 16) + n) & 0xffff


def packed(v, a):
    return socket.inet_pton(socket.AF_INET if v == 4 else socket.AF_INET6, a)


def text(v, b):
    return socket.inet_ntop(socket.AF_INET if v == 4 else socket.AF_INET6, b)


def message(p):
    """(family, bytes) of the message of groups in a frame, or None."""
    if IP in p and p[IP].proto == 2:
        b = bytes(p[IP].payload)[:p[IP].len - p[IP].ihl * 4]
        assert checksum(b) == 0 and p[IP].ttl == 1
        assert p[IP].options and isinstance(p[IP].options[0],
                                            IPOption_Router_Alert)
        return 4, b
    if IPv6ExtHdrHopByHop in p:
        h = p[IPv6ExtHdrHopByHop]
        b = bytes(p[IPv6])[48:40 + p[IPv6].plen]
        assert any(isinstance(o, RouterAlert) for o in h.options)
        assert p[IPv6].hlim == 1 and b[0] in (131, 132, 143)
        whole = bytearray(b)
        want, = struct.unpack('!H', whole[2:4])
        whole[2:4] = b'\0\0'
        assert in6_chksum(58, p[IPv6], bytes(whole)) == want
        return 6, b
    return None


def records(p, v):
    """What a report of the new version says: [(type, group, sources)]."""
    got = message(p)
    if got is None or got[0] != v or got[1][0] not in (0x22, 143):
        return []
    b, size, out = got[1], 4 if v == 4 else 16, []
    n, = struct.unpack('!H', b[6:8])
    at = 8
    for _ in range(n):
        kind, aux, count = struct.unpack('!BBH', b[at:at + 4])
        group = text(v, b[at + 4:at + 4 + size])
        at += 4 + size
        out.append((kind, group, sorted(
            text(v, b[at + i * size:at + i * size + size])
            for i in range(count))))
        at += count * size + aux * 4
    assert at == len(b)
    where = p[IP].dst if v == 4 else p[IPv6].dst
    assert where == ('224.0.0.22' if v == 4 else 'ff02::16')
    return out


def query(host, v, group=None, sources=(), resp=1, old=False, robust=2, **k):
    """A querier asks; resp in tenths."""
    g = group or ('0.0.0.0' if v == 4 else '::')
    if v == 4:
        b = bytearray(struct.pack('!BBH', 0x11, resp, 0) + packed(4, g))
        if not old:
            b += struct.pack('!BBH', robust, 125, len(sources))
            b += b''.join(packed(4, s) for s in sources)
        struct.pack_into('!H', b, 2, checksum(bytes(b)))
        host.send(Ether(dst='01:00:5e:00:00:01', src=PEER_MAC) /
                  IP(src=ENDS[4].peer, dst=group or '224.0.0.1', ttl=1, proto=2,
                     options=[IPOption_Router_Alert()]) / Raw(bytes(b)))
    else:
        b = bytearray(struct.pack('!BBHHH', 130, 0, 0, resp * 100, 0) +
                      packed(6, g))
        if not old:
            b += struct.pack('!BBH', robust, 125, len(sources))
            b += b''.join(packed(6, s) for s in sources)
        k.setdefault('hlim', 1)
        k.setdefault('src', PEER_LL)
        alert = k.pop('alert', True)
        p = IPv6(dst=group or 'ff02::1', **k)
        struct.pack_into('!H', b, 2, in6_chksum(58, p, bytes(b)))
        p = p / IPv6ExtHdrHopByHop(
            nh=58, options=[RouterAlert()] if alert else []) / Raw(bytes(b))
        host.send(Ether(dst='33:33:00:00:00:01', src=PEER_MAC) / p)


def heard(host, v, group, seconds=0.2, n=0):
    """Records of a group that are told."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (n and len(found) >= n):
        for p in host.collect(0.05):
            found += [r for r in records(p, v) if r[1] == group]
    return found[:n] if n else found


def tell(host, v, group, ready, seconds=5):
    """The first record of a group that ready() takes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for r in heard(host, v, group, 0.1):
            if ready(r):
                return r
    raise AssertionError('it is not told')


def quiet(host, v, group):
    """Waits until nothing is left to be told of a group."""
    still = 0
    while still < 3:
        still = 0 if heard(host, v, group, 0.5) else still + 1


@pytest.fixture
def sock(host, v):
    """A socket that hears groups."""
    s = host.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                         socket.SOCK_DGRAM)
    s.set(socket.SOL_SOCKET, 2, 1)
    assert s.bind(5300, '0.0.0.0' if v == 4 else '::')[0] == 0
    host.drain()
    yield s
    s.close()
    host.fence(4)
    quiet(host, v, GROUP[v])


def option(s, name, *words, mode=0):
    return s('group', ','.join(words), name, mode)


def arrives(host, v, s, src):
    mac = '01:00:5e:09:08:07' if v == 4 else '33:33:00:08:00:07'
    host.ask(host.ip(v, src=src, dst=GROUP[v], eth=mac) /
             UDP(sport=4000, dport=5300) / b'hi')
    return s.recv(100, 0)[0] == 2


# ---- joining and leaving ------------------------------------------------------------

@rfc('3376 5.1, 3810 6.1: a group that is joined is told, twice; and left')
def test_join(host, v, sock):
    assert option(sock, JOIN, GROUP[v])[0] == 0
    assert heard(host, v, GROUP[v], 4, 2) == [(TO_EX, GROUP[v], [])] * 2
    assert option(sock, JOIN, GROUP[v])[1] == 'EADDRINUSE'
    assert option(sock, LEAVE, GROUP[v])[0] == 0
    assert heard(host, v, GROUP[v], 4, 2) == [(TO_IN, GROUP[v], [])] * 2
    assert option(sock, LEAVE, GROUP[v])[1] == 'EADDRNOTAVAIL'


@rfc('3376 5.1: a second member is not told')
def test_second(host, v, sock):
    assert option(sock, JOIN, GROUP[v])[0] == 0
    quiet(host, v, GROUP[v])
    s = host.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                         socket.SOCK_DGRAM)
    assert option(s, JOIN, GROUP[v])[0] == 0
    s.close()
    assert not heard(host, v, GROUP[v], 0.5)


@rfc('3678 4.1, 4607 8: sources, one by one')
def test_sources(host, v, sock):
    g, (a, b, c) = GROUP[v], SRC[v]
    assert option(sock, ADD, g, a)[0] == 0
    assert heard(host, v, g, 4, 1) == [(ALLOW, g, [a])]
    quiet(host, v, g)
    assert option(sock, ADD, g, b)[0] == 0
    assert heard(host, v, g, 4, 2) == [(ALLOW, g, [b])] * 2
    assert option(sock, ADD, g, b)[1] == 'EADDRNOTAVAIL'
    assert option(sock, BLOCK, g, c)[1] == 'EINVAL'
    assert arrives(host, v, sock, a) and not arrives(host, v, sock, c)
    assert option(sock, DROP, g, a)[0] == 0
    assert heard(host, v, g, 4, 1) == [(GONE, g, [a])]
    assert not arrives(host, v, sock, a)
    assert option(sock, DROP, g, c)[1] == 'EADDRNOTAVAIL'
    quiet(host, v, g)
    assert option(sock, DROP, g, b)[0] == 0
    assert heard(host, v, g, 4, 1) == [(GONE, g, [b])]
    assert option(sock, DROP, g, b)[1] == 'EINVAL'


@rfc('3678 4.1.1: blocked sources')
def test_block(host, v, sock):
    g, (a, b, c) = GROUP[v], SRC[v]
    assert option(sock, BLOCK, g, a)[1] == 'EINVAL'
    assert option(sock, JOIN, g)[0] == 0
    quiet(host, v, g)
    assert option(sock, BLOCK, g, a)[0] == 0
    assert heard(host, v, g, 4, 1) == [(GONE, g, [a])]
    assert option(sock, BLOCK, g, a)[1] == 'EADDRNOTAVAIL'
    assert option(sock, ADD, g, b)[1] == 'EINVAL'
    assert not arrives(host, v, sock, a) and arrives(host, v, sock, b)
    assert option(sock, UNBLOCK, g, c)[1] == 'EADDRNOTAVAIL'
    assert option(sock, UNBLOCK, g, a)[0] == 0
    assert tell(host, v, g, lambda r: r[0] == ALLOW)[2] == [a]
    assert arrives(host, v, sock, a)


@rfc('3678 4.2, 3376 5.1: a whole filter')
def test_filter(host, v, sock):
    g, (a, b, c) = GROUP[v], SRC[v]
    assert option(sock, FILTER, g, a, mode=INCLUDE)[1] == 'EINVAL'
    assert option(sock, JOIN, g)[0] == 0
    quiet(host, v, g)
    assert option(sock, FILTER, g, a, b, mode=INCLUDE)[0] == 0
    assert heard(host, v, g, 4, 2) == [(TO_IN, g, sorted([a, b]))] * 2
    assert arrives(host, v, sock, b) and not arrives(host, v, sock, c)
    assert option(sock, FILTER, g, c, mode=EXCLUDE)[0] == 0
    assert heard(host, v, g, 4, 1) == [(TO_EX, g, [c])]
    assert arrives(host, v, sock, a) and not arrives(host, v, sock, c)
    assert option(sock, FILTER, g, mode=INCLUDE)[0] == 0
    assert tell(host, v, g, lambda r: r[0] == TO_IN)[2] == []
    assert not arrives(host, v, sock, a)


@rfc('3376 3.2, 3810 4.2: what an interface hears follows from all sockets')
def test_merge(host, v, sock):
    g, (a, b, c) = GROUP[v], SRC[v]
    other = host.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                             socket.SOCK_DGRAM)
    assert option(sock, ADD, g, a)[0] == 0
    quiet(host, v, g)
    assert option(other, ADD, g, b)[0] == 0
    assert heard(host, v, g, 4, 1) == [(ALLOW, g, [b])]
    assert not arrives(host, v, sock, b)  # it is the other's
    quiet(host, v, g)
    assert option(other, DROP, g, b)[0] == 0
    assert option(other, JOIN, g)[0] == 0
    assert tell(host, v, g, lambda r: r[0] == TO_EX)[2] == []
    assert option(other, BLOCK, g, a)[0] == 0  # the first one hears it
    assert option(other, BLOCK, g, c)[0] == 0
    assert tell(host, v, g, lambda r: r[2] == [c])[0] in (GONE, TO_EX)
    other.close()
    assert tell(host, v, g, lambda r: r[0] == TO_IN)[2] == [a]


@rfc('3678 4.1.3: the calls for IPv4 alone')
def test_sources4(host):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    g, (a, b, _) = GROUP[4], SRC[4]
    host.drain()
    assert option(s, ADD4, g, a)[0] == 0
    assert heard(host, 4, g, 4, 1) == [(ALLOW, g, [a])]
    assert option(s, ADD4, g, b)[0] == 0
    assert option(s, DROP4, g, a)[0] == 0
    assert option(s, BLOCK4, g, a)[1] == 'EINVAL'
    assert option(s, DROP4, g, b)[0] == 0
    assert option(s, UNBLOCK4, g, b)[1] == 'EINVAL'
    s.close()
    quiet(host, 4, g)


# ---- queries -----------------------------------------------------------------------

@rfc('3376 5.2, 3810 6.2: a general query, a group, sources')
def test_query(host, v, sock):
    g, (a, b, c) = GROUP[v], SRC[v]
    assert option(sock, ADD, g, a)[0] == 0
    assert option(sock, ADD, g, b)[0] == 0
    quiet(host, v, g)
    query(host, v)
    assert heard(host, v, g, 4, 1) == [(IS_IN, g, sorted([a, b]))]
    time.sleep(1.2)
    query(host, v, g)
    assert heard(host, v, g, 4, 1) == [(IS_IN, g, sorted([a, b]))]
    time.sleep(1.2)
    query(host, v, g, [b, c])
    assert heard(host, v, g, 4, 1) == [(IS_IN, g, [b])]
    time.sleep(1.2)
    query(host, v, g, [c])
    assert not heard(host, v, g, 1.5)


@rfc('3376 5.2: excluded sources are not among those that are heard')
def test_query_exclude(host, v, sock):
    g, (a, b, _) = GROUP[v], SRC[v]
    assert option(sock, JOIN, g)[0] == 0
    assert option(sock, BLOCK, g, a)[0] == 0
    quiet(host, v, g)
    query(host, v, g)
    assert heard(host, v, g, 4, 1) == [(IS_EX, g, [a])]
    time.sleep(1.2)
    query(host, v, g, [a, b])
    assert heard(host, v, g, 4, 1) == [(IS_IN, g, [b])]


@rfc('3376 4.1.6, 3810 5.1.8: as often as the querier says')
def test_robustness(host, v, sock):
    query(host, v, robust=3)
    host.fence(v)
    assert option(sock, JOIN, GROUP[v])[0] == 0
    got = heard(host, v, GROUP[v], 6, 3)
    query(host, v, robust=2)
    assert [r for r in got if r[0] == TO_EX] == [(TO_EX, GROUP[v], [])] * 3


@rfc('3810 5.1.14, 6.2: a query that is not of the link is dropped')
@pytest.mark.parametrize('k', [{'hlim': 2}, {'src': 'fd09::2'},
                               {'alert': False}])
def test_query_bad(host, k):
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    assert option(s, JOIN, GROUP[6])[0] == 0
    quiet(host, 6, GROUP[6])
    query(host, 6, **k)
    assert not heard(host, 6, GROUP[6], 0.6)
    s.close()
    quiet(host, 6, GROUP[6])


@rfc('3810 6.2, 5.1.3, 3376 4.1.1: answered within the time, no sooner')
def test_query_delay(host, v, sock):
    assert option(sock, JOIN, GROUP[v])[0] == 0
    quiet(host, v, GROUP[v])
    query(host, v, resp=30)
    assert heard(host, v, GROUP[v], 4.5, 1) == [(IS_EX, GROUP[v], [])]


# ---- IPv6's own --------------------------------------------------------------------

@rfc('4861 7.2.1, 4862 5.4.2, 3590: the solicited-node group, before the probe')
def test_solicited_node(fresh):
    p = fresh('static')
    p.host.call('up')
    got = p.collect(6, lambda q: records(q, 6) or ICMPv6ND_NS in q, 6)
    kinds = ['ns' if ICMPv6ND_NS in q else 'mld' for q in got]
    assert kinds[0] == 'mld' and got[0][IPv6].src == '::', kinds
    assert (TO_EX, 'ff02::1:ff00:1', []) in records(got[0], 6)
    told = [q for q in got if ICMPv6ND_NS not in q]
    assert any(same(q[IPv6].src, HOST_LL) for q in told), 'never from an address'
    assert not any(r[1] == 'ff02::1' for q in told for r in records(q, 6))


@rfc('3810 6.1: the group goes with the address')
def test_solicited_node_ends(host):
    host.host.call('add', 'fd09::5678:9abc/64')
    g = 'ff02::1:ff78:9abc'
    assert tell(host, 6, g, lambda r: True)[0] == TO_EX
    host.host.call('del', 'fd09::5678:9abc/64')
    assert tell(host, 6, g, lambda r: r[0] == TO_IN)[2] == []


# ---- old queriers ------------------------------------------------------------------

@rfc('3376 7.2.1, 3810 8.2.1: an old querier is answered in its version')
def test_old(fresh, v):
    p = fresh('static')
    p.own = [e.peer for e in ENDS.values()] + [PEER_LL]
    p.host.call('add', ENDS[4].host + '/24')
    p.host.call('add', ENDS[6].host + '/64')
    p.host.call('up')
    from conftest import answered
    for w in 4, 6:
        answered(p, w)
    p.wait(lambda q: IPv6ExtHdrHopByHop in q and same(q[IPv6].src, HOST_LL))
    query(p, v, old=True)
    p.fence(v)
    s = p.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                      socket.SOCK_DGRAM)
    p.drain()

    def old(kind):
        def check(q):
            m = message(q)
            return m is not None and m[0] == v and m[1][0] == kind and \
                text(v, m[1][4:] if v == 4 else m[1][8:24]) == GROUP[v]
        return check
    assert option(s, JOIN, GROUP[v])[0] == 0
    q = p.wait(old(0x16 if v == 4 else 131), 5)
    assert (q[IP].dst if v == 4 else q[IPv6].dst) == GROUP[v]
    p.collect(1.2)
    query(p, v, GROUP[v], old=True)
    p.wait(old(0x16 if v == 4 else 131), 12)
    assert option(s, LEAVE, GROUP[v])[0] == 0
    q = p.wait(old(0x17 if v == 4 else 132), 5)
    assert (q[IP].dst if v == 4 else q[IPv6].dst) == \
        ('224.0.0.2' if v == 4 else 'ff02::2')
    s.close()


@rfc('1112, ip(7): IP_MULTICAST_ALL')
def test_all(host, v, sock):
    name = 49 if v == 4 else 29
    level = 0 if v == 4 else 41
    other = host.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                             socket.SOCK_DGRAM)
    assert option(other, JOIN, GROUP[v])[0] == 0
    assert sock.get(level, name)[0] == 1
    assert arrives(host, v, sock, SRC[v][0])
    assert sock.set(level, name, 0)[0] == 0
    assert not arrives(host, v, sock, SRC[v][0])
    other.close()
