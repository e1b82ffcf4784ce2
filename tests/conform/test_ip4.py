# SPDX-License-Identifier: BSD-2-Clause
"""IPv4, ICMP, UDP and ARP (RFC 791, 792, 826, 1122, 5227)."""
import socket

import pytest

from peer import (ARP, ENDS, HOST_MAC, ICMP, IP, PEER_MAC, TCP, THIRD_MAC, UDP,
                  Ether, IPerror, IPOption, IPOption_NOP, IPOption_RR, Raw,
                  icmp_error, show)

rfc = pytest.mark.rfc
HOST, PEER = ENDS[4].host, ENDS[4].peer
ALL_MAC = 'ff:ff:ff:ff:ff:ff'


def echo(host, data=b'abcdefgh', **k):
    """The answer to an echo request, or None."""
    num = host.new_ident()
    got = host.ask(host.ip(4, **k) / ICMP(id=num, seq=7) / data)
    found = [p for p in got if ICMP in p and p[ICMP].type == 0 and
             p[ICMP].id == num]
    assert len(found) <= 1
    return found[0] if found else None


@rfc('1122 3.2.2.6: an echo reply has the data of the request')
@pytest.mark.parametrize('n', [0, 1, 8, 100, 1000, 1472])
def test_echo(host, n):
    data = bytes(i & 255 for i in range(n))
    p = echo(host, data)
    assert bytes(p[ICMP].payload)[:n] == data and p[ICMP].seq == 7


@rfc('1122 3.2.2.6, 1349 5.1: an echo reply has the TOS of the request')
@pytest.mark.parametrize('tos', [0, 0x10, 0x28, 0xb8])
def test_echo_tos(host, tos):
    assert echo(host, tos=tos)[IP].tos == tos


@rfc('1122 3.2.1.7: what is for the host is taken with any time to live')
@pytest.mark.parametrize('ttl', [0, 1, 2, 255])
def test_ttl(host, ttl):
    assert echo(host, ttl=ttl) is not None


@rfc('1122 3.2.1.7: an answer has a time to live of its own')
def test_ttl_of_answer(host):
    assert echo(host, ttl=3)[IP].ttl >= 64


@rfc('1122 3.2.1.8: unknown options are ignored')
@pytest.mark.parametrize('opt', [[IPOption_NOP()] * 4,
                                 [IPOption(b'\x9e\x04ab')],
                                 [IPOption(b'\x1e\x06abcd')]])
def test_options(host, opt):
    assert echo(host, options=opt) is not None


@rfc('1122 3.2.2.6: record route is returned')
def test_record_route(host):
    p = echo(host, options=[IPOption_RR(routers=['0.0.0.0', '0.0.0.0'])])
    assert p is not None and p[IP].options


@rfc('1122 3.2.2.6: the host enters itself into a record of the route')
def test_record_route_own(host):
    p = echo(host, options=[IPOption_RR(routers=['1.2.3.4', '0.0.0.0'],
                                        pointer=8)])
    opt = p[IP].options[0]
    assert opt.routers == ['1.2.3.4', HOST] and opt.pointer == 12


@rfc('1122 3.2.1.3: no host has such a source address')
@pytest.mark.parametrize('src', ['10.9.0.255', '255.255.255.255',
                                 '224.0.0.1', '127.0.0.1', '0.0.0.0',
                                 '239.1.2.3', '0.1.2.3'])
def test_bad_source(host, src):
    assert echo(host, src=src) is None
    got = host.ask(host.ip(4, src=src) / UDP(sport=9, dport=999) / b'x')
    assert not got, show(got)


@rfc('1122 3.2.1.3: what is for another address is dropped')
@pytest.mark.parametrize('dst', ['10.9.0.77', '192.0.2.1', '127.0.0.1',
                                 '0.0.0.0', '240.0.0.1'])
def test_other_destination(host, dst):
    assert echo(host, dst=dst) is None


@rfc('1122 3.2.1.2: a bad checksum of the header is dropped')
def test_header_checksum(host):
    p = Ether(bytes(host.ip(4) / ICMP(id=1)))
    p[IP].chksum ^= 1
    assert not host.ask(p)


@rfc('792: a bad checksum of ICMP is dropped')
def test_icmp_checksum(host):
    p = Ether(bytes(host.ip(4) / ICMP(id=1) / b'xx'))
    p[ICMP].chksum ^= 1
    assert not host.ask(p)


@rfc('1122 3.2.1.1: another version is dropped')
@pytest.mark.parametrize('version', [0, 5, 6, 15])
def test_version(host, version):
    assert not host.ask(host.ip(4, version=version) / ICMP(id=1))


@rfc('1122 3.2.2: an unknown type of ICMP is dropped')
@pytest.mark.parametrize('kind', [1, 2, 7, 15, 17, 30, 37, 99, 255])
def test_icmp_unknown(host, kind):
    assert not host.ask(host.ip(4) / ICMP(type=kind) / (b'x' * 20))


@rfc('1122 4.1.3.1: a port where nobody is: ICMP 3, 3')
@pytest.mark.parametrize('n', [0, 1, 50, 1400])
def test_port_unreachable(host, n):
    got = host.ask(host.ip(4) / UDP(sport=4000, dport=999) / (b'x' * n))
    assert icmp_error(got) == (3, 3), show(got)


@rfc('1122 3.2.2: an error quotes the header and 8 bytes at least')
def test_quote(host):
    sent = IP(bytes(host.ip(4, id=77) /
                    UDP(sport=4000, dport=999) / b'hello')[14:])
    got = host.ask(host.ip(4, id=77) / UDP(sport=4000, dport=999) / b'hello')
    quote = bytes(got[0][ICMP].payload)
    assert quote[:28] == bytes(sent)[:28]
    assert IPerror in got[0]


@rfc('1812 4.3.2.3: an error has at most 576 bytes')
def test_quote_limit(host):
    got = host.ask(host.ip(4) / UDP(sport=4000, dport=999) / (b'x' * 1400))
    assert got[0][IP].len <= 576


@rfc('1122 3.2.2.1: an unknown protocol: ICMP 3, 2')
@pytest.mark.parametrize('proto', [3, 99, 253, 254])
def test_protocol_unreachable(host, proto):
    got = host.ask(host.ip(4, proto=proto) / Raw(b'x' * 20))
    assert icmp_error(got) == (3, 2), show(got)


@rfc('1122 3.2.2: no error about what was sent to many')
@pytest.mark.parametrize('dst,mac', [
    ('10.9.0.255', ALL_MAC), ('255.255.255.255', ALL_MAC), (HOST, ALL_MAC),
    ('224.0.0.1', '01:00:5e:00:00:01'), (HOST, '01:00:5e:00:00:01'),
    ('10.9.0.255', HOST_MAC)])
def test_no_error_for_many(host, dst, mac):
    for p in (UDP(sport=9, dport=999) / (b'x' * 20),
              Raw(b'x' * 20)):
        got = host.ask(host.ip(4, dst=dst, eth=mac,
                               proto=17 if UDP in p else 253) / p)
        assert not got, show(got)


@rfc('1122 3.2.2: no error about an error')
@pytest.mark.parametrize('kind', [3, 4, 5, 11, 12])
def test_no_error_about_error(host, kind):
    quote = bytes(IP(src=HOST, dst=PEER) / UDP(sport=9, dport=9) / b'x')
    assert not host.ask(host.ip(4) / ICMP(type=kind, code=3) / quote)


@rfc('1122 3.2.2: no error about a fragment that is not the first')
def test_no_error_about_fragment(host):
    got = host.ask(host.ip(4, frag=100, proto=253) / Raw(b'x' * 80))
    assert not got, show(got)


# ---- fragments ---------------------------------------------------------------

def fragments(host, size, n=1600, **k):
    num = host.new_ident()
    whole = bytes(IP(bytes(IP(src=PEER, dst=HOST) / ICMP(id=num) /
                           (b'z' * n)))[IP].payload)
    return num, [host.ip(4, id=num, proto=1, frag=o // 8,
                         flags='MF' if o + size < len(whole) else 0, **k) /
                 Raw(whole[o:o + size]) for o in range(0, len(whole), size)]


def put_together(host, num, packets):
    got = host.ask(*packets)
    return any(ICMP in p and p[ICMP].type == 0 and p[ICMP].id == num
               for p in got)


@rfc('791 3.2: fragments, in any order')
@pytest.mark.parametrize('size', [64, 200, 600, 1480])
@pytest.mark.parametrize('order', ['in', 'reverse', 'odd'])
def test_fragments(host, size, order):
    num, f = fragments(host, size)
    f = {'in': f, 'reverse': f[::-1], 'odd': f[1::2] + f[::2]}[order]
    assert put_together(host, num, f)


@rfc('1122 3.3.2: a fragment that comes twice')
def test_fragment_twice(host):
    num, f = fragments(host, 600)
    assert put_together(host, num, [f[0], f[1], f[1], f[2]])


@rfc('791 3.2: fragments of 8 bytes')
@pytest.mark.parametrize('size', [8, 16, 32, 48])
def test_small_fragments(host, size):
    num, f = fragments(host, size, 200)
    assert put_together(host, num, f)


@rfc('791 3.2: fragments with options')
def test_fragments_with_options(host):
    num, f = fragments(host, 400, options=[IPOption_NOP()] * 4)
    assert put_together(host, num, f)


@rfc('791 3.2, 9293: a segment in fragments')
@pytest.mark.parametrize('size', [8, 16])
def test_segment_in_fragments(host, size):
    port = host.new_port()
    whole = bytes(IP(bytes(IP(src=PEER, dst=HOST) / TCP(
        sport=port, dport=7, flags='S', options=[('MSS', 1460)])))
                  [IP].payload)
    num = host.new_ident()
    got = host.ask(*[host.ip(4, id=num, proto=6, frag=o // 8,
                             flags='MF' if o + size < len(whole) else 0) /
                     Raw(whole[o:o + size])
                     for o in range(0, len(whole), size)])
    # ask() looks at ports of segments that it sends as such.
    del got
    p = host.wait(lambda p: TCP in p and p[TCP].dport == port)
    assert str(p[TCP].flags) == 'SA'


@rfc('shmif(3): what is refused is counted, by reason')
def test_refused(host):
    def counts():
        i = host.host.request('show')['results'][0]['interfaces']
        i = [x for x in i if x.get('kind') == 'shmif'][0]
        return i['counters']['in_refused'], i['refused']
    before, was = counts()
    host.ask(Ether(bytes(host.ip(4) / UDP(len=9) / b'xyz')),
             host.ip(4, src='10.9.0.255') / UDP() / b'x')
    after, now = counts()
    assert after == before + 2
    for why in 'UDP: bad length', \
            "IPv4: source is a network's broadcast address":
        assert now[why] == was.get(why, 0) + 1, (was, now)
    assert sum(now.values()) == after


@rfc('1122 3.3.2: fragments of two datagrams are not mixed')
def test_fragments_mixed(host):
    a, f = fragments(host, 600)
    b, g = fragments(host, 600)
    mixed = [x for pair in zip(f, g) for x in pair]
    got = host.ask(*mixed)
    assert {p[ICMP].id for p in got if ICMP in p} == {a, b}


@rfc('791 3.2: a datagram of up to 65535 bytes')
@pytest.mark.parametrize('n', [20000, 65000, 65507])
def test_large_datagram(host, n):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(4001, '0.0.0.0')
    whole = bytes(IP(bytes(IP(src=PEER, dst=HOST) / UDP(
        sport=4000, dport=4001) / (b'u' * n)))[IP].payload)
    num = host.new_ident()
    for o in range(0, len(whole), 1480):
        host.send(host.ip(4, id=num, proto=17, frag=o // 8,
                          flags='MF' if o + 1480 < len(whole) else 0) /
                  Raw(whole[o:o + 1480]))
    host.fence()
    assert s.recv(70000, 0)[0] == n
    s.close()


# ---- UDP -----------------------------------------------------------------------

@rfc('768, 1122 4.1.3.4: the checksum')
@pytest.mark.parametrize('kind,taken', [('good', 1), ('none', 1), ('bad', 0)])
def test_udp_checksum(host, kind, taken):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(4002, '0.0.0.0')
    p = Ether(bytes(host.ip(4) / UDP(sport=4000, dport=4002) / b'hi'))
    p[UDP].chksum = {'good': p[UDP].chksum, 'none': 0,
                     'bad': p[UDP].chksum ^ 1}[kind]
    host.ask(p)
    assert (s.recv(100, 0)[0] == 2) == bool(taken)
    s.close()


@rfc('1122 4.1.3.5, 3.3.6: a broadcast reaches the sockets of its port')
@pytest.mark.parametrize('dst', ['10.9.0.255', '255.255.255.255'])
@pytest.mark.parametrize('bound', ['0.0.0.0', '::'])
def test_broadcast_received(host, dst, bound):
    s = host.host.socket(socket.AF_INET6 if ':' in bound else socket.AF_INET,
                         socket.SOCK_DGRAM)
    s.bind(4003, bound)
    host.ask(host.ip(4, dst=dst, eth=ALL_MAC) /
             UDP(sport=4000, dport=4003) / b'hi')
    assert s.recv(100, 0)[0] == 2
    s.close()


@rfc('1122 4.1.3.5, ip(7): a broadcast does not reach who is bound to one '
     'address')
@pytest.mark.parametrize('dst', ['10.9.0.255', '255.255.255.255'])
def test_broadcast_bound(host, dst):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(4004, HOST)
    host.ask(host.ip(4, dst=dst, eth=ALL_MAC) /
             UDP(sport=4000, dport=4004) / b'hi')
    assert s.recv(100, 0)[1] == 'ETIMEDOUT'
    s.close()


@rfc('socket(7): a broadcast needs SO_BROADCAST')
@pytest.mark.parametrize('dst', ['10.9.0.255'])
def test_broadcast_sent(host, dst):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert s.sendto(dst, 4005, 5)[1] == 'EACCES'
    assert s.connect(dst, 4005)[1] == 'EACCES'
    assert s.set(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)[0] == 0
    host.drain()
    assert s.sendto(dst, 4005, 5)[0] == 5
    p = host.wait(lambda p: UDP in p and p[UDP].dport == 4005)
    assert p.dst == ALL_MAC and p[IP].dst == dst
    s.close()


@rfc('ip(7): IP_PKTINFO, IP_RECVTTL and IP_RECVTOS')
@pytest.mark.parametrize('name,kind,value', [
    (8, 8, None), (12, 2, '4d000000'), (13, 1, '28')])
def test_received_with(host, name, kind, value):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(4006, '0.0.0.0')
    assert s.set(0, name, 1)[0] == 0
    host.ask(host.ip(4, ttl=0x4d, tos=0x28) /
             UDP(sport=4000, dport=4006) / b'hi')
    got = s.recvmsg(0)
    assert got[0] == 2
    found = [c.split('/') for c in got[2].split()]
    assert [c for c in found if c[:2] == ['0', str(kind)]], got
    if value:
        assert found[0][2] == value
    else:
        assert found[0][2][16:24] == '0a090001'
    s.close()


@rfc('1122 4.1.3.3: an ICMP error reaches the socket')
@pytest.mark.parametrize('code,err', [(3, 'ECONNREFUSED')])
def test_error_reaches_socket(host, code, err):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(PEER, 4007)
    host.drain()
    s.send(10)
    p = host.wait(lambda p: UDP in p and p[UDP].dport == 4007)
    host.ask(host.ip(4) / ICMP(type=3, code=code) / bytes(p[IP]))
    assert s.recv(100, 100)[1] == err
    s.close()


@rfc('1191 6.3: datagrams are not larger than the path takes')
def test_path_mtu(host):
    src = '10.9.0.3'
    host.own.append(src)
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    host.drain()
    s.sendto(src, 4008, 1400)
    p = host.wait(lambda p: UDP in p and p[UDP].dport == 4008)
    host.ask(host.ip(4) / ICMP(type=3, code=4, nexthopmtu=1000) /
             bytes(p[IP]))
    host.drain()
    s.sendto(src, 4008, 1400)
    got = [p for p in host.fence() if IP in p and p[IP].dst == src]
    assert len(got) == 2 and max(p[IP].len for p in got) <= 1000, show(got)
    s.close()


# ---- ARP -----------------------------------------------------------------------

def arp(host, dst=ALL_MAC, **k):
    k.setdefault('psrc', PEER)
    k.setdefault('pdst', HOST)
    k.setdefault('op', 1)
    k.setdefault('hwsrc', PEER_MAC)
    host.drain()
    host.send(host.eth(dst) / ARP(**k))
    return [p for p in host.fence() if ARP in p and p[ARP].op == 2]


@rfc('826: a request is answered')
@pytest.mark.parametrize('dst', [ALL_MAC, HOST_MAC])
def test_arp(host, dst):
    got = arp(host, dst)
    assert len(got) == 1 and got[0].dst == PEER_MAC
    assert got[0][ARP].hwsrc == HOST_MAC and got[0][ARP].psrc == HOST


@rfc('5227 2.1.1: a probe is answered')
def test_arp_probe(host):
    assert len(arp(host, psrc='0.0.0.0')) == 1


@rfc('826: a request for another is not answered')
@pytest.mark.parametrize('pdst', ['10.9.0.50', '127.0.0.1', '0.0.0.0',
                                  '255.255.255.255', '224.0.0.1'])
def test_arp_other(host, pdst):
    assert not arp(host, pdst=pdst)


@rfc('826: another hardware or protocol is not answered')
@pytest.mark.parametrize('k', [{'hwtype': 6}, {'ptype': 0x86dd}, {'op': 3},
                               {'op': 9}])
def test_arp_format(host, k):
    assert not arp(host, **k)


@rfc('1812 3.3.2: a group is not believed to be a neighbour')
def test_arp_group(host):
    assert not arp(host, hwsrc='01:00:5e:00:00:01')


@rfc('5227 2.4: an address that another has is defended')
def test_arp_conflict(host):
    host.drain()
    host.send(Ether(dst=ALL_MAC, src=THIRD_MAC) /
              ARP(op=1, hwsrc=THIRD_MAC, psrc=HOST, pdst=HOST))
    p = host.wait(lambda p: ARP in p and p[ARP].psrc == HOST, 3)
    assert p[ARP].hwsrc == HOST_MAC


@rfc('1122 2.3.2.1: a neighbour is asked for at most once a second')
def test_arp_rate(host):
    s = host.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    addrs = ['10.9.0.%d' % i for i in range(50, 58)]
    host.drain()
    got = []
    for a in addrs:  # at any time between the ticks of its timer
        s.sendto(a, 9, 10)
        got += host.collect(0.12)
    got += host.collect(3.5)
    for a in addrs:
        times = [p.time for p in got if ARP in p and p[ARP].pdst == a]
        assert len(times) >= 2
        assert all(y - x > 0.9 for x, y in zip(times, times[1:])), times
    s.close()


@rfc('1122 3.3.1.2: a redirect for a neighbour is ignored')
def test_redirect(host):
    quote = bytes(IP(src=HOST, dst=PEER) / UDP(sport=9, dport=9) / b'x')
    host.ask(host.ip(4) / ICMP(type=5, code=1, gw='10.9.0.3') / quote)
    assert echo(host) is not None
