# SPDX-License-Identifier: BSD-2-Clause
"""shmbus.scapy: scapy's functions against a stack on the bus."""

import pytest

scapy = pytest.importorskip("scapy.all")

from scapy.all import (  # noqa: E402
    ARP,
    ICMP,
    IP,
    AsyncSniffer,
    Ether,
    Raw,
    conf,
    sendp,
    sniff,
    srp,
    srp1,
)
from scapy.ansmachine import AnsweringMachine  # noqa: E402
from scapy.error import Scapy_Exception  # noqa: E402
from shmbus.scapy import BusSocket, interface  # noqa: E402

conf.verb = 0
ALL = "ff:ff:ff:ff:ff:ff"
ME = "02:00:00:00:00:99"


@pytest.fixture
def host(lab):
    return lab.host("10.0.0.1/24", mac="02:00:00:00:00:01")


@pytest.fixture
def path(lab):
    return lab.path / "bus"


def ask():
    return Ether(dst=ALL, src=ME) / ARP(
        hwsrc=ME, psrc="10.0.0.9", pdst="10.0.0.1"
    )


def test_socket(host, path):
    with BusSocket(path, mac=ME) as s:
        answer = s.sr1(ask(), timeout=60)
        assert answer[ARP].hwsrc == "02:00:00:00:00:01"
        s.send(Ether(dst=answer.src, src=ME) / IP(
            src="10.0.0.9", dst="10.0.0.1") / ICMP(id=7) / b"hello")
        echo = s.sniff(count=1, timeout=60, lfilter=lambda p: ICMP in p)[0]
        assert echo[ICMP].type == 0 and echo[Raw].load == b"hello"
        assert echo.time > 1e9
    assert s.closed


def test_interface(host, path):
    bus = interface(path, mac=ME)
    assert srp1(ask(), iface=bus, timeout=60)[ARP].psrc == "10.0.0.1"
    answered, unanswered = srp(ask(), iface=bus, timeout=60)
    assert len(answered) == 1 and len(unanswered) == 0


def test_sniff(lab, path):
    with lab.bus() as b:
        started = []
        sniffer = AsyncSniffer(
            iface=interface(path),
            filter="arp or icmp",
            count=2,
            timeout=60,
            started_callback=lambda: started.append(1),
        )
        sniffer.start()
        while not started:
            pass
        sendp([Ether(dst=ALL) / (b"not this" * 8), ask(),
               Ether(dst=ALL) / IP() / ICMP()], iface=interface(path))
        sniffer.join()
        assert [ARP in p for p in sniffer.results] == [True, False]
        assert len(b.recv_batch(5)) == 3
    with pytest.raises(Scapy_Exception, match="foo bar"):
        BusSocket(path, filter="foo bar")


def test_given(lab, path):
    bus = lab.bus(promisc=True)
    with BusSocket(bus) as s:
        sendp(Ether(dst="02:00:00:00:00:55") / b"x" * 20,
              iface=interface(path))
        assert len(sniff(opened_socket=s, count=1, timeout=60)) == 1
    assert bus.index >= 0


def test_answering_machine(host, path):
    class Who(AnsweringMachine):
        send_function = staticmethod(sendp)

        def is_request(self, req):
            return ARP in req and req[ARP].op == 1 and \
                req[ARP].pdst == "10.0.0.9"

        def make_reply(self, req):
            return Ether(dst=req.src, src=ME) / ARP(
                op=2, hwsrc=ME, psrc="10.0.0.9",
                hwdst=req[ARP].hwsrc, pdst=req[ARP].psrc)

        def print_reply(self, req, reply):
            pass

    class Echo(Who):
        def is_request(self, req):
            return ICMP in req and req[ICMP].type == 8

        def make_reply(self, req):
            reply = req.copy()
            reply.src, reply.dst = req.dst, req.src
            reply[IP].src, reply[IP].dst = req[IP].dst, req[IP].src
            reply[ICMP].type = 0
            del reply[ICMP].chksum
            del reply[IP].chksum
            return reply

    sockets = [BusSocket(path, mac=ME, promisc=True) for _ in range(2)]
    sniffers = [
        s.am(cls, verbose=0).bg() for s, cls in zip(sockets, (Who, Echo))
    ]
    ping = host.ping("10.0.0.9", count=3, interval_ms=50, timeout_ms=60000)
    assert ping.received == 3
    for s, sniffer in zip(sockets, sniffers):
        sniffer.stop()
        s.close()
