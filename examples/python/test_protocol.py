# SPDX-License-Identifier: BSD-2-Clause
"""A CI test of a protocol: what TCP says, byte by byte and between hosts.

    python3 -m pytest -p shmbus.pytest_plugin examples/python/test_protocol.py

A test that fails leaves bus.pcapng, and the report says where.
"""
import pytest
from scapy.all import ARP, ICMP, IP, TCP, Ether
from shmbus.scapy import BusSocket

HOST, ME, MAC = "10.0.0.1", "10.0.0.9", "02:00:00:00:00:09"


@pytest.fixture
def peer(lab):
    """A raw peer that HOST can reach, and HOST's hardware address."""
    host = lab.host(f"{HOST}/24")
    with BusSocket(lab.path / "bus", mac=MAC) as s:
        mac = host.interfaces()["shmif0"]["mac"]
        s.send(Ether(dst=mac, src=MAC) / ARP(
            op="is-at", hwsrc=MAC, psrc=ME, hwdst=mac, pdst=HOST))
        yield s, Ether(dst=mac, src=MAC) / IP(src=ME, dst=HOST)


def test_closed_port(peer):
    s, to_host = peer
    s.send(to_host / TCP(sport=1000, dport=9, flags="S", seq=77))
    answer = s.sniff(count=1, timeout=60, lfilter=lambda p: TCP in p)[0][TCP]
    assert answer.flags == "RA" and answer.ack == 78 and answer.seq == 0


@pytest.mark.parametrize("size", [0, 1, 56, 1472])
def test_echo(peer, size):
    s, to_host = peer
    s.send(to_host / ICMP(id=1, seq=size) / bytes(size))
    echo = s.sniff(count=1, timeout=60, lfilter=lambda p: ICMP in p)[0]
    assert echo[ICMP].type == 0 and len(echo[ICMP].payload) == size


def test_two_hosts(lab):
    a, b = lab.host("10.0.0.1/24"), lab.host("10.0.0.2/24")
    assert a.ping("10.0.0.2", count=3, interval_ms=10).received == 3
    b.kill()
    assert a.ping("10.0.0.2", count=1, timeout_ms=100).received == 0
