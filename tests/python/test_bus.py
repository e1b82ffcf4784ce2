# SPDX-License-Identifier: BSD-2-Clause
"""shmbus.Bus against the library and the tools."""

import asyncio
import errno
import os
import random
import select
import subprocess
import sys
import threading
import time

import pytest

import shmbus
from shmbus._library import built

ALL = b"\xff" * 6
TYPE = b"\x88\xb5"


def frame(payload=b"", to=ALL, sender=b"\x02\0\0\0\0\x01"):
    return to + sender + TYPE + payload


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bus"


@pytest.fixture
def pair(path):
    with shmbus.Bus(path, create=True, name="a") as a:
        with shmbus.Bus(path, name="b") as b:
            yield a, b


class _Raises:
    """A shmbus.Error with this errno, and some words."""

    def __init__(self, number):
        self.number = number

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None, "nothing was raised"
        if not issubclass(kind, shmbus.Error):
            return False
        assert error.errno == self.number, error
        assert error.strerror
        self.text = str(error)
        return True


def test_create(path):
    shmbus.create(path, mtu=9000, slots=64, mode=0o640)
    with shmbus.Bus(path) as bus:
        info = bus.info()
        assert (info.mtu, info.slots, info.frame_max) == (9000, 64, 9018)
        assert info.file_size == path.stat().st_size
        assert abs(info.created_ns / 1e9 - time.time()) < 3600
    assert path.stat().st_mode & 0o777 == 0o640
    with _Raises(errno.EEXIST):
        shmbus.create(path)
    with _Raises(errno.ERANGE):
        shmbus.create(path.with_name("c"), slots=17)
    with _Raises(errno.ERANGE):
        shmbus.create(path.with_name("c"), mtu=-1)
    assert not path.with_name("c").exists()


def test_attach_errors(path):
    with _Raises(errno.ENOENT) as missing:
        shmbus.Bus(path)
    assert str(path) in missing.text
    path.write_bytes(b"x" * 10000)
    with _Raises(errno.EMEDIUMTYPE) as bad:
        shmbus.Bus(path, create=True)
    assert bad.text.count("not a bus") == 1
    assert path.read_bytes() == b"x" * 10000
    with _Raises(errno.ENAMETOOLONG):
        shmbus.Bus(path.with_name("c"), create=True, name="x" * 32)
    with pytest.raises(ValueError):
        shmbus.Bus(path.with_name("c"), create=True, mac="02:00")


def test_frames(pair):
    a, b = pair
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print("seed", seed)
    rng = random.Random(seed)
    sent = [frame(rng.randbytes(rng.randrange(1505))) for _ in range(500)]
    before = time.time()
    for data in sent:
        a.send(data)
    got = [b.recv(0) for _ in sent]
    assert [f.data for f in got] == sent
    assert {f.sender for f in got} == {a.index}
    positions = [f.position for f in got]
    assert positions == sorted(set(positions))
    assert all(abs(f.time - before) < 3600 for f in got)
    assert bytes(got[0]) == sent[0]
    assert b.recv(0) is None and a.recv(0) is None
    stats = a.stats(), b.stats()
    assert stats[0].tx_frames == stats[1].rx_frames == 500
    assert stats[0].tx_bytes == sum(map(len, sent)) == stats[1].rx_bytes


def test_batch(pair):
    a, b = pair
    sent = [frame(i.to_bytes(4, "big")) for i in range(1000)]
    assert a.send_batch(sent) == 1000
    assert a.send_batch([]) == 0
    got = b.recv_batch(600)
    assert len(got) == 600
    got += b.recv_batch(600)
    assert [f.data for f in got] == sent
    assert b.recv_batch(5, 0) == [] and b.recv_batch(0) == []


def test_send_errors(pair, path):
    a, b = pair
    for data in (b"", b"x" * 13, b"x" * 1519):
        with _Raises(errno.EMSGSIZE):
            a.send(data)
        with _Raises(errno.EMSGSIZE):
            a.send_batch([frame(), data])
    a.send(b"x" * 1518)
    with shmbus.Bus(path, read_only=True) as c:
        assert c.index == -1
        with _Raises(errno.EACCES):
            c.send(frame())
    with pytest.raises(TypeError):
        a.send(None)


def test_unicast(pair, path):
    a, b = pair
    with shmbus.Bus(path, promisc=True) as c:
        a.send(frame(to=bytes.fromhex(b.mac.replace(":", ""))))
        assert b.recv(0) is not None and c.recv(0) is not None
        b.mac = "02:00:00:00:00:77"
        assert b.mac == "02:00:00:00:00:77"
        a.send(frame(to=b"\x02\0\0\0\0\x78"))
        assert b.recv(0) is None and c.recv(0) is not None
        c.set_promisc(False)
        a.send(frame(to=b"\x02\0\0\0\0\x77"))
        assert b.recv(0) is not None and c.recv(0) is None
    with _Raises(errno.EINVAL):
        a.mac = "ff:ff:ff:ff:ff:ff"


def test_oldest(pair, path):
    a, _ = pair
    a.send(frame(b"before"))
    with shmbus.Bus(path, oldest=True, read_only=True) as c:
        assert c.recv(0).data == frame(b"before")
    with shmbus.Bus(path) as c:
        assert c.recv(0) is None


def test_wait(pair):
    a, b = pair
    assert b.wait(0) in (True, False) and b.recv(0.05) is None
    timer = threading.Timer(0.2, a.send, [frame(b"late")])
    timer.start()
    assert b.recv().data == frame(b"late")
    timer.join()
    timer = threading.Timer(0.2, b.wake)
    timer.start()
    with _Raises(errno.ECANCELED):
        b.recv()
    timer.join()
    a.send(frame(b"1"))
    a.send(frame(b"2"))
    b.wake()
    assert [f.data for f in b] == [frame(b"1"), frame(b"2")]


def test_fileno(pair):
    a, b = pair

    def readable(timeout=0):
        return select.select([b], [], [], timeout)[0] == [b]

    assert not readable()
    for round in range(50):
        n = round % 7 + 1
        for i in range(n):
            a.send(frame(bytes([i])))
        assert readable(60)
        for i in range(n):
            # Readable until nothing is left.
            assert readable()
            assert b.recv(0).data == frame(bytes([i]))
        assert b.recv(0) is None
        assert not readable()
    timer = threading.Timer(0.2, a.send, [frame(b"late")])
    timer.start()
    assert b.recv(60).data == frame(b"late")
    timer.join()
    assert b.recv(0.05) is None


def test_asyncio(pair):
    a, b = pair

    async def talk():
        async def echo():
            async for got in b:
                b.send(frame(got.data[14:] + b"!"))
                if got.data.endswith(b"end"):
                    return

        task = asyncio.create_task(echo())
        for text in (b"one", b"two", b"end"):
            a.send(frame(text))
            got = await asyncio.wait_for(a.arecv(), 60)
            assert got.data == frame(text + b"!")
        await task

    asyncio.run(talk())


def test_peers(pair, path):
    a, b = pair
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import shmbus, time\n"
            "b = shmbus.Bus(sys.argv[2], name='child')\n"
            "print(b.index, flush=True); time.sleep(1000)",
            os.path.dirname(os.path.dirname(shmbus.__file__)),
            path,
        ],
        stdout=subprocess.PIPE,
    )
    try:
        number = int(child.stdout.readline())
        peers = {peer.index: peer for peer in a.peers()}
        assert {p.name for p in peers.values()} == {"a", "b", "child"}
        assert peers[number].pid == child.pid and peers[number].alive
        assert peers[a.index].mac == a.mac
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert [p.alive for p in a.peers() if p.index == number] in ([False], [])


def test_fork(pair):
    a, _ = pair
    pid = os.fork()
    if pid == 0:
        try:
            a.send(frame())
            os._exit(1)
        except shmbus.Error as error:
            os._exit(0 if error.errno == errno.EOWNERDEAD else 2)
    assert os.waitpid(pid, 0)[1] == 0


def test_file(pair, path):
    a, _ = pair
    a.check()
    path.rename(path.with_name("old"))
    with _Raises(errno.ENOENT):
        a.check()
    shmbus.create(path)
    with _Raises(errno.ESTALE):
        a.check()


def test_closed(path):
    bus = shmbus.Bus(path, create=True)
    assert "attachment 0" in repr(bus)
    bus.close()
    bus.close()
    assert "closed" in repr(bus)
    for call in (bus.recv, bus.stats, bus.fileno, bus.__enter__):
        with pytest.raises(ValueError):
            call()


def test_truncated(path):
    """With guard() a cut file is an error, in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import shmbus, os, errno\n"
            "shmbus.guard()\n"
            "b = shmbus.Bus(sys.argv[2], create=True)\n"
            "os.truncate(sys.argv[2], 4096)\n"
            "try:\n"
            "    for i in range(3000): b.send(bytes(60))\n"
            "except shmbus.Error as e: print(errno.errorcode[e.errno])",
            os.path.dirname(os.path.dirname(shmbus.__file__)),
            path,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "ENODATA\n")


def test_dumpbus_agrees(pair, path, tmp_path):
    a, _ = pair
    for i in range(10):
        a.send(frame(bytes([i])))
    out = subprocess.run(
        [built("bin", "shmif_dumpbus"), path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(out.stdout.splitlines()) == 10
