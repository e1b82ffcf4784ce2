# SPDX-License-Identifier: BSD-2-Clause
"""Stacks on a bus: started, configured and asked from Python.

    from shmbus.server import Lab

    with Lab("/tmp/lab") as lab:            # a folder for its buses
        a = lab.host("10.0.0.1/24", "fd00::1/64")
        b = lab.host("10.0.0.2/24")
        assert a.ping("10.0.0.2").received == 4
        a.run(["curl", "http://10.0.0.2/"])  # by mstack
        lab.capture("out.pcapng")

A Stack is a process of shmif_server; Control is a connection to its control
socket, shmif_ctl(5).  A Lab is a folder of buses with stacks, all of which end
with it.  Errors are ServerError, an OSError; so is a tool that is missing.

Threads: each object belongs to one thread at a time.
"""

import errno
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Union

from . import Bus
from ._library import built

__all__ = ["Control", "Lab", "Ping", "ServerError", "Stack"]

_HEADER = struct.Struct("<4sHHI")
_MAGIC = b"shmc"
_VERSION = 1
_REPLY_MAX = 4 << 20


class ServerError(OSError):
    """What a server refused: its errno, and its words in strerror."""


class Ping(NamedTuple):
    """What a ping came to; the times in seconds, None if none came back."""

    sent: int
    received: int
    duplicates: int
    min: Optional[float]
    avg: Optional[float]
    max: Optional[float]


def _tool(name: str) -> str:
    path = built("bin", name)
    found = path if os.sep in path else shutil.which(name)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "not installed", name)
    return found


class Control:
    """A connection to the control socket PATH ("/run/a.sock", "unix://...")."""

    def __init__(self, path, timeout: Optional[float] = 60):
        path = os.fspath(path)
        if path.startswith("unix://"):
            path = path[len("unix://") :]
        self.path = path
        self._id = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _read(self, n: int) -> bytes:
        data = bytearray()
        while len(data) < n:
            piece = self._socket.recv(n - len(data))
            if not piece:
                raise ServerError(errno.ECONNRESET, "the server hung up")
            data += piece
        return bytes(data)

    def _reply(self) -> dict:
        magic, version, _, length = _HEADER.unpack(self._read(_HEADER.size))
        if magic != _MAGIC or version != _VERSION or length > _REPLY_MAX:
            raise ServerError(errno.EPROTO, "no server of shmif is there")
        reply = json.loads(self._read(length))
        if not isinstance(reply, dict):
            raise ServerError(errno.EPROTO, "the reply is no object")
        if not reply.get("ok"):
            error = reply.get("error") or {}
            number = getattr(errno, str(error.get("errno")), errno.EPROTO)
            raise ServerError(number, str(error.get("text")))
        return reply

    def request(self, *operations: dict) -> List[dict]:
        """Does OPERATIONS, all or none; returns the result of each.

        Of a ping the last reply: see ping().
        """
        self._id += 1
        text = json.dumps({"id": self._id, "do": operations}).encode()
        self._socket.sendall(
            _HEADER.pack(_MAGIC, _VERSION, 0, len(text)) + text
        )
        while True:
            reply = self._reply()
            if not reply.get("more"):
                return reply["results"]

    def ping(self, host: str, count: int = 4, **members) -> Ping:
        """Has the stack send echo requests to the address HOST.

        MEMBERS are those of shmif_ctl(5): if_, interval_ms (1000), size (56),
        timeout_ms (1000).
        """
        operation = {"op": "ping", "host": host, "count": count}
        for name, value in members.items():
            operation[name.rstrip("_")] = value
        # It says nothing meanwhile if nothing comes back.
        before = self._socket.gettimeout()
        if before is not None:
            waits = members.get("timeout_ms", 1000)
            waits += count * members.get("interval_ms", 1000)
            self._socket.settimeout(before + waits / 1000)
        try:
            result = self.request(operation)[0]
        finally:
            self._socket.settimeout(before)
        return Ping(
            result["sent"],
            result["received"],
            result["duplicates"],
            *(
                result[name] / 1e6 if name in result else None
                for name in ("min_us", "avg_us", "max_us")
            ),
        )


class Stack:
    """A TCP/IP stack that is a process of its own, a shmif_server.

    stack     "lwipv6" or "lwip"
    forward   forward between its interfaces
    log       where its standard error goes: None (nowhere), or what Popen takes

    Its control socket is .socket, for shmifctl -s and mstack.  close() ends it.
    """

    def __init__(self, stack: str = "lwipv6", *, forward=False, log=None):
        self._process = None
        self._folder = tempfile.mkdtemp(prefix="shmif-")
        self.socket = os.path.join(self._folder, "s")
        words = [_tool("shmif_server"), "-t", stack]
        if forward:
            words.append("-f")
        try:
            self._process = subprocess.Popen(
                [*words, "unix://" + self.socket],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if log is None else log,
            )
            self.control = self._connect()
        except BaseException:
            self.kill()
            raise

    def _connect(self) -> Control:
        while True:
            try:
                return Control(self.socket)
            except (FileNotFoundError, ConnectionRefusedError):
                status = self._process.poll()
                if status is not None:
                    raise ServerError(
                        errno.ECHILD, f"shmif_server ended: status {status}"
                    ) from None
                time.sleep(0.005)

    @property
    def pid(self) -> int:
        return self._process.pid

    def do(self, *operations: dict) -> List[dict]:
        """Operations of shmif_ctl(5), all or none: a result for each."""
        return self.control.request(*operations)

    def attach(self, path, *addresses: str, mtu: int = 0, mac=None) -> str:
        """Makes an interface on the bus PATH, up, with ADDRESSES ("a/prefix").

        The bus is created if need be.  Returns the interface's name.
        """
        create = {"op": "create", "if": "shmif", "path": os.path.abspath(path)}
        if mtu:
            create["mtu"] = mtu
        if mac:
            create["mac"] = mac
        results = self.do(
            create,
            *({"op": "addr_add", "if": "$", "addr": a} for a in addresses),
            {"op": "up", "if": "$"},
        )
        return results[0]["if"]

    def route(self, destination: str, via: str) -> None:
        """A route: "default", "default6" or "10.1.0.0/16", by a gateway."""
        self.do({"op": "route_add", "dst": destination, "via": via})

    def interfaces(self) -> Dict[str, dict]:
        """What shmifctl -j shows, by names."""
        shown = self.do({"op": "show"})[0]["interfaces"]
        return {interface["name"]: interface for interface in shown}

    def ping(self, host: str, count: int = 4, **members) -> Ping:
        """See Control.ping()."""
        return self.control.ping(host, count, **members)

    def popen(self, command: Sequence[str], **options) -> subprocess.Popen:
        """Starts COMMAND with the sockets of this stack: mstack(1)."""
        return subprocess.Popen(
            [_tool("mstack"), self.socket, *command], **options
        )

    def run(self, command: Sequence[str], **options):
        """subprocess.run() of COMMAND with the sockets of this stack."""
        options.setdefault("check", True)
        return subprocess.run(
            [_tool("mstack"), self.socket, *command], **options
        )

    def _clean(self) -> None:
        control = getattr(self, "control", None)
        if control is not None:
            control.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Ends it in good order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._clean()

    def kill(self) -> None:
        """Ends it as kill -9 does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._clean()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *exception) -> None:
        self.close()


class Lab:
    """Buses in the folder PATH, and stacks on them; all end with it.

    The folder is made if need be, and stays.
    """

    def __init__(self, path, *, stack: str = "lwipv6"):
        self.path = Path(path).absolute()
        self.path.mkdir(parents=True, exist_ok=True)
        self.stack = stack
        self._ends: List[Union[Stack, Bus]] = []

    def bus(self, name: str = "bus", **options) -> Bus:
        """An attachment to the bus NAME: options as shmbus.Bus has them.

        The bus is made if need be.
        """
        options.setdefault("create", not options.get("read_only", False))
        bus = Bus(self.path / name, **options)
        self._ends.append(bus)
        return bus

    def host(
        self,
        *addresses: str,
        bus: str = "bus",
        gateway: Optional[str] = None,
        stack: Optional[str] = None,
        forward: bool = False,
        mtu: int = 0,
        mac: Optional[str] = None,
    ) -> Stack:
        """A stack with an interface on the bus NAME, up, with ADDRESSES.

        GATEWAY is its default router.  More interfaces: Stack.attach().
        """
        host = Stack(stack or self.stack, forward=forward)
        self._ends.append(host)
        host.attach(self.path / bus, *addresses, mtu=mtu, mac=mac)
        if gateway is not None:
            host.route("default6" if ":" in gateway else "default", gateway)
        return host

    def buses(self) -> List[str]:
        """The names of the buses that there are."""
        found = []
        for path in sorted(self.path.iterdir()):
            try:
                Bus(path, read_only=True).close()
            except OSError:
                continue
            found.append(path.name)
        return found

    def capture(self, out, bus: str = "bus") -> Path:
        """Writes the frames that the bus remembers to the capture file OUT.

        A name that ends in ".pcapng" is written in that format, any other as
        pcap.  Also after all stacks have gone: post mortem.
        """
        out = Path(out)
        words = [_tool("shmif_dumpbus"), str(self.path / bus), "-w", str(out)]
        if out.suffix == ".pcapng":
            words.append("--pcapng")
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise ServerError(errno.EIO, done.stderr.strip())
        return out

    def close(self) -> None:
        while self._ends:
            self._ends.pop().close()

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *exception) -> None:
        self.close()
