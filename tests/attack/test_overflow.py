# SPDX-License-Identifier: Apache-2.0
"""Agents that are none claim as much as they can, so that sums overflow: the master goes on serving."""
import gzip
import json
import pathlib
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import mesos  # noqa: E402
from programs import Pair  # noqa: E402

MOST = 1e12  # The largest amount that is accepted.


class Fakes:
    """Links of agents that nobody runs, to the master of a pair."""

    def __init__(self, pair):
        self.pair = pair
        self.links = []

    def join(self, *resources):
        """The first event that the master sends an agent with these resources, as text."""
        port = 6000 + len(self.links)
        subscribe = {"info": {"hostname": f"h{port}", "port": port, "resources": resources}, "version": "1.11.0"}
        body = gzip.compress(json.dumps({"calls": [{"type": "SUBSCRIBE", "subscribe": subscribe}]}).encode())
        lines = ["POST /api/v1/agent HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Accept: application/json",
                 "Content-Encoding: gzip", f"Content-Length: {len(body)}"]
        link = socket.create_connection((self.pair.host, self.pair.port), 10)
        self.links.append(link)
        link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        received = b""
        while b'"type":' not in received:
            data = link.recv(65536)
            assert data, received
            received += data
        return received.decode(errors="replace")

    def close(self):
        for link in self.links:
            link.close()


@pytest.fixture
def pair(tmp_path):
    made = Pair(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def fakes(pair):
    made = Fakes(pair)
    yield made
    made.close()


def test_sums_of_amounts(pair, fakes):
    honest = pair.agent_ids()
    framework = pair.framework()
    for _ in range(2):
        event = fakes.join(*[mesos.scalar("cpus", MOST)] * 9300, mesos.scalar("mem", 100))
        assert '"ERROR"' in event and "The amounts of 'cpus' add up to more than" in event, event
    for _ in range(50):
        assert '"SUBSCRIBED"' in fakes.join(mesos.scalar("cpus", MOST), mesos.scalar("mem", MOST))
    pair.wait_for_metric("slaves_active", 51)
    pair.wait_for_metric("cpus_total", 50 * MOST + 4)

    offer = framework.offer(cpus=1, where=lambda offer: offer["agent_id"]["value"] in honest)
    task = mesos.command_task("true")
    framework.launch(offer, task)
    assert framework.run_to_end(task["task_id"]["value"])[-1]["state"] == "TASK_FINISHED"
    assert pair.master.process.poll() is None


def test_names_of_resources(pair, fakes):
    names = [mesos.scalar(f"name-{i}", 1) for i in range(129)]
    event = fakes.join(*names)
    assert '"ERROR"' in event and "more than 128 names" in event, event
    assert '"SUBSCRIBED"' in fakes.join(*names[1:])
    assert len(pair.agent_ids()) == 2
