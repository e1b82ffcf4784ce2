# SPDX-License-Identifier: BSD-2-Clause
"""shmbus.server and the fixtures of shmbus.pytest_plugin."""

import errno
import os
import subprocess
import sys

import pytest

import shmbus
from shmbus.server import Control, Lab, ServerError, Stack, _tool


def test_ping(lab):
    a = lab.host("10.0.0.1/24", "fd00::1/64")
    b = lab.host("10.0.0.2/24", "fd00::2/64")
    for host in ("10.0.0.2", "fd00::2"):
        ping = a.ping(host, count=3, interval_ms=20, timeout_ms=60000)
        assert (ping.sent, ping.received) == (3, 3)
        assert 0 < ping.min <= ping.avg <= ping.max < 60
    assert b.interfaces()["shmif0"]["addresses"][0]["addr"] == "10.0.0.2"
    nobody = a.ping("10.0.0.77", count=1, timeout_ms=10)
    assert nobody.received == 0 and nobody.min is None


def test_routed(lab):
    a = lab.host("10.1.0.2/24", bus="one", gateway="10.1.0.1")
    b = lab.host("10.2.0.2/24", bus="two")
    b.route("default", "10.2.0.1")
    router = lab.host("10.1.0.1/24", bus="one", forward=True)
    assert router.attach(lab.path / "two", "10.2.0.1/24") == "shmif1"
    assert a.ping("10.2.0.2", count=1, timeout_ms=60000).received == 1
    assert lab.buses() == ["one", "two"]


def test_errors(lab):
    a = lab.host("10.0.0.1/24")
    with pytest.raises(ServerError) as error:
        a.do({"op": "up", "if": "shmif9"})
    assert error.value.errno == errno.ENXIO and "shmif9" in str(error.value)
    with pytest.raises(ServerError):
        a.do({"op": "nonsense"})
    assert a.ping("10.0.0.1", count=1).received == 1
    # All or none.
    with pytest.raises(ServerError):
        a.attach(lab.path / "x", "10.3.0.1/24", "not an address")
    assert set(a.interfaces()) == {"lo0", "shmif0"}
    with pytest.raises(OSError):
        Control(lab.path / "nobody")
    with pytest.raises(ServerError):
        Stack("no-such-stack")


def test_end(lab):
    a = lab.host("10.0.0.1/24")
    b = lab.host("10.0.0.2/24")
    folder = os.path.dirname(b.socket)
    b.kill()
    assert not os.path.exists(folder)
    with Control("unix://" + a.socket) as control:
        assert control.request({"op": "hello"})[0]["pid"] == a.pid
    a.close()
    a.close()
    with lab.bus(promisc=True) as bus:
        assert not any(p.name == "shmif0" and p.alive for p in bus.peers())


def test_capture(lab):
    a = lab.host("10.0.0.1/24")
    b = lab.host("10.0.0.2/24")
    a.ping("10.0.0.2", count=2, interval_ms=10, timeout_ms=60000)
    b.kill()
    data = lab.capture(lab.path / "out.pcap").read_bytes()
    assert data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    assert len(data) > 24 + 4 * (16 + 42)
    assert lab.capture(lab.path / "o.pcapng").read_bytes()[:4] == \
        b"\x0a\x0d\x0d\x0a"
    with pytest.raises(ServerError):
        lab.capture(lab.path / "o", "nobody")


def test_run(lab):
    try:
        _tool("mstack")
    except FileNotFoundError:
        pytest.skip("mstack was not built")
    a = lab.host("10.0.0.1/24")
    b = lab.host("10.0.0.2/24")
    say = (
        "import socket; s = socket.create_server(('', 80));"
        "print('ready', flush=True); c = s.accept()[0];"
        "c.sendall(b'hello'); c.close()"
    )
    hear = (
        "import socket; s = socket.create_connection(('10.0.0.2', 80));"
        "print(s.recv(100).decode())"
    )
    with b.popen([sys.executable, "-c", say],
                 stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        got = a.run([sys.executable, "-c", hear],
                    capture_output=True, text=True)
    assert got.stdout == "hello\n"


def test_failure_leaves_frames(pytester):
    pytester.makeconftest(
        "import sys; sys.path.insert(0, %r)\n"
        "pytest_plugins = ['shmbus.pytest_plugin']\n"
        % os.path.dirname(os.path.dirname(shmbus.__file__))
    )
    pytester.makepyfile(
        """
        def test_bad(lab):
            a = lab.host("10.0.0.1/24")
            b = lab.host("10.0.0.2/24", bus="bus")
            lab.bus("other")
            a.ping("10.0.0.2", count=1, timeout_ms=60000)
            assert 0

        def test_good(lab):
            lab.host("10.0.0.1/24")
        """
    )
    result = pytester.runpytest_subprocess("--basetemp=t")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*captured frames*", "*/bus.pcapng"])
    found = sorted(
        p.name for p in pytester.path.glob("t/**/*.pcapng") if not
        p.is_symlink() and "current" not in str(p)
    )
    assert found == ["bus.pcapng", "other.pcapng"]


def test_lab_stays(tmp_path):
    with Lab(tmp_path / "l") as lab:
        lab.bus("b").send(b"\xff" * 60)
        assert lab.buses() == ["b"]
    assert (tmp_path / "l" / "b").exists()
