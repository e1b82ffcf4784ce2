# SPDX-License-Identifier: BSD-2-Clause
"""TCP: options, windows, data, sockets (RFC 9293, 6691, 5681, 5961)."""
import socket

import pytest

from peer import (ENDS, HOST_MAC, Connection, IP, IPv6, TCP, acks, flags,
                  icmp_error, payload, show)

rfc = pytest.mark.rfc
SOL_TCP = socket.IPPROTO_TCP


def mss_of(p):
    return dict(p[TCP].options).get('MSS')


@rfc('9293 3.1 MUST-3: a bad checksum is dropped')
def test_checksum(host, v):
    c = Connection(host, v)
    p = c.segment('S', seq=1, ack=0, options=c.options)
    p = p.__class__(bytes(p))
    p[TCP].chksum ^= 0x55
    assert not host.ask(p, v=v)


@rfc('9293 3.1: reserved bits are ignored')
@pytest.mark.parametrize('bits', [1, 5, 7])
def test_reserved_bits(host, v, bits):
    c = Connection(host, v)
    got = c.ask('S', seq=1, ack=0, reserved=bits, options=c.options)
    assert [flags(p) for p in got] == ['SA'], show(got)


@rfc('9293 3.2 MUST-6: unknown options are ignored')
@pytest.mark.parametrize('kind', [6, 9, 30, 76, 253, 254])
def test_unknown_option(host, v, kind):
    c = Connection(host, v)
    got = c.ask('S', seq=1, ack=0,
                options=c.options + [(kind, b'abcdef')])
    assert [flags(p) for p in got] == ['SA'], show(got)


@rfc('9293 3.2 MUST-5: options come in any segment')
def test_option_in_data(host, v):
    c = Connection(host, v).open()
    c.send('PA', b'x' * 10, options=[(253, b'ab'), ('NOP', None)])
    assert c.socket.recv()[0] == 10


@rfc('9293 3.2 MUST-7: an option with a bad length does no harm')
@pytest.mark.parametrize('raw', ['01ff', 'fd00', 'fd01', 'fdff', '0203',
                                 '0205', '02ff0000'])
def test_bad_option(host, v, raw):
    c = Connection(host, v)
    opt = bytes.fromhex(raw).ljust(4, b'\1')
    p = c.segment('S', seq=1, ack=0, dataofs=6) / opt
    host.send(p)
    host.fence(v)
    assert host.host.alive()


@rfc('9293 3.7.1 MUST-14: the SYN-ACK has the MSS of our MTU')
@pytest.mark.parametrize('theirs', [None, 536, 600, 1220, 1460, 9000])
def test_mss(host, v, theirs):
    c = Connection(host, v)
    c.options = [('MSS', theirs)] if theirs else []
    assert mss_of(c.syn()) == (1460 if v == 4 else 1440)


@rfc('9293 3.7.1: the SYN has the MSS of our MTU')
def test_mss_of_syn(host, v):
    c = Connection(host, v)
    assert mss_of(c.connect_from_host()) == (1460 if v == 4 else 1440)
    c.socket.close()


@rfc('9293 3.7.1 MUST-16: no segment is larger than the peer says')
@pytest.mark.parametrize('theirs', [100, 536, 700, 1000, 1400, 9000])
def test_mss_obeyed(host, v, theirs):
    c = Connection(host, v, options=[('MSS', theirs)]).open()
    host.drain()
    assert c.socket.send(4000)[0] == 4000
    got = host.fence(v)
    most = max(len(payload(p)) for p in got if c.mine(p))
    assert most <= min(theirs, 1460 if v == 4 else 1440)
    assert most >= min(theirs, 1400)


@rfc('9293 3.7.1 MUST-15: without the option the MSS is 536, or 1220')
def test_mss_default(host, v):
    c = Connection(host, v, options=[]).open()
    host.drain()
    c.socket.send(4000)
    got = host.fence(v)
    most = max(len(payload(p)) for p in got if c.mine(p))
    assert most <= (536 if v == 4 else 1220)


@rfc('9293 3.4: numbers wrap around')
def test_wrap(host, v):
    c = Connection(host, v, isn=0xffffffff - 50).open()
    c.send('PA', b'x' * 100)
    assert c.socket.recv()[0] == 100
    got = c.ask('A', seq=c.seq - 1)
    assert got[-1].ack == (c.seq + 100) % 2**32


@rfc('9293 3.4: out of order across the wrap')
def test_wrap_out_of_order(host, v):
    c = Connection(host, v, isn=0xffffffff - 50).open()
    c.send('PA', b'b' * 50, seq=c.seq + 50)
    c.send('PA', b'a' * 50)
    got = []
    host.until(lambda: got.append(c.socket.recv(ms=100)[0]) or
               sum(n for n in got if n > 0) >= 100)


@rfc('5681 4.2: what is out of order is acknowledged at once')
def test_duplicate_ack(host, v):
    c = Connection(host, v).open()
    got = c.ask('PA', b'x' * 10, seq=c.seq + 10)
    assert acks(got) and got[0].ack == c.seq, show(got)


@rfc('5681 4.2: what fills a gap is acknowledged at once')
def test_gap_filled(host, v):
    c = Connection(host, v).open()
    c.ask('PA', b'x' * 10, seq=c.seq + 10)
    c.send('PA', b'y' * 10)
    c.wait(lambda p: p.ack == (c.seq + 20) % 2**32)


@rfc('9293 3.10.7.4: of an overlap only what is new is taken')
def test_overlap(host, v):
    c = Connection(host, v).open()
    c.send('PA', b'x' * 10)
    assert c.socket.recv()[0] == 10
    c.send('PA', b'x' * 5 + b'y' * 10, seq=c.seq + 5)
    assert c.socket.recv()[0] == 10


@rfc('9293 3.10.7.4: what exceeds the window is cut off')
def test_beyond_window(host, v):
    c = Connection(host, v).open()
    edge = c.ask('A', seq=c.seq - 1)[0]
    last = edge.ack + edge[TCP].window
    got = c.ask('PA', b'x' * 100, seq=last - 50)
    assert got and got[-1].ack == c.seq, show(got)


def with_windows(host, v, windows):
    """What the host sends again, if anything, for acknowledgements of nothing
    new with other windows, one behind the other.  Its timer may go off while
    they are under way, on a busy machine: it is tried a few times."""
    for _ in range(5):
        c = Connection(host, v, window=20000).open()
        host.drain()
        c.socket.send(6000)
        assert [p for p in host.fence(v) if c.mine(p)]
        got = [p for p in host.ask(*[c.segment('A', window=w)
                                     for w in windows], v=v)
               if c.mine(p) and payload(p)]
        if not got:
            break
    return got


@rfc('9293 3.8.6 MUST-34: a window that shrinks does no harm')
def test_shrinking_window(host, v):
    got = with_windows(host, v, [8000, 7000, 6500, 6000])
    assert not got, show(got)


@rfc('5681 2: an ACK with another window is no duplicate')
@pytest.mark.parametrize('step', [-500, 500])
def test_window_is_no_duplicate(host, v, step):
    got = with_windows(host, v, [20000 + i * step for i in range(1, 5)])
    assert not got, show(got)


@rfc('5681 3.2: three duplicates, and the first segment is sent again')
def test_fast_retransmit(host, v):
    for _ in range(5):  # the timer may go off before, on a busy machine
        c = Connection(host, v).open()
        host.drain()
        c.socket.send(6000)
        sent = [p for p in host.fence(v) if c.mine(p) and payload(p)]
        assert len(sent) >= 2
        got = host.ask(*[c.segment('A')] * 3, v=v)
        if any(c.mine(p) and p.seq == c.ack and payload(p) for p in got):
            return
    raise AssertionError(show(got))


@rfc('9293 3.8.6.1 MUST-36: a closed window is probed')
def test_zero_window_probe(host, v):
    c = Connection(host, v).open()
    c.window = 0
    c.ask('A')
    c.socket.send(100)
    p = c.wait(seconds=10)
    assert len(payload(p)) <= 1


@rfc('9293 3.8.6.1: a window that opens is used')
def test_window_opens(host, v):
    c = Connection(host, v).open()
    c.window = 0
    c.ask('A')
    c.socket.send(100)
    c.window = 1000
    host.drain()
    c.send('A')
    assert sum(len(payload(p)) for p in [c.wait(
        lambda p: len(payload(p)) >= 99)]) in (99, 100)


@rfc('6298 5: what is not acknowledged is sent again, later and later')
def test_retransmission(host, v):
    c = Connection(host, v).open()
    host.drain()
    c.socket.send(10)
    times = [c.wait(lambda p: len(payload(p)) == 10).time for _ in range(4)]
    d = [b - a for a, b in zip(times, times[1:])]
    assert d[2] > d[1] * 1.3, d  # the first may be a probe of the tail


@rfc('9293 3.8.1: a SYN-ACK is sent again')
def test_synack_again(host, v):
    c = Connection(host, v)
    first = c.syn()
    p = c.wait(seconds=10)
    assert flags(p) == 'SA' and p.seq == first.seq


@rfc('9293 3.8.3: a SYN is sent again')
def test_syn_again(host, v):
    c = Connection(host, v)
    first = c.connect_from_host()
    p = c.wait(seconds=10)
    assert flags(p) == 'S' and p.seq == first.seq
    c.socket.close()


@rfc('6528 3: initial numbers of different connections tell nothing')
def test_isn_differ(host, v):
    got = [Connection(host, v).syn().seq for _ in range(4)]
    d = {(b - a) & 0xffffffff for a, b in zip(got, got[1:])}
    assert len(d) == 3


@rfc('9293 3.9.2.3 MUST-57: a SYN for a group or broadcast is dropped')
@pytest.mark.parametrize('dst', ['10.9.0.255', '255.255.255.255',
                                 '224.0.0.1'])
def test_syn_to_many(host, dst):
    p = host.ip(4, dst=dst, eth='ff:ff:ff:ff:ff:ff') / TCP(
        sport=999, dport=7, flags='S', options=[('MSS', 1460)])
    assert not host.ask(p)


@rfc('9293 3.9.2.3 MUST-57: a SYN for a group is dropped')
@pytest.mark.parametrize('dst', ['ff02::1', 'ff02::1:ff00:1', 'ff05::2'])
def test_syn_to_group(host, dst):
    p = host.ip(6, dst=dst, eth='33:33:00:00:00:01') / TCP(
        sport=999, dport=7, flags='S', options=[('MSS', 1460)])
    assert not host.ask(p, v=6)


@rfc('1122 4.2.3.10: a SYN in a broadcast frame is dropped')
def test_syn_in_broadcast(host):
    p = host.ip(4, eth='ff:ff:ff:ff:ff:ff') / TCP(
        sport=999, dport=7, flags='S', options=[('MSS', 1460)])
    assert not host.ask(p)


@rfc('9293 3.9.2.3: a SYN from ourselves does no harm')
def test_land(host, v):
    p = host.ip(v, src=ENDS[v].host) / TCP(
        sport=7, dport=7, flags='S', options=[('MSS', 1460)])
    host.send(p)
    host.fence(v)
    assert host.host.alive()


@rfc('9293 3.10.7.2: SYN with RST or FIN opens nothing')
@pytest.mark.parametrize('what', ['SR', 'SF', 'SRF'])
def test_strange_syn(host, v, what):
    c = Connection(host, v)
    got = c.ask(what, seq=1, ack=0, options=c.options)
    assert not any('SA' in flags(p) for p in got) or what == 'SF', show(got)


@rfc('9293 3.9.1.6: urgent data does no harm to the data')
def test_urgent(host, v):
    c = Connection(host, v).open()
    c.send('PAU', b'x' * 10, urgptr=5)
    assert c.socket.recv()[0] in (9, 10)


@rfc('9293 3.6: a half-closed connection still sends')
def test_half_closed_sends(host, v):
    c = Connection(host, v).close_wait()
    host.drain()
    assert c.socket.send(50)[0] == 50
    assert len(payload(c.wait(lambda p: payload(p)))) == 50


@rfc('9293 3.6.1: close with unread data resets')
def test_close_unread(host, v):
    c = Connection(host, v).open()
    c.ask('PA', b'x' * 10)
    c.seq += 10
    host.drain()
    c.socket.close()
    assert 'R' in flags(c.wait(lambda p: 'R' in flags(p) or
                               'F' in flags(p)))


@rfc('9293 3.6.1: data for a closed socket is reset')
def test_data_after_close(host, v):
    c = Connection(host, v).open()
    host.drain()
    c.socket.close()
    p = c.wait(lambda p: 'F' in flags(p))
    c.ack = (p.seq + 1) & 0xffffffff
    c.ask('A')
    got = c.ask('PA', b'x' * 10)
    assert any('R' in flags(p) for p in got), show(got)


# ---- what a program sees ----------------------------------------------------

@rfc('9293 3.9.2.3, 1122 4.2.3.10: connect to a broadcast address fails')
@pytest.mark.parametrize('addr', ['255.255.255.255', '10.9.0.255',
                                  '224.0.0.1'])
def test_connect_broadcast(host, addr):
    s = host.host.socket(socket.AF_INET,
                         socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    ret = s.connect(addr, 80)
    s.close()
    assert ret[1] in ('ENETUNREACH', 'EACCES', 'EHOSTUNREACH'), ret


@rfc('9293 3.9.2.3: connect to a group fails')
@pytest.mark.parametrize('addr', ['ff02::1', 'ff05::2'])
def test_connect_group(host, addr):
    s = host.host.socket(socket.AF_INET6,
                         socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    ret = s.connect(addr, 80)
    s.close()
    assert ret[1] in ('ENETUNREACH', 'EACCES', 'EHOSTUNREACH'), ret


@rfc('9293 3.5: connect to oneself')
def test_connect_self(host, v):
    s = host.host.socket(socket.AF_INET if v == 4 else socket.AF_INET6,
                         socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    s.bind(5555 + v, ENDS[v].host)
    ret = s.connect(ENDS[v].host, 5555 + v)
    assert ret[1] in ('-', 'EINPROGRESS'), ret
    assert s('poll', '-', 4, 3000)[0] & 4
    assert s.get(1, 4)[0] == 0
    assert s.send(20)[0] == 20
    assert s.recv()[0] == 20
    s.close()


@rfc('9293 3.7.1, POSIX: TCP_MAXSEG limits what is sent and announced')
def test_maxseg(host, v):
    c = Connection(host, v)
    s = c.socket = host.host.socket(
        socket.AF_INET if v == 4 else socket.AF_INET6,
        socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    assert s.set(SOL_TCP, socket.TCP_MAXSEG, 700)[0] == 0
    s.connect(ENDS[v].peer, c.sport)
    p = host.wait(lambda p: TCP in p and p[TCP].dport == c.sport)
    assert mss_of(p) == 700
    c.dport = p[TCP].sport
    c.ack = p.seq + 1
    c.ask('SA', seq=c.isn, options=c.options)
    c.seq = c.isn + 1
    host.drain()
    s.send(3000)
    got = [p for p in host.fence(v) if c.mine(p)]
    assert max(len(payload(p)) for p in got) <= 700


@rfc('9293 3.7.4, Linux tcp(7): MSG_MORE holds back less than a segment')
def test_msg_more(host, v):
    c = Connection(host, v).open()
    c.socket.set(SOL_TCP, socket.TCP_NODELAY, 1)
    host.drain()
    c.socket.send(10, socket.MSG_MORE if hasattr(socket, 'MSG_MORE')
                  else 0x8000)
    got = [p for p in host.fence(v) if c.mine(p) and payload(p)]
    assert not got, show(got)
    c.socket.send(10)
    p = c.wait(lambda p: payload(p))
    assert len(payload(p)) == 20


@rfc('Linux, tcp(7): shutdown() of a listener wakes who accepts')
def test_shutdown_listener(host, v):
    s = host.listener(port=700 + v, v=v)
    assert s.shutdown(socket.SHUT_RDWR)[0] == 0
    assert s('poll', '-', 1, 2000)[0] & 0x11
    c = Connection(host, v, dport=700 + v)
    got = c.ask('S', seq=1, ack=0, options=c.options)
    assert [flags(p) for p in got] == ['RA'], show(got)
    s.close()


@rfc('9293 3.7.4 SHLD-7: Nagle: one small segment at a time')
def test_nagle(host, v):
    c = Connection(host, v).open()
    host.drain()
    c.socket.send(10)
    c.socket.send(10)
    got = [p for p in host.fence(v) if c.mine(p) and payload(p)]
    # The stack's thread may see both at once.
    assert [len(payload(p)) for p in got] in ([10], [20]), show(got)


@rfc('9293 3.7.4: TCP_NODELAY switches it off')
def test_nodelay(host, v):
    c = Connection(host, v).open()
    c.socket.set(SOL_TCP, socket.TCP_NODELAY, 1)
    host.drain()
    c.socket.send(10)
    c.socket.send(10)
    got = [p for p in host.fence(v) if c.mine(p) and payload(p)]
    assert [len(payload(p)) for p in got][:2] in ([10, 10], [20]), show(got)


@rfc('5927 4.1: an ICMP error about other data is ignored')
def test_icmp_out_of_window(host, v):
    from peer import ICMP, ICMPv6DestUnreach
    c = Connection(host, v).open()
    quote = (IP if v == 4 else IPv6)(src=ENDS[v].host, dst=ENDS[v].peer) / \
        TCP(sport=7, dport=c.sport, seq=(c.ack + 50000) & 0xffffffff)
    err = ICMP(type=3, code=3) if v == 4 else ICMPv6DestUnreach(code=4)
    host.ask(host.ip(v) / err / bytes(quote), v=v)
    assert c.socket.get(1, 4)[0] == 0
    c.send('PA', b'x')
    assert c.socket.recv()[0] == 1


@rfc('9293 3.9.2.2 MUST-56: a soft error does not end a connection')
@pytest.mark.parametrize('code', [0, 1, 2, 3])
def test_icmp_soft(host, v, code):
    from peer import ICMP, ICMPv6DestUnreach
    c = Connection(host, v).open()
    host.drain()
    c.socket.send(10)
    sent = c.wait(lambda p: payload(p))
    quote = bytes(sent[IP] if v == 4 else sent[IPv6])
    err = ICMP(type=3, code=code) if v == 4 else ICMPv6DestUnreach(code=code)
    host.ask(host.ip(v) / err / quote, v=v)
    c.send('PA', b'x', ack=c.ack + 10)
    assert c.socket.recv()[0] == 1


@rfc('9293 3.9.2.1: a closed port of UDP is no matter of TCP')
def test_no_icmp_for_tcp(host, v):
    c = Connection(host, v, dport=98)
    got = host.ask(c.segment('S', ack=0), v=v)
    assert icmp_error(got) is None


@rfc('9293 3.1: the padding of a short frame is no data')
def test_padding(host, v):
    c = Connection(host, v).open()
    p = c.segment('A')
    got = host.ask(p.__class__(bytes(p) + b'\0' * 6), v=v)
    assert not [q for q in got if c.mine(q)], show(got)
    assert p.dst == HOST_MAC
