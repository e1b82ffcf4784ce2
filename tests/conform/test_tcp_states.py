# SPDX-License-Identifier: BSD-2-Clause
"""TCP: each state against each kind of segment (RFC 9293, 3.10.7; RFC 5961)."""
import pytest

from peer import Connection, acks, flags, payload, show

OPEN = ['open', 'close_wait', 'fin_wait_1', 'fin_wait_2', 'closing',
        'last_ack']
ALL = OPEN + ['time_wait']
TAKES_DATA = ['open', 'fin_wait_1', 'fin_wait_2']

rfc = pytest.mark.rfc


def reach(host, v, state):
    c = Connection(host, v)
    return getattr(c, state)()


def lives(c):
    """Whether the connection is there: it acknowledges what is outside of its
    window, and does not reset it."""
    got = c.ask('A', b'x', seq=c.seq - 100)
    return bool(got) and not any('R' in flags(p) for p in got)


@rfc('9293 3.10.7.4 second, 5961 3.2: a reset at RCV.NXT is obeyed')
@pytest.mark.parametrize('state', ALL)
def test_reset_exact(host, v, state):
    c = reach(host, v, state)
    assert not c.ask('R')
    assert c.gone()


@rfc('5961 3.2: a reset elsewhere in the window gets a challenge ACK')
@pytest.mark.parametrize('state', OPEN)
def test_reset_in_window(host, v, state):
    c = reach(host, v, state)
    got = c.ask('R', seq=c.seq + 100)
    assert acks(got), show(got)
    assert lives(c)


@rfc('9293 3.10.7.4 first: a reset outside of the window is dropped')
@pytest.mark.parametrize('state', ALL)
@pytest.mark.parametrize('where', [-1, -1000, 70000])
def test_reset_outside(host, v, state, where):
    c = reach(host, v, state)
    got = c.ask('R', seq=c.seq + where)
    assert not got, show(got)
    assert lives(c)


@rfc('5961 4.2: a SYN gets a challenge ACK')
@pytest.mark.parametrize('state', OPEN)
@pytest.mark.parametrize('where', [0, 100, -100, 100000])
def test_syn(host, v, state, where):
    c = reach(host, v, state)
    got = c.ask('S', seq=c.seq + where, options=[('MSS', 1460)])
    assert acks(got), show(got)
    assert got[0].ack == c.seq
    assert lives(c)


@rfc('5961 4.2: a SYN with an ACK, too')
@pytest.mark.parametrize('state', OPEN)
def test_syn_ack(host, v, state):
    c = reach(host, v, state)
    got = c.ask('SA', seq=c.seq, options=[('MSS', 1460)])
    assert acks(got), show(got)
    assert lives(c)


@rfc('9293 3.10.7.4 fifth: an ACK of what was never sent is answered')
@pytest.mark.parametrize('state', OPEN)
def test_ack_of_unsent(host, v, state):
    c = reach(host, v, state)
    got = c.ask('A', ack=c.ack + 100000)
    assert acks(got) and got[0].ack == c.seq, show(got)
    assert lives(c)


@rfc('5961 5.2: an ACK older than the largest window is answered, not used')
@pytest.mark.parametrize('state', OPEN)
def test_ack_too_old(host, v, state):
    c = reach(host, v, state)
    got = c.ask('A', ack=c.ack - 200000)
    assert acks(got) and got[0].ack == c.seq, show(got)
    assert lives(c)


@rfc('5961 5.2: data with an ACK that is too old is dropped')
@pytest.mark.parametrize('state', TAKES_DATA)
def test_data_with_old_ack(host, v, state):
    c = reach(host, v, state)
    got = c.ask('PA', b'evil', ack=c.ack - 200000)
    assert all(p.ack == c.seq for p in got), show(got)
    assert c.socket.recv(ms=0)[1] == 'ETIMEDOUT'


@rfc('9293 3.10.7.4 fifth: data with an ACK of what was never sent is dropped')
@pytest.mark.parametrize('state', TAKES_DATA)
def test_data_with_future_ack(host, v, state):
    c = reach(host, v, state)
    got = c.ask('PA', b'evil', ack=c.ack + 100000)
    assert acks(got) and got[0].ack == c.seq, show(got)
    assert c.socket.recv(ms=0)[1] == 'ETIMEDOUT'


@rfc('9293 3.10.7.4 fifth: data without ACK is dropped')
@pytest.mark.parametrize('state', OPEN)
def test_data_without_ack(host, v, state):
    c = reach(host, v, state)
    got = c.ask('P', b'evil', ack=0)
    assert not got, show(got)
    assert lives(c)


@rfc('9293 3.10.7.4: nothing set: dropped')
@pytest.mark.parametrize('state', OPEN)
def test_no_flags(host, v, state):
    c = reach(host, v, state)
    assert not c.ask('', b'', ack=0)
    assert not c.ask('F', b'', ack=0)
    assert lives(c)


@rfc('9293 3.10.7.4 first: what lies before the window is acknowledged')
@pytest.mark.parametrize('state', ALL)
def test_data_before_window(host, v, state):
    c = reach(host, v, state)
    got = c.ask('PA', b'x' * 10, seq=c.seq - 20)
    assert acks(got) and got[0].ack == c.seq, show(got)


@rfc('9293 3.10.7.4 first: what lies behind the window is acknowledged')
@pytest.mark.parametrize('state', ALL)
def test_data_behind_window(host, v, state):
    c = reach(host, v, state)
    got = c.ask('PA', b'x' * 10, seq=c.seq + 100000)
    assert acks(got) and got[0].ack == c.seq, show(got)


@rfc('9293 3.8.4: a keepalive probe is answered')
@pytest.mark.parametrize('state', OPEN)
@pytest.mark.parametrize('data', [b'', b'x'], ids=['empty', 'byte'])
def test_keepalive_probe(host, v, state, data):
    c = reach(host, v, state)
    got = c.ask('A', data, seq=c.seq - 1)
    assert acks(got) and got[0].ack == c.seq, show(got)


@rfc('9293 3.10.7.4 seventh: data in order is taken')
@pytest.mark.parametrize('state', TAKES_DATA)
def test_data(host, v, state):
    c = reach(host, v, state)
    c.send('PA', b'x' * 100)
    assert c.socket.recv()[0] == 100
    got = c.ask('A', seq=c.seq - 1)
    assert got and got[-1].ack == (c.seq + 100) & 0xffffffff


@rfc('9293 3.10.7.4 seventh: data behind the FIN is ignored')
@pytest.mark.parametrize('state', ['close_wait', 'closing', 'last_ack',
                                   'time_wait'])
def test_data_behind_fin(host, v, state):
    c = reach(host, v, state)
    got = c.ask('PA', b'late')
    assert all(p.ack == c.seq and not payload(p) for p in got), show(got)
    assert not any('R' in flags(p) for p in got)


@rfc('9293 3.10.7.4 eighth: the FIN again is acknowledged again')
@pytest.mark.parametrize('state', ['close_wait', 'closing', 'last_ack',
                                   'time_wait'])
def test_fin_again(host, v, state):
    c = reach(host, v, state)
    got = c.ask('FA', seq=c.seq - 1)
    assert got and all(p.ack == c.seq for p in got), show(got)


@rfc('9293 3.10.7.4 eighth: the FIN is acknowledged')
@pytest.mark.parametrize('state', TAKES_DATA)
def test_fin(host, v, state):
    c = reach(host, v, state)
    got = c.ask('FA')
    assert got and got[-1].ack == (c.seq + 1) & 0xffffffff, show(got)


@rfc('9293 3.4: a FIN that comes before its data waits for that')
@pytest.mark.parametrize('state', TAKES_DATA)
def test_fin_out_of_order(host, v, state):
    c = reach(host, v, state)
    got = c.ask('FA', seq=c.seq + 10)
    assert got and got[-1].ack == c.seq, show(got)
    c.send('PA', b'x' * 10)
    assert c.socket.recv()[0] == 10
    if state == 'open':
        c.send('FA', seq=c.seq + 10)
        assert c.socket.recv()[:2] == (0, '-')


@rfc('1122 4.2.2.13: in TIME-WAIT a SYN with a greater number opens')
def test_time_wait_reuse(host, v):
    c = reach(host, v, 'time_wait')
    got = c.ask('S', seq=c.seq + 1000, ack=0, options=[('MSS', 1460)])
    assert len(got) == 1 and flags(got[0]) == 'SA', show(got)
    assert got[0].ack == (c.seq + 1001) & 0xffffffff


@rfc('6191 2, 1122 4.2.2.13: the new number is beyond the old ones')
def test_time_wait_isn(host, v):
    c = reach(host, v, 'time_wait')
    got = c.ask('S', seq=c.seq + 1000, ack=0, options=[('MSS', 1460)])
    assert 0 < ((got[0].seq - c.ack) & 0xffffffff) < 0x80000000


@rfc('9293 3.10.7.4 fourth: in TIME-WAIT a SYN that is older is acknowledged')
def test_time_wait_old_syn(host, v):
    c = reach(host, v, 'time_wait')
    got = c.ask('S', seq=c.seq - 1000, ack=0, options=[('MSS', 1460)])
    assert acks(got) and got[0].ack == c.seq, show(got)


# ---- connections that are being opened ------------------------------------

@rfc('9293 3.10.7.3 first: a wrong ACK is reset from there')
@pytest.mark.parametrize('what', ['A', 'SA'])
@pytest.mark.parametrize('off', [-1, 1, 1000])
def test_syn_sent_wrong_ack(host, v, what, off):
    c = Connection(host, v)
    c.connect_from_host()
    got = c.ask(what, seq=c.isn, ack=c.ack + off)
    rst = [p for p in got if 'R' in flags(p)]
    assert len(rst) == 1 and flags(rst[0]) == 'R', show(got)
    assert rst[0].seq == (c.ack + off) & 0xffffffff
    c.socket.close()


@rfc('9293 3.10.7.3 second: a reset with a good ACK refuses')
def test_syn_sent_reset(host, v):
    c = Connection(host, v)
    c.connect_from_host()
    assert not c.ask('RA', seq=0)
    assert c.socket.get(1, 4)[0] == 111  # SO_ERROR, ECONNREFUSED


@rfc('9293 3.10.7.3 second: a reset without ACK is dropped')
@pytest.mark.parametrize('what', ['R', 'RA'])
def test_syn_sent_reset_wrong(host, v, what):
    c = Connection(host, v)
    c.connect_from_host()
    assert not c.ask(what, seq=0, ack=0)
    got = c.ask('SA', seq=c.isn, options=c.options)
    assert acks(got), show(got)


@rfc('9293 3.10.7.3 fourth: what has neither SYN nor RST is dropped')
@pytest.mark.parametrize('what', ['A', 'PA', 'F', ''])
def test_syn_sent_no_syn(host, v, what):
    c = Connection(host, v)
    c.connect_from_host()
    got = c.ask(what, b'x' if 'P' in what else b'', seq=c.isn)
    assert not got, show(got)
    got = c.ask('SA', seq=c.isn, options=c.options)
    assert acks(got), show(got)


@rfc('9293 3.5, 3.10.7.3 fourth, MUST-10: both open at once')
def test_simultaneous_open(host, v):
    c = Connection(host, v)
    c.connect_from_host()
    got = c.ask('S', seq=c.isn, ack=0, options=c.options)
    assert len(got) == 1 and flags(got[0]) == 'SA', show(got)
    assert got[0].seq == (c.ack - 1) & 0xffffffff
    assert got[0].ack == (c.isn + 1) & 0xffffffff
    c.seq = c.isn + 1
    c.ask('A')
    assert c.socket('poll', '-', 4, 2000)[0] & 4
    assert c.socket.get(1, 4)[0] == 0
    c.send('PA', b'x' * 5)
    assert c.socket.recv()[0] == 5


@rfc('9293 3.5, MUST-10: both open at once, and both answer with SYN-ACK')
def test_simultaneous_open_synack(host, v):
    c = Connection(host, v)
    c.connect_from_host()
    c.ask('S', seq=c.isn, ack=0, options=c.options)
    got = c.ask('SA', seq=c.isn, options=c.options)
    assert not any('R' in flags(p) for p in got), show(got)
    c.seq = c.isn + 1
    c.send('PA', b'x' * 5)
    assert c.socket.recv()[0] == 5


@rfc('9293 3.10.7.4: a SYN-RCVD that is reset goes back to LISTEN')
def test_syn_rcvd_reset(host, v):
    c = Connection(host, v)
    c.syn()
    assert not c.ask('R')
    got = c.ask('A')
    assert [flags(p) for p in got] == ['R'], show(got)


@rfc('5961 3.2: in SYN-RCVD, a reset elsewhere in the window')
def test_syn_rcvd_reset_in_window(host, v):
    c = Connection(host, v)
    c.syn()
    got = c.ask('R', seq=c.seq + 10)
    assert len(got) == 1 and 'R' not in flags(got[0]), show(got)
    c.send()
    c.peer.tcp_listener.accept()


@rfc('9293 3.10.7.4: the same SYN again is answered by the SYN-ACK at once')
def test_syn_rcvd_again(host, v):
    c = Connection(host, v)
    first = c.syn()
    got = c.ask('S', seq=c.isn, ack=0, options=c.options)
    assert len(got) == 1 and flags(got[0]) == 'SA', show(got)
    assert got[0].seq == first.seq and got[0].ack == first.ack


@rfc('9293 3.10.7.4: in SYN-RCVD another SYN is acknowledged')
def test_syn_rcvd_other_syn(host, v):
    c = Connection(host, v)
    c.syn()
    got = c.ask('S', seq=c.isn + 5000, ack=0, options=c.options)
    assert len(got) == 1 and got[0].ack == c.seq, show(got)


@rfc('9293 3.10.7.4 fifth: in SYN-RCVD a wrong ACK is reset from there')
@pytest.mark.parametrize('off', [-1, 1, 1000])
def test_syn_rcvd_wrong_ack(host, v, off):
    c = Connection(host, v)
    c.syn()
    got = c.ask('A', ack=c.ack + off)
    assert [flags(p) for p in got] == ['R'], show(got)
    assert got[0].seq == (c.ack + off) & 0xffffffff


@rfc('9293 3.10.7.4: in SYN-RCVD data comes with the ACK')
def test_syn_rcvd_data(host, v):
    c = Connection(host, v)
    c.syn()
    c.send('PA', b'x' * 30)
    assert c.peer.tcp_listener.accept().recv()[0] == 30


@rfc('9293 3.10.7.4: in SYN-RCVD a FIN comes with the ACK')
def test_syn_rcvd_fin(host, v):
    c = Connection(host, v)
    c.syn()
    got = c.ask('FA')
    assert got and got[-1].ack == (c.seq + 1) & 0xffffffff, show(got)
    assert c.peer.tcp_listener.accept().recv()[:2] == (0, '-')


# ---- no connection ----------------------------------------------------------

CLOSED = [('S', 'RA'), ('A', 'R'), ('PA', 'R'), ('FA', 'R'), ('SA', 'R'),
          ('F', 'RA'), ('', 'RA'), ('R', None), ('RA', None)]


@rfc('9293 3.10.7.1: a reset, but never of a reset')
@pytest.mark.parametrize('what,answer', CLOSED)
def test_closed(host, v, what, answer):
    c = Connection(host, v, dport=99)
    data = b'x' * 5 if 'P' in what else b''
    got = c.ask(what, data, seq=1000, ack=5000)
    assert [flags(p) for p in got] == ([answer] if answer else []), show(got)
    if answer == 'R':
        assert got[0].seq == 5000
    elif answer:
        assert got[0].seq == 0
        assert got[0].ack == 1000 + ('S' in what) + ('F' in what)


LISTEN = [('A', 'R'), ('PA', 'R'), ('FA', 'R'), ('SA', 'R'), ('R', None),
          ('RA', None), ('F', None), ('', None), ('P', None)]


@rfc('9293 3.10.7.2: an ACK is reset, all but a SYN is dropped')
@pytest.mark.parametrize('what,answer', LISTEN)
def test_listen(host, v, what, answer):
    c = Connection(host, v)
    got = c.ask(what, b'x' if 'P' in what else b'', seq=1000, ack=5000)
    assert [flags(p) for p in got] == ([answer] if answer else []), show(got)
    if answer:
        assert got[0].seq == 5000
