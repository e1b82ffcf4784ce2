#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ping_responder.py BUS ADDRESS - answers ARP and ping for ADDRESS on BUS"""
import sys

from scapy.all import ARP, ICMP, IP, Ether
from shmbus.scapy import BusSocket

with BusSocket(sys.argv[1], create=True, name="responder") as s:
    me, mac = sys.argv[2], s.bus.mac
    print(f"{me} is at {mac}", flush=True)
    for frame in s.bus:
        p = Ether(frame.data)
        eth = Ether(dst=p.src, src=mac)
        if ARP in p and p[ARP].op == 1 and p[ARP].pdst == me:
            s.send(eth / ARP(op="is-at", hwsrc=mac, psrc=me,
                             hwdst=p.src, pdst=p[ARP].psrc))
        elif ICMP in p and p[ICMP].type == 8 and p[IP].dst == me:
            s.send(eth / IP(src=me, dst=p[IP].src) / ICMP(
                type=0, id=p[ICMP].id, seq=p[ICMP].seq) / p[ICMP].payload)
