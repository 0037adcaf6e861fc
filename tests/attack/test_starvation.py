# SPDX-License-Identifier: Apache-2.0
"""Peers that make the master work: others are served in time."""
import contextlib
import gzip
import threading
import time

import mesos
import pytest

SECONDS = 15
BOMB = gzip.compress(b'{"x":"' + b" " * (63 << 20) + b'"}')
LIST = gzip.compress(b'{"type":"ACCEPT","accept":{"operations":[' + b"{}," * (1 << 20) + b"{}]}}", 9)


def percentile(values, part):
    return sorted(values)[int(len(values) * part)]


@pytest.mark.parametrize("connections", [24, 500])
@pytest.mark.parametrize("body", [BOMB, LIST], ids=["spaces", "objects"])
def test_packed_bodies(attacked, body, connections):
    request = attacked.request("/api/v1/scheduler", body, "Content-Encoding: gzip")
    end = time.monotonic() + SECONDS

    def flood():
        while time.monotonic() < end:
            with contextlib.suppress(OSError), attacked.connect() as connection:
                connection.sendall(request * 16)
                while time.monotonic() < end and connection.recv(65536):
                    pass

    latencies = []
    with attacked.at_work():
        threads = [threading.Thread(target=flood, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            begun = time.monotonic()
            mesos.get(*attacked.address, "/health")
            latencies.append(time.monotonic() - begun)
            time.sleep(0.05)
    assert percentile(latencies, 0.5) < 0.2 and max(latencies) < 3, sorted(latencies)[-5:]
    assert len(attacked.waits) > 2 and max(attacked.waits) < 10, attacked.waits
