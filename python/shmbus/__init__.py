# SPDX-License-Identifier: BSD-2-Clause
"""An Ethernet bus in a memory-mapped file, from Python.

    import shmbus

    with shmbus.Bus("bus.file", create=True) as bus:
        bus.send(frame)                 # bytes, Ethernet header first, no FCS
        for frame in bus:               # what the others send
            print(frame.sender, frame.data.hex())

It is shmbus.h in Python's manner: an error is an exception (shmbus.Error, an
OSError), a time is a float of seconds, a frame is bytes.

Threads: as in shmbus.h one thread may send while another one receives; of each
side only one at a time.  wake(), stats(), peers(), info() are free for all.
The lock of the interpreter is not held while a call waits.  After fork() the
child has no part in the parent's attachments (errno.EOWNERDEAD).

The module of scapy's sockets is shmbus.scapy, that of whole networks of stacks
shmbus.server, and shmbus.pytest_plugin has fixtures for tests.
"""

import asyncio
import errno
import os
import select
import time
from collections import deque
from ctypes import (
    byref,
    c_char_p,
    c_int,
    c_uint,
    c_void_p,
    cast,
    create_string_buffer,
    string_at,
)
from typing import Iterable, List, NamedTuple, Optional, Union

from . import _library
from ._library import lib as _lib

__all__ = [
    "Bus",
    "Error",
    "Frame",
    "Info",
    "Peer",
    "Stats",
    "create",
    "guard",
]

# What is waited for at a stretch: Ctrl-C is looked for between two of them.
_STRETCH_NS = 200_000_000
_BATCH = 64
_BATCH_BYTES = 1 << 20


class Error(OSError):
    """What libshmbus refused, with its errno.

    Beside those of the system: EMEDIUMTYPE (the file is not a bus),
    EPROTONOSUPPORT (a bus of another version), ENODATA (it was truncated),
    EUCLEAN (it is damaged), ERANGE (geometry), ESTALE (the path is another file
    by now), EUSERS (256 are attached), ETIMEDOUT (this sender was given up on),
    EOWNERDEAD (the attachment is the parent's).
    """


class Frame(NamedTuple):
    """A frame as it was received."""

    data: bytes
    """Its bytes: Ethernet header first, without FCS."""
    sender: int
    """The attachment number of who sent it."""
    time_ns: int
    """When it was sent: nanoseconds of CLOCK_REALTIME."""
    position: int
    """Its place in the order of the bus; frames of a batch may share it."""

    @property
    def time(self) -> float:
        """When it was sent, in seconds since 1970."""
        return self.time_ns / 1e9

    def __bytes__(self) -> bytes:
        return self.data


class Stats(NamedTuple):
    """Counters of an attachment, as struct shmbus_stats.  All only grow."""

    tx_frames: int
    tx_bytes: int
    tx_failed: int
    rx_frames: int
    rx_bytes: int
    rx_skipped: int
    rx_lost: int
    rx_bad: int
    gave_up: int
    wakeups: int
    rung: int


class Peer(NamedTuple):
    """An attachment as others see it.  Its owner wrote it: do not trust it."""

    index: int
    alive: bool
    promisc: bool
    pid: int
    mac: str
    name: str
    since_ns: int
    stats: Stats


class Info(NamedTuple):
    """What a bus is like."""

    mtu: int
    slots: int
    mode: int
    frame_max: int
    """The longest frame, in bytes: mtu + 18."""
    version: int
    file_size: int
    created_ns: int
    id: int
    tail: int
    """Positions that were handed out so far."""


def _raise(error: int, path=None, why: bool = False):
    text = _lib.shmbus_strerror(error).decode()
    if why:
        more = _lib.shmbus_why().decode(errors="replace")
        if more:
            text = more if text in more else f"{text}: {more}"
    if path is None:
        raise Error(error, text)
    raise Error(error, text, os.fspath(path))


def _check(error: int):
    if error != 0:
        _raise(error)


def _mac_text(mac) -> str:
    return ":".join(f"{byte:02x}" for byte in mac)


def _mac_bytes(mac: Union[str, bytes]):
    if isinstance(mac, str):
        parts = mac.replace("-", ":").split(":")
        if len(parts) != 6 or not all(1 <= len(part) <= 2 for part in parts):
            raise ValueError(f"{mac}: not a hardware address")
        mac = bytes(int(part, 16) for part in parts)
    if len(mac) != 6:
        raise ValueError("a hardware address has 6 bytes")
    return _library.MAC(*mac)


def _stats(st) -> Stats:
    return Stats(*(getattr(st, name) for name in Stats._fields))


def _geometry(mtu: int, slots: int, mode: int):
    for name, value in (("mtu", mtu), ("slots", slots), ("mode", mode)):
        if not 0 <= value < 1 << 32:
            raise Error(errno.ERANGE, f"{name} {value}: out of range")
    return _library.Geometry(mtu, slots, mode)


def create(path, *, mtu: int = 0, slots: int = 0, mode: int = 0) -> None:
    """Makes the bus file PATH; all of its space is allocated now.

    0 is the default each time: an MTU of 1500 bytes, 2048 slots (a power of
    two), mode 0600.  FileExistsError's errno if there is a file.
    """
    geometry = _geometry(mtu, slots, mode)
    error = _lib.shmbus_create(os.fsencode(path), byref(geometry))
    if error != 0:
        _raise(error, path, why=True)


def guard() -> None:
    """Turns SIGBUS from a bus that somebody truncated into ENODATA.

    Installs a handler of signals: call it once, in the main program.
    """
    _check(_lib.shmbus_guard())


class Bus:
    """An attachment to the bus file PATH.

    create      make the file where there is none; mtu, slots and mode are for
                that (0: the defaults of create())
    read_only   capture: read permission is enough, nothing can be sent, and
                nobody sees it
    promisc     receive unicast for others, too
    oldest      begin with the oldest frame in the ring, not with the next one
    mac         "02:00:00:00:00:01" or 6 bytes; a random one without
    name        what others see in peers(); at most 31 bytes
    spin_us     how long a wait spins before it sleeps; 0: the library's
                default, negative: not at all

    close() detaches; so does the end of a with block.
    """

    def __init__(
        self,
        path,
        *,
        create: bool = False,
        mtu: int = 0,
        slots: int = 0,
        mode: int = 0,
        read_only: bool = False,
        promisc: bool = False,
        oldest: bool = False,
        mac: Union[str, bytes, None] = None,
        name: Optional[str] = None,
        spin_us: int = 0,
    ):
        self._bus = None
        self.path = os.fspath(path)
        options = _library.Options()
        options.geometry = _geometry(mtu, slots, mode)
        options.flags = (
            (_library.CREATE if create else 0)
            | (_library.RDONLY if read_only else 0)
            | (_library.PROMISC if promisc else 0)
            | (_library.OLDEST if oldest else 0)
        )
        if mac is not None:
            options.mac = _mac_bytes(mac)
        if name is not None:
            encoded = name.encode()
            if len(encoded) >= _library.NAME_MAX:
                raise Error(errno.ENAMETOOLONG, f"{name}: too long a name")
            options.name = encoded
        options.spin_us = spin_us
        bus = c_void_p()
        error = _lib.shmbus_attach(
            os.fsencode(path), byref(options), byref(bus)
        )
        if error != 0:
            _raise(error, path, why=True)
        self._bus = bus
        self._fd = -1
        self._ready = deque()
        self._make_room()

    def _make_room(self):
        """Buffers for a batch of frames."""
        size = self._size = self.info().frame_max
        n = max(1, min(_BATCH, _BATCH_BYTES // size))
        self._space = create_string_buffer(size * n)
        base = cast(self._space, c_void_p).value
        self._rx = (_library.Rx * n)()
        self._at = [base + i * size for i in range(n)]
        for i in range(n):
            self._rx[i].buf = self._at[i]
            self._rx[i].size = size
        self._got = c_uint()

    # ---- life ------------------------------------------------------------

    def _handle(self):
        if self._bus is None:
            raise ValueError(f"{self.path}: this Bus is closed")
        return self._bus

    def close(self) -> None:
        """Detaches.  No other call may be running, nor come after."""
        bus, self._bus = self._bus, None
        if bus is not None:
            _lib.shmbus_detach(bus)

    def __enter__(self) -> "Bus":
        self._handle()
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __del__(self):
        if getattr(self, "_bus", None) is not None:
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self._bus is None else f"attachment {self.index}"
        return f"<shmbus.Bus {self.path!r} {state}>"

    # ---- send ------------------------------------------------------------

    def send(self, frame) -> None:
        """Sends one frame: bytes, or whatever bytes() takes (a scapy packet).

        Never waits.  Errors: EMSGSIZE (shorter than 14 bytes, or longer than
        info().frame_max), ETIMEDOUT (given up on; it may be sent again),
        ENOBUFS, EACCES (read only), ENODATA.
        """
        data = bytes(frame)
        _check(_lib.shmbus_send(self._handle(), data, len(data)))

    def send_batch(self, frames: Iterable) -> int:
        """Sends FRAMES, in their order; returns how many were published.

        Several times as fast as one by one.  An error is raised only after all
        have been tried; a length that EMSGSIZE refuses sends nothing.
        """
        data = [bytes(frame) for frame in frames]
        if not data:
            return 0
        vector = (_library.Iovec * len(data))()
        for i, piece in enumerate(data):
            vector[i].base = cast(c_char_p(piece), c_void_p)
            vector[i].len = len(piece)
        sent = c_uint()
        _check(
            _lib.shmbus_send_batch(
                self._handle(), vector, len(data), byref(sent)
            )
        )
        return sent.value

    # ---- receive ---------------------------------------------------------

    def _fill(self) -> bool:
        """Takes a batch from the ring; whether there was something."""
        bus = self._handle()
        for last in (False, True):
            error = _lib.shmbus_recv_batch(
                bus, self._rx, len(self._rx), byref(self._got)
            )
            if error == 0:
                break
            if error != errno.EAGAIN:
                _raise(error)
            if last or self._fd == -1:
                return False
            # The doorbell is set again, then the ring is looked at once more.
            _lib.shmbus_fd_done(bus)
        for i in range(self._got.value):
            frame = self._rx[i].frame
            self._ready.append(
                Frame(
                    string_at(self._at[i], min(frame.len, self._size)),
                    frame.sender,
                    frame.time_ns,
                    frame.position,
                )
            )
        return True

    def recv(self, timeout: Optional[float] = None) -> Optional[Frame]:
        """The next frame, or None when none came within TIMEOUT seconds.

        TIMEOUT None waits for ever, 0 not at all.  Own frames, and unicast for
        others unless promiscuous, are passed over.  Raises Error with ECANCELED
        when wake() was called.
        """
        if not self._ready and not self._fill():
            deadline = None if timeout is None else time.monotonic() + timeout
            while True:
                left = (
                    None if deadline is None else deadline - time.monotonic()
                )
                if left is not None and left <= 0:
                    return None
                self.wait(left)
                if self._fill():
                    break
        return self._ready.popleft()

    def recv_batch(
        self, n: int = 64, timeout: Optional[float] = None
    ) -> List[Frame]:
        """At most N frames: waits for the first as recv() does.

        An empty list when none came within TIMEOUT seconds.
        """
        frames = []
        first = self.recv(timeout) if n > 0 else None
        if first is None:
            return frames
        frames.append(first)
        while len(frames) < n and (self._ready or self._fill()):
            frames.append(self._ready.popleft())
        return frames

    def __iter__(self):
        """Frames for ever; wake() ends it."""
        while True:
            try:
                frame = self.recv()
            except Error as error:
                if error.errno == errno.ECANCELED:
                    return
                raise
            yield frame

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until there may be a frame; False when TIMEOUT seconds passed.

        Error with ECANCELED when wake() was called.
        """
        if self._ready:
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _STRETCH_NS
            if deadline is not None:
                ns = int((deadline - time.monotonic()) * 1e9)
                left = max(0, min(left, ns))
            error = self._wait_ns(left)
            if error == 0:
                return True
            if error != errno.ETIMEDOUT:
                _raise(error)
            if deadline is not None and time.monotonic() >= deadline:
                return False

    def _wait_ns(self, ns: int) -> int:
        if self._fd == -1:
            return _lib.shmbus_wait(self._handle(), ns)
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return 0 if poll.poll(ns / 1e6) else errno.ETIMEDOUT

    def wake(self) -> None:
        """Ends the present, or else the next, wait(), recv() or iteration.

        May be called by any thread.
        """
        _lib.shmbus_wake(self._handle())

    def fileno(self) -> int:
        """A descriptor that is readable when a frame may be there.

        For select, poll and event loops.  Receive with recv(0) until it returns
        None, else the descriptor stays readable.
        """
        if self._fd == -1:
            fd = c_int()
            _check(_lib.shmbus_fd(self._handle(), byref(fd)))
            self._fd = fd.value
            # Until then it is readable; see shmbus(3).
            _lib.shmbus_fd_done(self._handle())
        return self._fd

    async def arecv(self) -> Frame:
        """The next frame, in a coroutine of asyncio."""
        loop = asyncio.get_running_loop()
        fd = self.fileno()
        while not self._ready and not self._fill():
            future = loop.create_future()
            loop.add_reader(fd, lambda: future.done() or future.set_result(0))
            try:
                await future
            finally:
                loop.remove_reader(fd)
        return self._ready.popleft()

    async def __aiter__(self):
        while True:
            yield await self.arecv()

    # ---- any -------------------------------------------------------------

    @property
    def index(self) -> int:
        """The number of this attachment; -1 if it is read only."""
        return _lib.shmbus_index(self._handle())

    @property
    def mac(self) -> str:
        """The hardware address; may be set."""
        mac = _library.MAC()
        _lib.shmbus_mac(self._handle(), byref(mac))
        return _mac_text(mac)

    @mac.setter
    def mac(self, mac: Union[str, bytes]) -> None:
        _check(_lib.shmbus_set_mac(self._handle(), byref(_mac_bytes(mac))))

    def set_promisc(self, on: bool) -> None:
        """Whether unicast for others is received."""
        _check(_lib.shmbus_set_promisc(self._handle(), bool(on)))

    def stats(self) -> Stats:
        """The counters of this attachment."""
        st = _library.Stats()
        _lib.shmbus_stats(self._handle(), byref(st))
        return _stats(st)

    def info(self) -> Info:
        """Geometry, age and identity of the bus."""
        info = _library.Info()
        _lib.shmbus_info(self._handle(), byref(info))
        geometry = info.geometry
        return Info(
            geometry.mtu,
            geometry.slots,
            geometry.mode,
            info.frame_max,
            info.version,
            info.file_size,
            info.created_ns,
            info.id,
            info.tail,
        )

    def peers(self) -> List[Peer]:
        """Who is attached, this attachment included."""
        found = (_library.Peer * _library.ATTACH_MAX)()
        count = c_uint()
        _check(
            _lib.shmbus_list(
                self._handle(), found, len(found), byref(count)
            )
        )
        return [
            Peer(
                peer.index,
                bool(peer.alive),
                bool(peer.promisc),
                peer.pid,
                _mac_text(peer.mac),
                peer.name.decode("ascii", "replace"),
                peer.since_ns,
                _stats(peer.stats),
            )
            for peer in found[: min(count.value, len(found))]
        ]

    def check(self) -> None:
        """Raises what became of the file: ENODATA, ESTALE, ENOENT."""
        _check(_lib.shmbus_check(self._handle()))
