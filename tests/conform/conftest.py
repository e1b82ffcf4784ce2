# SPDX-License-Identifier: BSD-2-Clause
"""What the checks share: the stack under test, the RFC that each of them names,
and the table of those that are known to fail."""
import os

import pytest

import peer as peers

HERE = os.path.dirname(__file__)
KNOWN = {}
SEEN = []


def pytest_configure(config):
    config.addinivalue_line('markers', 'rfc(section): what is checked')
    config.addinivalue_line('markers', 'sample: make check runs it, too')
    with open(os.path.join(HERE, 'known'), encoding='utf-8') as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                name, why = line.split(None, 1)
                KNOWN[name] = why.strip()


def pytest_collection_modifyitems(items):
    for item in items:
        assert item.get_closest_marker('rfc'), item.nodeid + ' names no RFC'
        name = os.path.basename(item.nodeid)
        if name in KNOWN:
            item.add_marker(pytest.mark.xfail(reason=KNOWN[name],
                                              strict=True))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == 'call' or report.failed:
        text = ''
        if call.excinfo is not None:
            text = str(call.excinfo.value).split('\n', maxsplit=1)[0]
        SEEN.append((os.path.basename(item.nodeid),
                     item.get_closest_marker('rfc').args[0],
                     report.outcome, text))


def pytest_terminal_summary(terminalreporter):
    bad = [x for x in SEEN if x[2] != 'passed']
    terminalreporter.section('%d checks, %d of them fail' %
                             (len(SEEN), len(bad)))
    for name, rfc, outcome, text in bad:
        terminalreporter.write_line('%-8s %s [RFC %s] %s' % (
            'known' if outcome == 'skipped' else 'FAILED', name, rfc,
            text[:200]))


def start(folder, *args):
    return peers.Peer(str(folder / 'bus'), *args)


@pytest.fixture(scope='session')
def static(tmp_path_factory):
    """A host with addresses that were given to it."""
    p = start(tmp_path_factory.mktemp('static'), 'static')
    try:
        p.own = [e.peer for e in peers.ENDS.values()] + [peers.PEER_LL]
        p.host.call('add', peers.ENDS[4].host + '/24')
        p.host.call('add', peers.ENDS[6].host + '/64')
        p.host.call('up')
        # It is announced when nobody else was found to have it.
        p.wait(lambda q: peers.ARP in q and q.src == peers.HOST_MAC and
               q[peers.ARP].psrc == q[peers.ARP].pdst)
        p.tcp_listener = p.listener()
        p.udp_socket = p.host.socket(peers.socket.AF_INET6,
                                     peers.socket.SOCK_DGRAM)
        p.udp_socket.bind(7)
        for v in 4, 6, 'link':  # duplicates are looked for
            answered(p, v)
        yield p
        assert p.host.alive(), 'the host has died'
    finally:
        p.close()


def answered(p, v):
    """Waits until the host answers at its address."""
    for _ in range(20):
        try:
            p.fence(v, seconds=1)
            return
        except AssertionError:
            pass
    raise AssertionError('the host is not there')


@pytest.fixture
def host(static):
    """The same, with nothing on its way."""
    static.drain()
    static.own = [e.peer for e in peers.ENDS.values()] + [peers.PEER_LL]
    static.macs = {}
    return static


@pytest.fixture(params=[4, 6], ids=['v4', 'v6'])
def v(request):
    return request.param


@pytest.fixture
def fresh(tmp_path):
    """Makes hosts of their own."""
    made = []

    def make(*args):
        made.append(start(tmp_path, *args))
        return made[-1]
    yield make
    for p in made:
        alive = p.host.alive()
        p.close()
        assert alive, 'the host has died'
