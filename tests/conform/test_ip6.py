# SPDX-License-Identifier: BSD-2-Clause
"""IPv6, ICMPv6, neighbour discovery (RFC 8200, 4443, 4861, 4862, 3542)."""
import os
import socket
import struct

import pytest

from peer import (ENDS, HOST_LL, HOST_MAC, PEER_LL, PEER_MAC, THIRD_MAC, UDP,
                  ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                  ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr,
                  ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig,
                  ICMPv6ParamProblem, IPv6, IPv6ExtHdrDestOpt,
                  IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting,
                  HBHOptUnknown, Ether, Raw, icmp_error, same, show)

rfc = pytest.mark.rfc
HOST, PEER = ENDS[6].host, ENDS[6].peer
GROUP_MAC = '33:33:ff:00:00:01'


def answers(got, num):
    return [p for p in got if ICMPv6EchoReply in p and
            p[ICMPv6EchoReply].id == num]


def echo(host, data=b'abcdefgh', headers=None, **k):
    num = host.new_ident()
    p = host.ip(6, **k)
    for h in headers or []:
        p = p / h
    got = host.ask(p / ICMPv6EchoRequest(id=num, seq=7, data=data), v=6)
    found = answers(got, num)
    return (found[0] if found else None), got


@rfc('4443 4.2: an echo reply has the data of the request')
@pytest.mark.parametrize('n', [0, 1, 8, 100, 1000, 1452])
def test_echo(host, n):
    data = bytes(i & 255 for i in range(n))
    assert echo(host, data)[0][ICMPv6EchoReply].data == data


@rfc('4443 4.2: one to a group is answered from an own address')
def test_echo_group(host):
    num = host.new_ident()
    got = host.ask(host.ip(6, src=PEER_LL, dst='ff02::1',
                           eth='33:33:00:00:00:01') /
                   ICMPv6EchoRequest(id=num), v=6)
    found = answers(got, num)
    assert len(found) == 1 and same(found[0][IPv6].src, HOST_LL)


@rfc('4861 2.3, 4291 2.7.1: ff02::2 is for routers')
def test_all_routers(host):
    num = host.new_ident()
    got = host.ask(host.ip(6, src=PEER_LL, dst='ff02::2',
                           eth='33:33:00:00:00:02') /
                   ICMPv6EchoRequest(id=num), v=6)
    assert not answers(got, num), show(got)


@rfc('4291 2.7: no host has such a source address')
@pytest.mark.parametrize('src', ['ff02::1', '::', '::1', 'ff05::2',
                                 '::ffff:10.9.0.2'])
def test_bad_source(host, src):
    assert not echo(host, src=src)[1]


@rfc('8200 3: what is for another is dropped')
@pytest.mark.parametrize('dst', ['fd09::77', '2001:db8::1', '::1',
                                 'fe80::77', '::ffff:10.9.0.1', '::'])
def test_other_destination(host, dst):
    assert not echo(host, dst=dst)[1]


@rfc('8200 3: what is for the host is taken with any hop limit')
@pytest.mark.parametrize('hlim', [0, 1, 255])
def test_hop_limit(host, hlim):
    assert echo(host, hlim=hlim)[0] is not None


@rfc('4443 3.1: a port where nobody is: 1, 4')
@pytest.mark.parametrize('n', [0, 1, 50, 1400])
def test_port_unreachable(host, n):
    got = host.ask(host.ip(6) / UDP(sport=4000, dport=999) / (b'x' * n), v=6)
    assert icmp_error(got) == (1, 4), show(got)


@rfc('4443 2.4 (c): an error quotes as much as fits 1280 bytes')
@pytest.mark.parametrize('n', [5, 500, 1400])
def test_quote(host, n):
    p = host.ip(6) / UDP(sport=4000, dport=999) / (b'x' * n)
    got = host.ask(p, v=6)
    quote = bytes(got[0][ICMPv6DestUnreach].payload)
    want = bytes(p)[14:][:1280 - 48]
    assert quote[:len(want)] == want


@rfc('4443 3.4: an unknown next header: parameter problem 1 at 6')
@pytest.mark.parametrize('nh', [3, 99, 253, 254])
def test_next_header(host, nh):
    got = host.ask(host.ip(6, nh=nh) / Raw(b'x' * 20), v=6)
    assert icmp_error(got) == (4, 1), show(got)
    assert got[0][ICMPv6ParamProblem].ptr == 6


@rfc('4443 2.4 (e): no error about what was sent to a group')
@pytest.mark.parametrize('dst', ['ff02::1', 'ff02::1:ff00:1'])
def test_no_error_for_group(host, dst):
    got = host.ask(host.ip(6, dst=dst, eth='33:33:00:00:00:01') /
                   UDP(sport=9, dport=999) / b'x', v=6)
    assert not got, show(got)


@rfc('4443 2.4 (e): no error about an error')
@pytest.mark.parametrize('kind', [1, 2, 3, 4, 100, 127])
def test_no_error_about_error(host, kind):
    quote = bytes(IPv6(src=HOST, dst=PEER) / UDP(sport=9, dport=9) / b'x')
    p = host.ip(6, nh=58) / Raw(bytes([kind, 0, 0, 0, 0, 0, 5, 0]) + quote)
    from scapy.layers.inet6 import in6_chksum
    raw = bytearray(bytes(p))
    struct.pack_into('!H', raw, 56, in6_chksum(58, p[IPv6], bytes(raw[54:])))
    assert not host.ask(Ether(bytes(raw)), v=6)


@rfc('4443 2.4 (b): an unknown informational message is dropped')
@pytest.mark.parametrize('kind', [150, 200, 255])
def test_unknown_info(host, kind):
    from scapy.layers.inet6 import ICMPv6Unknown
    assert not host.ask(host.ip(6) / ICMPv6Unknown(type=kind, msgbody=b'xxxx'),
                        v=6)


@rfc('8200 8.1: UDP without a checksum is dropped')
def test_udp_checksum(host):
    assert not host.ask(host.ip(6) / UDP(sport=9, dport=999, chksum=0) / b'x',
                        v=6)


# ---- extension headers ------------------------------------------------------------

def unknown(kind):
    return HBHOptUnknown(otype=kind, optlen=4, optdata=b'abcd')


EXTENSIONS = {
    'hop': [IPv6ExtHdrHopByHop()],
    'dest': [IPv6ExtHdrDestOpt()],
    'hop-dest': [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()],
    'dest-dest': [IPv6ExtHdrDestOpt(), IPv6ExtHdrDestOpt()],
    'routing': [IPv6ExtHdrRouting(type=4, segleft=0)],
    'skipped': [IPv6ExtHdrDestOpt(options=[unknown(0x1e)])],
    'skipped-hop': [IPv6ExtHdrHopByHop(options=[unknown(0x1e)])],
    'atomic': [IPv6ExtHdrFragment(m=0, offset=0, id=5)],
    'dest-atomic': [IPv6ExtHdrDestOpt(), IPv6ExtHdrFragment(id=6)],
    'atomic-dest': [IPv6ExtHdrFragment(id=7), IPv6ExtHdrDestOpt()],
}


@rfc('8200 4: headers that extend are gone through')
@pytest.mark.parametrize('kind', list(EXTENSIONS))
def test_extension(host, kind):
    found, got = echo(host, headers=EXTENSIONS[kind])
    assert found is not None, show(got)


@rfc('8200 4: the same before UDP')
@pytest.mark.parametrize('kind', list(EXTENSIONS))
def test_extension_udp(host, kind):
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(4100)
    p = host.ip(6)
    for h in EXTENSIONS[kind]:
        p = p / h
    host.ask(p / UDP(sport=4000, dport=4100) / b'hello', v=6)
    got = s.recv(100, 0)
    s.close()
    assert got[0] == 5, got


@rfc('8200 4.2: what is to be done with an unknown option')
@pytest.mark.parametrize('header', [IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop])
@pytest.mark.parametrize('kind,answer', [(0x5e, None), (0x9e, (4, 2)),
                                         (0xde, (4, 2))])
def test_option(host, header, kind, answer):
    found, got = echo(host, headers=[header(options=[unknown(kind)])])
    assert found is None
    assert icmp_error(got) == answer, show(got)
    if answer:
        assert got[0][ICMPv6ParamProblem].ptr == 42


@rfc('8200 4.4: an unknown routing type with segments left: problem 0')
@pytest.mark.parametrize('kind', [0, 4, 99])
def test_routing(host, kind):
    found, got = echo(host, headers=[IPv6ExtHdrRouting(
        type=kind, segleft=1, addresses=['fd09::9'])])
    assert found is None
    assert icmp_error(got) == (4, 0), show(got)


@rfc('8200 4.3: hop-by-hop is the first or unknown')
def test_hop_not_first(host):
    found, got = echo(host, headers=[IPv6ExtHdrDestOpt(),
                                     IPv6ExtHdrHopByHop()])
    assert found is None
    assert icmp_error(got) == (4, 1), show(got)


@rfc('8200 4: an unknown next header is named where it stands')
@pytest.mark.parametrize('kinds', [['dest'], ['hop', 'dest'], ['atomic']])
def test_next_header_behind(host, kinds):
    p = host.ip(6)
    for h in [h for k in kinds for h in EXTENSIONS[k]]:
        p = p / h
    p[len(p.layers()) - 1].nh = 99
    p = p / Raw(b'x' * 20)
    got = host.ask(p, v=6)
    assert icmp_error(got) == (4, 1), show(got)
    assert got[0][ICMPv6ParamProblem].ptr == 40 + 8 * (len(kinds) - 1)


@rfc('4443 2.4 (c): an error quotes the packet as it came')
@pytest.mark.parametrize('kind', ['dest', 'hop-dest', 'atomic'])
def test_quote_extension(host, kind):
    p = host.ip(6)
    for h in EXTENSIONS[kind]:
        p = p / h
    p = p / UDP(sport=4000, dport=999) / b'hello'
    got = host.ask(p, v=6)
    assert icmp_error(got) == (1, 4), show(got)
    assert bytes(got[0][ICMPv6DestUnreach].payload) == bytes(p)[14:]


@rfc('4443 2.4 (e): an error behind extension headers is an error')
def test_no_error_about_error_behind(host):
    quote = bytes(IPv6(src=HOST, dst=PEER) / UDP(sport=9, dport=9) / b'x')
    got = host.ask(host.ip(6) / IPv6ExtHdrDestOpt(options=[unknown(0xde)]) /
                   ICMPv6DestUnreach() / quote, v=6)
    assert not got, show(got)


@rfc('8200 4.2: who is told of an option in what was sent to a group')
@pytest.mark.parametrize('kind,answer', [(0x9e, (4, 2)), (0xde, None)])
def test_option_group(host, kind, answer):
    num = host.new_ident()
    p = host.ip(6, src=PEER_LL, dst='ff02::1', eth='33:33:00:00:00:01')
    got = host.ask(p / IPv6ExtHdrDestOpt(options=[unknown(kind)]) /
                   ICMPv6EchoRequest(id=num), v=6)
    assert icmp_error(got) == answer, show(got)
    assert not answers(got, num)
    if answer:
        assert same(got[0][IPv6].src, HOST_LL)


@rfc('8200 4: headers that lie about their length are dropped')
@pytest.mark.parametrize('raw', [
    b'\x3a\x05\x01\x04\0\0\0\0', b'\x3a\0\x1e\x05\0\0\0\0',
    b'\x3a\0\0\0\0\0\0\x01', b'\x3c\0\x01\x04\0\0\0\0' * 30])
@pytest.mark.parametrize('nh', [0, 60])
def test_extension_lies(host, nh, raw):
    got = host.ask(host.ip(6, nh=nh) / Raw(raw + b'\x80' + b'\0' * 15), v=6)
    assert not got, show(got)


@rfc('8200 4.7: no next header: nothing is said')
def test_no_next_header(host):
    got = host.ask(host.ip(6, nh=59) / Raw(b'x' * 8), v=6)
    assert not got, show(got)


# ---- fragments ---------------------------------------------------------------------

def fragments(host, size, n=1600):
    num = host.new_ident()
    whole = bytes(IPv6(bytes(IPv6(src=PEER, dst=HOST) / ICMPv6EchoRequest(
        id=num, data=b'z' * n)))[IPv6].payload)
    return num, [host.ip(6) / IPv6ExtHdrFragment(
        id=num, nh=58, offset=o // 8, m=int(o + size < len(whole))) /
        Raw(whole[o:o + size]) for o in range(0, len(whole), size)]


@rfc('8200 4.5: fragments, in any order')
@pytest.mark.parametrize('size', [8, 64, 600, 1232])
@pytest.mark.parametrize('order', ['in', 'reverse', 'odd'])
def test_fragments(host, size, order):
    num, f = fragments(host, size, 1600 if size > 8 else 200)
    f = {'in': f, 'reverse': f[::-1], 'odd': f[1::2] + f[::2]}[order]
    got = host.ask(*f, v=6)
    total = sum(len(p) for p in got)
    assert total > 200, show(got)


@rfc('5722 3, 8200 4.5: fragments that overlap are dropped')
def test_fragments_overlap(host):
    num, f = fragments(host, 600)
    bad = host.ip(6) / IPv6ExtHdrFragment(id=num, nh=58, offset=70, m=1) / \
        Raw(b'y' * 600)
    got = host.ask(f[0], bad, *f[1:], v=6)
    assert not answers(got, num), show(got)


@rfc('8200 4.5: a fragment whose length is not of eights: problem 0 at 4')
def test_fragment_length(host):
    got = host.ask(host.ip(6) / IPv6ExtHdrFragment(id=9, nh=58, m=1) /
                   Raw(b'x' * 63), v=6)
    assert icmp_error(got) == (4, 0), show(got)
    assert got[0][ICMPv6ParamProblem].ptr == 4


@rfc('8200 4.5, 7112 5: the first fragment has all headers: problem 3')
@pytest.mark.parametrize('nh,data', [
    (17, b''), (60, b'\x11\0\x01\x04\0\0\0\0'), (43, b'\x3c\0' * 8)])
def test_fragment_headers(host, nh, data):
    got = host.ask(host.ip(6) / IPv6ExtHdrFragment(
        id=host.new_ident(), nh=nh, m=1) / Raw(data or b'\0' * 8), v=6)
    assert icmp_error(got) == (None if nh == 17 else (4, 3)), show(got)


@rfc('8200 4.5: extension headers before and behind a fragment header')
@pytest.mark.parametrize('size', [24, 600])
def test_fragments_extension(host, size):
    num = host.new_ident()
    whole = bytes(IPv6(bytes(IPv6(src=PEER, dst=HOST) / ICMPv6EchoRequest(
        id=num, data=b'z' * 700)))[IPv6].payload)
    whole = b'\x3a\0\x01\x04\0\0\0\0' + whole
    f = [host.ip(6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(
        id=num, nh=60, offset=o // 8, m=int(o + size < len(whole))) /
        Raw(whole[o:o + size]) for o in range(0, len(whole), size)]
    got = host.ask(*f, v=6)
    assert len(answers(got, num)) == 1, show(got)


@rfc('6980 5: neighbour discovery does not come in fragments')
def test_solicitation_atomic(host):
    p = host.ip(6, dst='ff02::1:ff00:1', eth=GROUP_MAC, hlim=255) / \
        IPv6ExtHdrFragment(id=3) / ICMPv6ND_NS(tgt=HOST) / \
        ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC)
    got = host.ask(p, v=6)
    assert not [p for p in got if ICMPv6ND_NA in p], show(got)


@rfc('8200 4.5, 792: an incomplete datagram ends in time exceeded 1')
@pytest.mark.skipif(not os.environ.get('SLOW'), reason='a minute; SLOW=1')
def test_reassembly_time(host):
    four = host.ip(4, flags='MF', id=77, proto=17) / Raw(b'x' * 64)
    host.send(four)
    host.send(host.ip(4, flags=0, frag=9, id=78, proto=17) / Raw(b'x' * 64))
    host.send(host.ip(6) / IPv6ExtHdrFragment(id=77, nh=17, m=1) /
              Raw(b'x' * 64))
    got = host.collect(70, lambda p: icmp_error([p]) is not None, 2)
    assert [icmp_error([p]) for p in got] == [(11, 1), (3, 1)], show(got)


@rfc('8200 4.5: a fragment beyond 65535 bytes: problem 0')
def test_fragment_beyond(host):
    got = host.ask(host.ip(6) / IPv6ExtHdrFragment(id=9, nh=58, offset=8191) /
                   Raw(b'x' * 64), v=6)
    assert icmp_error(got) == (4, 0), show(got)


@rfc('8201 4: a smaller path is obeyed')
@pytest.mark.parametrize('mtu', [1280, 1400])
def test_path_mtu(host, mtu):
    dst = 'fd09::%d' % mtu
    host.own.append(dst)
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    host.drain()
    s.sendto(dst, 4008, 1420)
    p = host.wait(lambda p: UDP in p and p[UDP].dport == 4008)
    host.ask(host.ip(6) / ICMPv6PacketTooBig(mtu=mtu) /
             bytes(p[IPv6])[:1200], v=6)
    host.drain()
    s.sendto(dst, 4008, 1420)
    got = [p for p in host.fence(6) if IPv6 in p and p[IPv6].dst == dst]
    assert len(got) == 2 and max(p[IPv6].plen + 40 for p in got) <= mtu
    s.close()


# ---- neighbour discovery --------------------------------------------------------------

def solicit(host, tgt, dst='ff02::1:ff00:1', src=PEER, opt=True, **k):
    k.setdefault('hlim', 255)
    mac = k.pop('mac', GROUP_MAC if dst.startswith('ff') else HOST_MAC)
    p = host.ip(6, src=src, dst=dst, eth=mac, **k) / ICMPv6ND_NS(tgt=tgt)
    if opt:
        p = p / ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC)
    host.drain()
    host.send(p)
    return [p for p in host.fence(6) if ICMPv6ND_NA in p]


@rfc('4861 7.2.4: a solicitation is answered')
@pytest.mark.parametrize('tgt', [HOST, HOST_LL])
@pytest.mark.parametrize('dst', ['group', 'unicast'])
def test_solicitation(host, tgt, dst):
    got = solicit(host, tgt, 'ff02::1:ff00:1' if dst == 'group' else tgt)
    assert len(got) == 1 and same(got[0][ICMPv6ND_NA].tgt, tgt)
    na = got[0][ICMPv6ND_NA]
    assert na.S == 1 and na.R == 0 and na.O == 1
    assert got[0][IPv6].hlim == 255
    assert got[0][ICMPv6NDOptDstLLAddr].lladdr == HOST_MAC


@rfc('4861 7.2.4, 4862 5.4.3: a probe is answered to all nodes')
def test_solicitation_probe(host):
    got = solicit(host, HOST, src='::', opt=False)
    assert len(got) == 1 and got[0][IPv6].dst == 'ff02::1'
    assert got[0][ICMPv6ND_NA].S == 0


@rfc('4861 7.1.1: such a solicitation is dropped')
@pytest.mark.parametrize('k', [
    {'hlim': 254}, {'hlim': 64}, {'tgt': 'ff02::1'},
    {'src': '::', 'opt': True}, {'src': '::', 'dst': HOST, 'opt': False}])
def test_solicitation_bad(host, k):
    k = dict(k)
    assert not solicit(host, k.pop('tgt', HOST), **k)


@rfc('4861 7.2.3: one for another is not answered')
@pytest.mark.parametrize('tgt', ['fd09::77', 'fe80::77', '::1'])
def test_solicitation_other(host, tgt):
    assert not solicit(host, tgt)


def advertise(host, tgt, mac, dst=HOST, **k):
    k.setdefault('S', 0)
    k.setdefault('O', 1)
    k.setdefault('R', 0)
    host.send(host.ip(6, src=tgt, dst=dst, hlim=255) /
              ICMPv6ND_NA(tgt=tgt, **k) / ICMPv6NDOptDstLLAddr(lladdr=mac))


def where_to(host, s, addr):
    """The hardware address to which a datagram goes."""
    host.drain()
    assert s.sendto(addr, 4200, 4)[0] == 4
    return host.wait(lambda p: UDP in p and p[UDP].dport == 4200 and
                     same(p[IPv6].dst, addr)).dst


@rfc('4861 7.2.5: only an advertisement that overrides replaces an address')
@pytest.mark.parametrize('override', [0, 1])
def test_override(host, override):
    addr = 'fd09::5%d' % override
    host.own.append(addr)
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    assert where_to(host, s, addr) == PEER_MAC
    host.macs[addr] = PEER_MAC
    advertise(host, addr, THIRD_MAC, O=override)
    host.fence(6)
    assert where_to(host, s, addr) == (THIRD_MAC if override else PEER_MAC)
    s.close()


@rfc('4861 7.2.5: an advertisement makes no neighbour')
def test_advertisement_unasked(host):
    addr = 'fd09::60'
    advertise(host, addr, THIRD_MAC)
    host.own.append(addr)
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    assert where_to(host, s, addr) == PEER_MAC
    s.close()


@rfc('4861 7.2.2: a neighbour is asked for at its solicited-node group')
def test_asks(host):
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    host.drain()
    s.sendto('fd09::12:3456', 9, 10)
    p = host.wait(lambda p: ICMPv6ND_NS in p and
                  same(p[ICMPv6ND_NS].tgt, 'fd09::12:3456'))
    assert p[IPv6].dst == 'ff02::1:ff12:3456' and p[IPv6].hlim == 255
    assert p.dst == '33:33:ff:12:34:56'
    assert p[ICMPv6NDOptSrcLLAddr].lladdr == HOST_MAC
    s.close()


@rfc('3542 6.3, 6.5, ip(7): hop limit and class of one datagram')
def test_sent_with(host, v):
    s = host.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                         socket.SOCK_DGRAM)
    peer = ENDS[v].peer
    host.drain()
    assert s('sendmsg', peer, 4107, 5, 33)[0] == 5
    assert s.sendto(peer, 4107, 5)[0] == 5
    a, b = host.collect(5, lambda p: UDP in p and p[UDP].dport == 4107, 2)
    assert s('sendmsg', peer, 4107, 5, 300)[1] == 'EINVAL'
    s.close()
    if v == 6:
        assert (a[IPv6].hlim, a[IPv6].tc) == (33, 0x28)
        assert (b[IPv6].hlim, b[IPv6].tc) != (33, 0x28)
    else:
        a, b = a.payload, b.payload
        assert (a.ttl, a.tos) == (33, 0x28) != (b.ttl, b.tos)


@rfc('3542 6.1, 6.3, 4: IPV6_RECVPKTINFO, HOPLIMIT and TCLASS')
@pytest.mark.parametrize('name,kind,value', [
    (49, 50, None), (51, 52, '4d000000'), (66, 67, '28000000')])
def test_received_with(host, name, kind, value):
    s = host.host.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(4106)
    assert s.set(41, name, 1)[0] == 0
    host.ask(host.ip(6, hlim=0x4d, tc=0x28) /
             UDP(sport=4000, dport=4106) / b'hi', v=6)
    got = s.recvmsg(0)
    s.close()
    found = [c.split('/') for c in got[2].split()]
    assert [c for c in found if c[:2] == ['41', str(kind)]], got
    if value:
        assert found[0][2] == value
