# SPDX-License-Identifier: BSD-2-Clause
"""libshmbus as ctypes sees it.  shmbus.h describes all of this."""

import os
from ctypes import (
    CDLL,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path

MAC = c_uint8 * 6
NAME_MAX = 32
ATTACH_MAX = 256
FRAME_MIN = 14

CREATE = 1 << 0
RDONLY = 1 << 1
PROMISC = 1 << 2
OLDEST = 1 << 3


class Geometry(Structure):
    _fields_ = [("mtu", c_uint32), ("slots", c_uint32), ("mode", c_uint32)]


class Options(Structure):
    _fields_ = [
        ("geometry", Geometry),
        ("flags", c_uint),
        ("mac", MAC),
        ("name", c_char * NAME_MAX),
        ("spin_us", c_int32),
    ]


class Frame(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("len", c_uint32),
        ("sender", c_uint32),
        ("time_ns", c_uint64),
        ("position", c_uint64),
    ]


class Rx(Structure):
    _fields_ = [("buf", c_void_p), ("size", c_uint32), ("frame", Frame)]


class Stats(Structure):
    _fields_ = [
        (name, c_uint64)
        for name in (
            "tx_frames",
            "tx_bytes",
            "tx_failed",
            "rx_frames",
            "rx_bytes",
            "rx_skipped",
            "rx_lost",
            "rx_bad",
            "gave_up",
            "wakeups",
            "rung",
        )
    ]


class Peer(Structure):
    _fields_ = [
        ("index", c_uint32),
        ("alive", c_int),
        ("promisc", c_int),
        ("pid", c_int32),
        ("mac", MAC),
        ("name", c_char * NAME_MAX),
        ("since_ns", c_uint64),
        ("stats", Stats),
    ]


class Info(Structure):
    _fields_ = [
        ("geometry", Geometry),
        ("frame_max", c_uint32),
        ("version", c_uint32),
        ("file_size", c_uint64),
        ("created_ns", c_uint64),
        ("id", c_uint64),
        ("tail", c_uint64),
    ]


class Iovec(Structure):
    _fields_ = [("base", c_void_p), ("len", c_size_t)]


_FUNCTIONS = {
    "shmbus_create": (c_int, [c_char_p, POINTER(Geometry)]),
    "shmbus_attach": (c_int, [c_char_p, POINTER(Options), POINTER(c_void_p)]),
    "shmbus_detach": (None, [c_void_p]),
    "shmbus_send": (c_int, [c_void_p, c_char_p, c_size_t]),
    "shmbus_send_batch": (
        c_int,
        [c_void_p, POINTER(Iovec), c_uint, POINTER(c_uint)],
    ),
    "shmbus_recv_batch": (
        c_int,
        [c_void_p, POINTER(Rx), c_uint, POINTER(c_uint)],
    ),
    "shmbus_wait": (c_int, [c_void_p, c_int64]),
    "shmbus_wake": (None, [c_void_p]),
    "shmbus_fd": (c_int, [c_void_p, POINTER(c_int)]),
    "shmbus_fd_done": (None, [c_void_p]),
    "shmbus_index": (c_int, [c_void_p]),
    "shmbus_mac": (None, [c_void_p, POINTER(MAC)]),
    "shmbus_set_mac": (c_int, [c_void_p, POINTER(MAC)]),
    "shmbus_set_promisc": (c_int, [c_void_p, c_int]),
    "shmbus_stats": (None, [c_void_p, POINTER(Stats)]),
    "shmbus_info": (None, [c_void_p, POINTER(Info)]),
    "shmbus_list": (c_int, [c_void_p, POINTER(Peer), c_uint, POINTER(c_uint)]),
    "shmbus_check": (c_int, [c_void_p]),
    "shmbus_guard": (c_int, []),
    "shmbus_strerror": (c_char_p, [c_int]),
    "shmbus_why": (c_char_p, []),
}


def tree():
    """The source tree that this module lies in, or None if it is installed."""
    top = Path(__file__).resolve().parents[2]
    return top if (top / "shmbus" / "shmbus.h").is_file() else None


def built(kind, name):
    """NAME in the tree's build/KIND, or NAME itself to be looked for."""
    top = tree()
    if top is not None:
        path = Path(os.environ.get("BUILD") or top / "build") / kind / name
        if path.is_file():
            return str(path)
    return name


def _load():
    lib = CDLL(
        os.environ.get("SHMBUS_LIBRARY") or built("lib", "libshmbus.so.1")
    )
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


lib = _load()

