# SPDX-License-Identifier: BSD-2-Clause
"""TCP over distance: window scaling, timestamps (RFC 7323), SACK (RFC 2018, 6675)
and what a peer without them sees."""
import socket

import pytest

from peer import ENDS, MASK, TCP, Connection, acks, flags, payload, show

rfc = pytest.mark.rfc
SCALE = 6
SACK_OK = ('SAckOK', b'')
MSS = ('MSS', 1460)
FULL = [MSS, SACK_OK, ('Timestamp', (1000, 0)), ('NOP', None), ('WScale', 7)]


def options(p):
    return dict(p[TCP].options)


def stamp(c, value):
    """The option that a segment of the peer's has."""
    return [('NOP', None), ('NOP', None),
            ('Timestamp', (value, options(c.synack)['Timestamp'][0]))]


def taken(c, data, **k):
    """The acknowledgement, which may be delayed, of data that is next."""
    c.send('PA', data, **k)
    c.seq += len(data)
    return c.wait(lambda p: p.ack == c.seq & MASK and 'R' not in flags(p))


def opened(host, v, offers, **k):
    return Connection(host, v, options=offers, **k).open()


@rfc('7323 2.2, 3.2, 2018 2: a SYN offers all of them')
def test_syn(host, v):
    c = Connection(host, v)
    p = c.connect_from_host()
    o = options(p)
    assert 'MSS' in o and 'SAckOK' in o and o['WScale'] == SCALE, show([p])
    assert o['Timestamp'][1] == 0
    assert p[TCP].window <= 65535


@rfc('7323 2.2, 3.2, 2018 2: a SYN-ACK has what the SYN has offered')
def test_syn_ack(host, v):
    c = Connection(host, v, options=FULL)
    o = options(c.syn())
    assert 'SAckOK' in o and o['WScale'] == SCALE
    assert o['Timestamp'][1] == 1000


@rfc('7323 2.2, 3.2, 2018 2: and nothing else')
@pytest.mark.parametrize('offer,name', [
    ([], None), ([SACK_OK], 'SAckOK'),
    ([('NOP', None), ('WScale', 3)], 'WScale'),
    ([('Timestamp', (7, 0)), ('NOP', None), ('NOP', None)], 'Timestamp')])
def test_only_offered(host, v, offer, name):
    c = Connection(host, v, options=[MSS] + offer)
    got = set(options(c.syn())) - {'MSS', 'NOP', 'EOL'}
    assert got == ({name} if name else set())


@rfc('7323 2.2: without the option in the SYN-ACK windows are not scaled')
def test_not_scaled(host, v):
    c = Connection(host, v, window=3000)
    c.accept_from_host()
    host.drain()
    c.socket.send(20000)
    got = [p for p in host.fence(v) + host.fence(v) if c.mine(p)]
    end = max((p.seq + len(payload(p)) - c.ack) & MASK for p in got)
    assert end <= 3000, show(got)
    assert all(set(options(p)) <= {'NOP'} for p in got)


@rfc('7323 2.3: the window of a SYN is not scaled, those of others are')
def test_scaled(host, v):
    c = opened(host, v, [MSS, ('NOP', None), ('WScale', 7)], window=20)
    host.drain()
    c.send()        # 20 << 7 = 2560
    host.fence(v)
    c.socket.send(20000)
    got = [p for p in host.fence(v) + host.fence(v) if c.mine(p)]
    end = max((p.seq + len(payload(p)) - c.ack) & MASK for p in got)
    assert 1440 <= end <= 2560, show(got)
    # Its own window, too: 65535 at first.
    assert 60000 >> SCALE <= got[0][TCP].window <= 65536 >> SCALE


@rfc('7323 2.3: a scale beyond 14 counts as 14')
def test_scale_too_large(host, v):
    c = opened(host, v, [MSS, ('NOP', None), ('WScale', 255)], window=1)
    c.send()
    host.drain()
    c.socket.send(5000)
    got = [p for p in host.fence(v) + host.fence(v) if c.mine(p)]
    assert sum(len(payload(p)) for p in got) >= 5000, show(got)


@rfc('7323 3.2: each segment has a timestamp, and echoes that of the peer')
def test_echoed(host, v):
    c = opened(host, v, FULL)
    p = taken(c, b'x' * 10, options=stamp(c, 2000))
    assert options(p)['Timestamp'][1] == 2000, show([p])
    host.drain()
    c.socket.send(100)
    p = c.wait(lambda p: payload(p))
    assert options(p)['Timestamp'][1] == 2000
    assert p[TCP].dataofs == 8


@rfc('7323 4.3: what comes out of order is not echoed')
def test_echo_of_hole(host, v):
    c = opened(host, v, FULL)
    c.ask('PA', b'x' * 10, options=stamp(c, 2000))
    c.seq += 10
    got = c.ask('PA', b'y' * 10, seq=c.seq + 10, options=stamp(c, 3000))
    assert options(got[-1])['Timestamp'][1] == 2000, show(got)


@rfc('7323 5.3: PAWS: what is older than what came last is dropped')
def test_paws(host, v):
    c = opened(host, v, FULL)
    c.ask('PA', b'x' * 10, options=stamp(c, 5000))
    c.seq += 10
    got = c.ask('PA', b'old one', options=stamp(c, 4000))
    assert acks(got) and got[-1].ack == c.seq & MASK, show(got)
    assert c.socket.recv()[0] == 10
    assert c.socket.recv(ms=0)[1] == 'ETIMEDOUT'
    # A reset is not subject to it.
    c.ask('R', options=stamp(c, 4000))
    assert c.gone()


@rfc('7323 3.2: a segment without one is taken; the next is stamped')
def test_stamp_missing(host, v):
    c = opened(host, v, FULL)
    c.ask('PA', b'x' * 10)
    assert c.socket.recv()[0] == 10
    c.seq += 10
    p = taken(c, b'x' * 10, options=stamp(c, 6000))
    assert options(p)['Timestamp'][1] == 6000, show([p])


@rfc('9293 3.2 MUST-7: a segment whose options lie about their length is refused')
@pytest.mark.parametrize('raw', ['080a0000', '01010800', '010105ff',
                                 '00000000', '0101010a'])
def test_lies(host, v, raw):
    c = opened(host, v, FULL)
    p = c.segment('PA', dataofs=6) / (bytes.fromhex(raw) + b'x' * 10)
    host.send(p)
    host.fence(v)
    good = raw == '00000000'
    assert (c.socket.recv(ms=0 if not good else 2000)[0] == 10) == good
    # And the connection goes on.
    if good:
        c.seq += 10
    c.ask('PA', b'y' * 5, options=stamp(c, 7000))
    assert c.socket.recv()[0] == 5


# ---- SACK, as a receiver ----------------------------------------------------

@rfc('2018 3, 4: what waits is told, the latest first')
def test_sack_blocks(host, v):
    c = opened(host, v, [MSS, SACK_OK])
    start = c.seq
    at = [(100, 50), (300, 50), (150, 50), (500, 50), (700, 50), (900, 50)]
    for off, n in at:
        got = c.ask('A', b'z' * n, seq=start + off)
        assert acks(got) and got[-1].ack == start & MASK
    blocks = options(got[-1])['SAck']
    pairs = [tuple((x - start) & MASK for x in blocks[i:i + 2])
             for i in range(0, len(blocks), 2)]
    assert pairs[0] == (900, 950), pairs
    assert len(pairs) == 4 and set(pairs) <= {
        (100, 200), (300, 350), (500, 550), (700, 750), (900, 950)}, pairs
    got = c.ask('A', b'z' * 100)
    assert got[-1].ack == (start + 200) & MASK
    assert len(options(got[-1]).get('SAck', ())) == 8


@rfc('2018 2: none for who has not offered it')
def test_no_sack(host, v):
    c = opened(host, v, [MSS])
    got = c.ask('A', b'z' * 50, seq=c.seq + 100)
    assert acks(got) and 'SAck' not in options(got[-1]), show(got)


@rfc('2018 3: three blocks beside a timestamp')
def test_sack_with_stamp(host, v):
    c = opened(host, v, FULL)
    for i in range(1, 6):
        got = c.ask('A', b'z' * 10, seq=c.seq + 100 * i,
                    options=stamp(c, 1000 + i))
    assert len(options(got[-1])['SAck']) == 6, show(got)


@rfc('2018 3: a FIN alone that waits is no block')
@pytest.mark.parametrize('n', [0, 10])
def test_fin_waits(host, v, n):
    c = opened(host, v, [MSS, SACK_OK])
    got = c.ask('FA', seq=c.seq + 100)
    assert acks(got) and 'SAck' not in options(got[-1]), show(got)
    if n:               # before the FIN, and behind a hole
        got = c.ask('A', b'z' * n, seq=c.seq + 100 - n)
        assert len(options(got[-1])['SAck']) == 2, show(got)
    c.ask('A', b'z' * (100 - n))
    c.seq += 100
    assert c.socket.recv()[0] == 100
    assert c.socket.recv()[0] == 0      # the FIN


@rfc('7323 5.3, R3: what is not in the window is not echoed')
def test_stamp_outside(host, v):
    c = opened(host, v, FULL)
    c.ask('PA', b'x' * 10, options=stamp(c, 2000))
    c.seq += 10
    # Far below what was received: an attacker need not know more.
    c.ask('A', b'y', seq=c.seq - 10 ** 6, options=stamp(c, 2 ** 30))
    p = taken(c, b'x' * 10, options=stamp(c, 2001))
    assert options(p)['Timestamp'][1] == 2001, show([p])
    assert c.socket.recv()[0] == 20


# ---- SACK, as a sender ------------------------------------------------------

def flood(host, v, offers, n=14000):
    """A connection on which the host has sent N bytes, and they have come."""
    c = Connection(host, v, options=offers)
    c.syn()
    # A long round trip, so that nothing is sent again by the clock.
    host.collect(0.3)
    c.send(options=stamp(c, 1001) if 'Timestamp' in dict(offers) else [])
    c.socket = host.tcp_listener.accept()
    host.drain()
    c.socket.send(n)
    seen, end = [], c.ack
    while (end - c.ack) & MASK < n:
        p = c.wait(lambda p: payload(p))
        seen.append(p)
        end = max(end, p.seq + len(payload(p)), key=lambda x: (x - c.ack) & MASK)
    return c, seen


@rfc('6675 5: only what is missing is sent again')
@pytest.mark.parametrize('offers', [[MSS, SACK_OK], FULL], ids=['sack', 'all'])
def test_holes(host, v, offers):
    c, seen = flood(host, v, offers)
    size = len(payload(seen[0]))
    more = stamp(c, 1002) if offers is FULL else []
    # The second and the fifth are lost; the others come one after the other.
    hole = [1, 4]
    have = [i for i in range(len(seen)) if i not in hole]
    host.drain()
    got = []
    for k in range(1, len(have)):
        blocks = []
        for i in have[1:k + 1]:
            edge = (c.ack + i * size) & MASK
            end = (edge + len(payload(seen[i]))) & MASK
            if blocks and blocks[-1][1] == edge:
                blocks[-1] = (blocks[-1][0], end)
            else:
                blocks.append((edge, end))
        blocks = blocks[::-1][:3]
        flat = tuple(x for b in blocks for x in b)
        c.send('A', ack=c.ack + size, options=[
            ('NOP', None), ('NOP', None), ('SAck', flat)] + more)
        got += [p for p in host.fence(v) if c.mine(p)]
    again = [((p.seq - c.ack) & MASK) // size for p in got if payload(p)]
    assert sorted(set(again)) == hole, again
    assert len(again) == 2, again


@rfc('2018 8: a range that was never sent does no harm')
def test_sack_lies(host, v):
    c, seen = flood(host, v, [MSS, SACK_OK])
    for pair in [(c.ack + 10 ** 6, c.ack + 2 * 10 ** 6), (c.ack + 5, c.ack + 1),
                 (0, MASK), (c.ack - 1000, c.ack + 100000)]:
        c.send('A', options=[('NOP', None), ('NOP', None),
                             ('SAck', tuple(x & MASK for x in pair))])
    host.fence(v)
    c.send('A', ack=c.ack + 14000)
    c.ack = (c.ack + 14000) & MASK
    host.drain()
    c.socket.send(100)
    assert len(payload(c.wait(lambda p: p.seq == c.ack and payload(p)))) == 100
    assert seen


@rfc('9293 3.8.6.1, 7323 2.3: a closed window is asked about, scaled or not')
def test_probe(host, v):
    c = opened(host, v, [MSS, ('NOP', None), ('WScale', 7)], window=0)
    c.send()
    host.drain()
    c.socket.send(3000)
    p = c.wait(lambda p: p.seq == (c.ack - 1) & MASK, seconds=10)
    assert not payload(p) and 'R' not in flags(p)
    c.send('A', window=1)           # 128 bytes
    assert c.wait(lambda p: len(payload(p)) == 128, seconds=10).seq == c.ack
    assert ENDS[v] and socket
