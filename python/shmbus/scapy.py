# SPDX-License-Identifier: BSD-2-Clause
"""scapy on a bus.

    from scapy.all import ARP, Ether, sniff, srp1, sendp
    from shmbus.scapy import BusSocket, interface

    with BusSocket("bus.file") as s:
        answer = s.sr1(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1"))

    bus = interface("bus.file")
    srp1(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1"), iface=bus)
    sniff(iface=bus, filter="icmp", count=3)

A BusSocket is scapy's SuperSocket: sr(), sr1(), sniff() and am() are its
methods, and functions of scapy take it as socket= or opened_socket=.  What is
told by interface() works where they take an iface= on layer 2: srp(), srp1(),
sendp(), sniff(), srploop(), AsyncSniffer, AnsweringMachine.
"""

from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_long
from ctypes import c_uint32, c_void_p
import os
import time

from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.interfaces import InterfaceProvider, NetworkInterface
from scapy.layers.l2 import Ether
from scapy.supersocket import SuperSocket

from . import Bus

__all__ = ["BusSocket", "interface"]

_DLT_EN10MB = 1
_SNAPLEN = 1 << 17


class _Program(Structure):
    _fields_ = [("len", c_uint32), ("insns", c_void_p)]


class _Header(Structure):
    _fields_ = [
        ("sec", c_long),
        ("usec", c_long),
        ("caplen", c_uint32),
        ("len", c_uint32),
    ]


class _Filter:
    """An expression of pcap-filter(7), by libpcap, done by this process."""

    def __init__(self, text: str):
        self._program = None
        try:
            pcap = self._pcap = CDLL("libpcap.so.0.8")
        except OSError as error:
            raise Scapy_Exception(f"a filter needs libpcap: {error}")
        pcap.pcap_open_dead.restype = c_void_p
        pcap.pcap_open_dead.argtypes = [c_int, c_int]
        pcap.pcap_compile.argtypes = [
            c_void_p,
            POINTER(_Program),
            c_char_p,
            c_int,
            c_uint32,
        ]
        pcap.pcap_geterr.restype = c_char_p
        pcap.pcap_geterr.argtypes = [c_void_p]
        pcap.pcap_close.argtypes = [c_void_p]
        pcap.pcap_freecode.argtypes = [POINTER(_Program)]
        pcap.pcap_offline_filter.argtypes = [
            POINTER(_Program),
            POINTER(_Header),
            c_char_p,
        ]
        program = _Program()
        handle = pcap.pcap_open_dead(_DLT_EN10MB, _SNAPLEN)
        if not handle:
            raise Scapy_Exception("a filter: no memory")
        failed = pcap.pcap_compile(
            handle, byref(program), text.encode(), 1, 0xFFFFFFFF
        )
        why = pcap.pcap_geterr(handle).decode() if failed else ""
        pcap.pcap_close(handle)
        if failed:
            raise Scapy_Exception(f"filter {text!r}: {why}")
        self._program = program

    def __call__(self, data: bytes) -> bool:
        header = _Header(0, 0, len(data), len(data))
        return bool(
            self._pcap.pcap_offline_filter(
                byref(self._program), byref(header), data
            )
        )

    def __del__(self):
        if self._program is not None:
            self._pcap.pcap_freecode(byref(self._program))


class BusSocket(SuperSocket):
    """A socket of scapy on BUS: a path, what interface() returned, or a Bus.

    promisc   see unicast for others, too (scapy's conf.sniff_promisc without)
    filter    an expression of pcap-filter(7)
    others    as for shmbus.Bus, if BUS is none: mac, name, create, oldest, ...

    A Bus that was given stays open when the socket is closed.
    """

    desc = "an Ethernet bus in a file"

    def __init__(
        self,
        bus=None,
        *,
        iface=None,
        promisc=None,
        filter=None,
        type=None,
        nofilter=0,
        monitor=None,
        **options,
    ):
        self.closed = True
        self.promisc = conf.sniff_promisc if promisc is None else promisc
        if bus is None:
            bus = iface
        if isinstance(bus, _Interface):
            options = {**bus.options, **options}
            bus = bus.path
        self.iface = str(getattr(bus, "path", bus))
        self._filter = _Filter(filter) if filter and not nofilter else None
        self._mine = not isinstance(bus, Bus)
        if self._mine:
            options.setdefault("name", "scapy")
            bus = Bus(bus, promisc=bool(self.promisc), **options)
        self.bus = bus
        self.ins = self.outs = bus
        self.closed = False
        bus.fileno()

    def send(self, x):
        """Sends the packet X, which begins with Ether; returns its length."""
        data = bytes(x)
        try:
            x.sent_time = time.time()
        except AttributeError:
            pass
        self.bus.send(data)
        return len(data)

    def recv_raw(self, x=0xFFFF):
        """(Ether, bytes, when it was sent); Nones if nothing is there."""
        while True:
            frame = self.bus.recv(0)
            if frame is None:
                return None, None, None
            if self._filter is None or self._filter(frame.data):
                return Ether, frame.data[:x], frame.time

    def fileno(self):
        return self.bus.fileno()

    def close(self):
        if not self.closed:
            self.closed = True
            if self._mine:
                self.bus.close()


class _Provider(InterfaceProvider):
    name = "shmbus"

    def load(self):
        return {}

    def l2socket(self):
        return BusSocket

    def l2listen(self):
        return BusSocket

    def l3socket(self):
        raise Scapy_Exception("a bus has sockets of layer 2 only: srp, sendp")

    def _is_valid(self, dev):
        return True


class _Interface(NetworkInterface):
    """A bus as scapy's functions take an interface."""

    def __init__(self, path, options):
        super().__init__(
            _Provider(),
            {
                "name": path,
                "description": f"bus {path}",
                "network_name": path,
                "mac": options.get("mac"),
            },
        )
        self.path = path
        self.options = options


def interface(path, **options) -> NetworkInterface:
    """The bus file PATH as an iface= of scapy's functions of layer 2.

    Each of them attaches to the bus while it runs.  OPTIONS are those of
    shmbus.Bus.
    """
    return _Interface(os.path.abspath(path), options)
