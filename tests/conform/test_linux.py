# SPDX-License-Identifier: BSD-2-Clause
"""Linux and the stack on one bus, told the same by routers: both have the same
prefixes, routes and parameters at each step.  Linux has a tap in a namespace of
its own; without the right to make one these are left out."""
import json
import os
import shutil
import subprocess
import time

import pytest

from peer import ICMPv6ND_RS
from test_slaac import R3, Link, prefix
from peer import ICMPv6NDOptMTU, PEER_LL

rfc = pytest.mark.rfc
NET = 'conform%d' % os.getpid()


def run(*args, check=True):
    return subprocess.run(args, check=check, capture_output=True,
                          text=True).stdout


def linux(*args):
    return run('ip', 'netns', 'exec', NET, *args)


class Both(Link):
    """The stack, and Linux."""

    def linux_state(self):
        addrs = {}
        for a in json.loads(linux('ip', '-j', '-6', 'addr', 'show', 'dev',
                                  't0'))[0]['addr_info']:
            if a.get('scope') == 'global':
                addrs[net(a['local'])] = 'deprecated' if a.get('deprecated') \
                    else 'preferred'
        routes, default = set(), False
        for r in json.loads(linux('ip', '-j', '-6', 'route', 'show', 'dev',
                                  't0')):
            if r['dst'] == 'default':
                default |= r.get('expires', 1) > 0
            elif not r['dst'].startswith(('fe80:', 'ff00:')) and \
                    'gateway' not in r and r.get('expires', 1) > 0:
                routes.add(r['dst'])
        mtu = int(linux('cat', '/proc/sys/net/ipv6/conf/t0/mtu'))
        hops = int(linux('cat', '/proc/sys/net/ipv6/conf/t0/hop_limit'))
        return {'addresses': addrs, 'routes': routes, 'default': default,
                'mtu': mtu, 'hops': hops}

    def stack_state(self):
        shown = self.shown()
        addrs = {net(a['addr']): a['state'].replace('tentative', 'preferred')
                 for a in shown['addresses'] if a['family'] == 'inet6' and
                 not a['addr'].startswith('fe80:')}
        routes = self.routes()
        return {'addresses': addrs,
                'routes': {'%s/%d' % k for k, via in routes.items()
                           if via is None and ':' in k[0] and
                           not k[0].startswith(('fe80:', '::'))},
                'default': ('::', 0) in routes,
                'mtu': shown.get('mtu_inet6', shown['mtu'])}

    def same(self, what, seconds=12):
        """Waits until both are in the same state."""
        end = time.monotonic() + seconds
        while True:
            a, b = self.linux_state(), self.stack_state()
            a.pop('hops')
            if a == b:
                return b
            assert time.monotonic() < end, '%s: Linux %s, the stack %s' % (
                what, a, b)
            self.peer.collect(0.1)


def net(a):
    import ipaddress
    return str(ipaddress.ip_network(a + '/64', False).network_address)


@pytest.fixture(scope='module')
def both(tmp_path_factory):
    from conftest import start
    if os.geteuid() != 0 or not os.path.exists('/dev/net/tun') or \
            not shutil.which('ip') or subprocess.run(
                ['ip', 'netns', 'add', NET], check=False,
                capture_output=True).returncode != 0:
        pytest.skip('no namespace with a tap can be made here')
    wires, p = [], None
    try:
        p = start(tmp_path_factory.mktemp('linux'))
        bus = p.path
        wire = os.environ['BUILD'] + '/bin/shmif_wire'
        wires.append(subprocess.Popen(['ip', 'netns', 'exec', NET, wire, bus,
                                       'tap:t0']))
        end = time.monotonic() + 20
        while subprocess.run(['ip', '-n', NET, 'link', 'show', 't0'],
                             check=False, capture_output=True).returncode:
            assert time.monotonic() < end, 'no tap'
            time.sleep(0.1)
        linux('sh', '-c', 'cd /proc/sys/net/ipv6/conf/t0 && echo 2 >accept_ra'
              ' && echo 0 >use_tempaddr && echo 0 >forwarding')
        run('ip', '-n', NET, 'link', 'set', 't0', 'up')
        p.host.call('up')
        p.wait(lambda q: ICMPv6ND_RS in q)
        yield Both(p)
        assert p.host.alive()
    finally:
        for w in wires:
            w.terminate()
            w.wait()
        if p is not None:
            p.close()
        run('ip', 'netns', 'del', NET, check=False)


@rfc('4862 5.5.3, 4861 6.3.4: step by step as Linux')
def test_steps(both):
    def step(what, *options, **k):
        both.say(*options, **k)
        return both.same(what)
    one = step('one prefix', prefix('fd30::'))
    assert one['default'] and one['addresses'] == {'fd30::': 'preferred'}
    step('more', prefix('fd31::'), prefix('fd32::', L=0), prefix('fd33::', A=0))
    step('managed', prefix('fd34::'), M=1, O=1)
    step('preferred above valid', prefix('fd35::', 100, 200))
    step('valid 0', prefix('fd36::', 0, 0))
    step('a long prefix', prefix('fd37::', n=65, A=0))
    step('deprecated', prefix('fd31::', 3600, 0))
    step('preferred again', prefix('fd31::', 3600, 3600))
    step('two hours', prefix('fd31::', 1, 0))
    step('short', prefix('fd38::', 3, 2))
    both.peer.collect(4)
    both.same('short, gone')
    step('not on the link any more', prefix('fd33::', 0, 0, A=0))
    step('MTU', ICMPv6NDOptMTU(mtu=1400))
    step('MTU too small', ICMPv6NDOptMTU(mtu=1000))
    step('MTU too large', ICMPv6NDOptMTU(mtu=9000))
    step('MTU as before', ICMPv6NDOptMTU(mtu=1500))
    step('a second router', src=R3)
    step('the first ends', life=0)
    assert not step('the second, too', src=R3, life=0)['default']
    step('a second only', life=1)
    both.peer.collect(2)
    assert not both.same('and gone')['default']
    both.say(chlim=37)
    both.same('hops')
    assert both.linux_state()['hops'] == 37


@rfc('4861 6.2.5: radvd begins, and says goodbye')
def test_radvd(both, tmp_path):
    if not shutil.which('radvd'):
        pytest.skip('no radvd')
    both.say(life=0)
    conf = tmp_path / 'radvd.conf'
    conf.write_text('interface r0 { AdvSendAdvert on; MinRtrAdvInterval 3; '
                    'MaxRtrAdvInterval 4; prefix fd3a::/64 { }; '
                    'RDNSS fd3a::53 { }; };\n')
    wire = subprocess.Popen(['ip', 'netns', 'exec', NET,
                             os.environ['BUILD'] + '/bin/shmif_wire',
                             both.peer.path, 'tap:r0'])
    radvd = None
    try:
        both.peer.until(lambda: subprocess.run(
            ['ip', '-n', NET, 'link', 'show', 'r0'], check=False,
            capture_output=True).returncode == 0)
        linux('sh', '-c', 'cd /proc/sys/net/ipv6/conf/r0 && echo 0 >accept_ra'
              ' && echo 1 >forwarding')
        run('ip', '-n', NET, 'link', 'set', 'r0', 'up')
        both.peer.until(lambda: 'tentative' not in linux(
            'ip', '-6', 'addr', 'show', 'dev', 'r0') and
            'fe80' in linux('ip', '-6', 'addr', 'show', 'dev', 'r0'))
        radvd = subprocess.Popen(['ip', 'netns', 'exec', NET, 'radvd', '-n',
                                  '-C', str(conf), '-p',
                                  str(tmp_path / 'pid'), '-m', 'stderr'],
                                 stderr=subprocess.DEVNULL)
        both.peer.until(lambda: both.has('fd3a::') and
                        both.stack_state()['default'])
        both.same('radvd')
        assert [d['addr'] for d in both.shown()['nameservers']] == ['fd3a::53']
        radvd.terminate()
        radvd.wait()
        radvd = None
        both.peer.until(lambda: not both.stack_state()['default'])
        both.same('radvd ended')
    finally:
        if radvd is not None:
            radvd.terminate()
            radvd.wait()
        wire.terminate()
        wire.wait()
