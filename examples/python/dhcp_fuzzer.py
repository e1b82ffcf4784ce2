#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dhcp_fuzzer.py [SECONDS [SEED]] - lies to a DHCP client, and sees it live

A stack asks for a lease on a bus of its own, and gets answers with bytes that
are wrong.  It has to go on answering its control socket, and has to take a
lease in the end from a server that tells the truth.  The seed repeats a run.
"""
import random
import sys
import tempfile
import time

from scapy.all import BOOTP, DHCP, IP, UDP, Ether
from shmbus.server import Lab

SERVER, OFFERED = "10.0.0.1", "10.0.0.55"


def answer(request, mac):
    """The right answer to REQUEST, a DISCOVER or a REQUEST; or None."""
    kind = dict(o for o in request[DHCP].options if len(o) == 2)
    reply = {1: "offer", 3: "ack"}.get(kind.get("message-type"))
    if reply is None:
        return None
    return (
        Ether(dst="ff:ff:ff:ff:ff:ff", src=mac)
        / IP(src=SERVER, dst="255.255.255.255")
        / UDP(sport=67, dport=68)
        / BOOTP(op=2, xid=request[BOOTP].xid, yiaddr=OFFERED, siaddr=SERVER,
                chaddr=request[BOOTP].chaddr)
        / DHCP(options=[("message-type", reply), ("server_id", SERVER),
                        ("lease_time", 600), ("subnet_mask", "255.255.255.0"),
                        "end"]))


def spoil(packet, rng):
    """PACKET with some bytes of its DHCP part wrong, or an end too early."""
    data = bytearray(bytes(packet))
    begin = len(data) - len(packet[BOOTP])
    for _ in range(rng.randrange(1, 8)):
        data[rng.randrange(begin, len(data))] = rng.randrange(256)
    if rng.random() < 0.3:
        del data[rng.randrange(begin, len(data)):]
    fixed = Ether(bytes(data))  # with checksums and lengths that are right
    for layer in (IP, UDP):
        del fixed[layer].len, fixed[layer].chksum
    return bytes(fixed)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    rng = random.Random(seed)
    print("seed", seed)
    with tempfile.TemporaryDirectory() as folder, Lab(folder) as lab:
        bus, host, lies = lab.bus(promisc=True), lab.host(), 0
        host.do({"op": "dhcp", "if": "shmif0", "on": True})
        end = time.monotonic() + seconds
        while True:
            frame = bus.recv(1)
            p = Ether(frame.data) if frame else None
            if p is not None and DHCP in p:
                right = answer(p, bus.mac)
                lying = time.monotonic() < end
                for _ in range(20 if right and lying else 0):
                    bus.send(spoil(right, rng))
                    lies += 1
                if right and not lying:
                    bus.send(right)
            have = host.interfaces()["shmif0"]["addresses"]
            if any(a["addr"] == OFFERED for a in have) and \
                    time.monotonic() > end:
                break
        print(f"{lies} lies, and a lease in the end")


main()
