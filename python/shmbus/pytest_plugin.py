# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures for pytest: whole networks of processes, without root.

In conftest.py:

    pytest_plugins = ["shmbus.pytest_plugin"]

and in a test:

    def test_ping(lab):
        a = lab.host("10.0.0.1/24")
        b = lab.host("10.0.0.2/24")
        assert a.ping("10.0.0.2", count=1).received == 1

lab is a shmbus.server.Lab in a folder of the test's own.  When the test fails
the last frames of each of its buses are left there as NAME.pcapng, and the
report tells where.  A test with the mark "stack" says which stack it is for:
@pytest.mark.stack("lwip").
"""

import pytest

from .server import Lab

_FAILED = pytest.StashKey[bool]()


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "stack(name): the stack of the hosts of a lab"
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.stash[_FAILED] = report.failed
        if report.failed and isinstance(item.funcargs.get("lab"), Lab):
            lab = item.funcargs["lab"]
            for text in _captures(lab):
                report.sections.append(("captured frames", text))


def _captures(lab):
    for name in lab.buses():
        try:
            yield str(lab.capture(lab.path / f"{name}.pcapng", name))
        except OSError as error:
            yield f"{name}: {error}"


@pytest.fixture
def lab(request, tmp_path):
    """A Lab; see the module."""
    mark = request.node.get_closest_marker("stack")
    with Lab(tmp_path / "lab", stack=mark.args[0] if mark else "lwipv6") as it:
        yield it
