# SPDX-License-Identifier: BSD-2-Clause
"""A raw attachment to a bus, on libshmbus by ctypes."""
import ctypes
import os
import time

LIB = os.path.join(os.environ['BUILD'], 'lib')
SOLE_FLAGS = 1 | 4  # create the file; promiscuous
MOST = 70000


class Geometry(ctypes.Structure):
    _fields_ = [('mtu', ctypes.c_uint32), ('slots', ctypes.c_uint32),
                ('mode', ctypes.c_uint32)]


class Options(ctypes.Structure):
    _fields_ = [('geometry', Geometry), ('flags', ctypes.c_uint),
                ('mac', ctypes.c_uint8 * 6), ('name', ctypes.c_char * 32),
                ('spin_us', ctypes.c_int32)]


class Frame(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('len', ctypes.c_uint32),
                ('sender', ctypes.c_uint32), ('time_ns', ctypes.c_uint64),
                ('position', ctypes.c_uint64)]


class Bus:
    """An attachment that hears everything."""

    def __init__(self, path, mac):
        lib = self.lib = ctypes.CDLL(os.path.join(LIB, 'libshmbus.so.1'))
        lib.shmbus_wait.argtypes = [ctypes.c_void_p, ctypes.c_int64]
        lib.shmbus_send.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                    ctypes.c_size_t]
        lib.shmbus_recv.argtypes = [ctypes.c_void_p, ctypes.c_void_p,
                                    ctypes.c_size_t, ctypes.POINTER(Frame)]
        lib.shmbus_detach.argtypes = [ctypes.c_void_p]
        opt = Options(flags=SOLE_FLAGS, name=b'raw')
        for i, x in enumerate(mac.split(':')):
            opt.mac[i] = int(x, 16)
        self.bus = ctypes.c_void_p()
        self.check(lib.shmbus_attach(path.encode(), ctypes.byref(opt),
                                     ctypes.byref(self.bus)), path)
        self.buf = ctypes.create_string_buffer(MOST)

    @staticmethod
    def check(err, what):
        if err:
            raise OSError(err, what)

    def send(self, data):
        self.check(self.lib.shmbus_send(self.bus, data, len(data)), 'send')

    def recv(self, timeout):
        """The next frame and when it was sent, in seconds; or None."""
        end = time.monotonic() + timeout
        frame = Frame()
        while self.lib.shmbus_recv(self.bus, self.buf, MOST,
                                   ctypes.byref(frame)) != 0:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.lib.shmbus_wait(self.bus, int(left * 1e9))
        return self.buf.raw[:frame.len], frame.time_ns / 1e9

    def close(self):
        self.lib.shmbus_detach(self.bus)
