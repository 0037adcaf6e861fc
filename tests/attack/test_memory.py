# SPDX-License-Identifier: Apache-2.0
"""Peers that make the master hold memory: it has 1 GB, and a scheduler and an agent that notice nothing."""
import contextlib
import gzip
import json
import socket
import time

import mesos
import pytest

ACCEPT = b'{"type":"ACCEPT","framework_id":{"value":"x"},"accept":{"operations":['
LISTS = [
    ("/api/v1/scheduler", ACCEPT, b"]}}"),
    ("/api/v1/scheduler", ACCEPT + b'{"type":"LAUNCH","launch":{"task_infos":[', b"]}}]}}"),
    ("/api/v1", b'{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[', b"]}}}"),
]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("path, prefix, suffix", LISTS)
def test_lists_of_empty_objects(attacked, path, prefix, suffix, packed):
    body = prefix + b"{}," * (5 << 20) + b"{}" + suffix
    headers = ["Content-Encoding: gzip"] if packed else []
    request = attacked.request(path, gzip.compress(body, 9) if packed else body, *headers)

    def one(_):
        with attacked.connect() as connection:
            connection.sendall(request)
            assert connection.recv(100).split()[1] in (b"413", b"503")

    with attacked.at_work():
        attacked.attack(32, one)


def test_deep_roles(attacked):
    def one(i):
        info = {"user": "root", "name": "deep", "roles": ["/".join(["a"] * 100_000) + f"/{i}"],
                "capabilities": [{"type": "MULTI_ROLE"}]}
        status, body, _ = mesos.post(*attacked.address, "/api/v1/scheduler",
                                     {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
        assert "role" in body and (status == 400 or "ERROR" in body) and len(body) < 1000, (status, body[:200])

    with attacked.at_work():
        attacked.attack(50, one)


def test_answers_that_nobody_reads(attacked):
    labels = {"labels": [{"key": "k", "value": "v" * (4 << 20)}]}
    large = attacked.framework(name="large", labels=labels, suppressed=["*"])
    with attacked.at_work(), contextlib.ExitStack() as connections:

        def one(_):
            connection = connections.enter_context(attacked.connect(5))
            connection.sendall(b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n" * 16)

        attacked.attack(60, one)
        time.sleep(10)
    large.call("TEARDOWN")


def subscribe_deaf(attacked, connections, i):
    """A framework whose stream is read up to its first event only."""
    framework = mesos.Framework(*attacked.address, name=f"deaf-{i}", subscribe=False)
    connection = connections.enter_context(socket.socket())
    connection.settimeout(60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(attacked.address)
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework.info, "suppressed_roles": ["*"]}}
    connection.sendall(attacked.request("/api/v1/scheduler", json.dumps(call).encode()))
    head = b""
    while b'"framework_id":{"value":"' not in head:
        head += connection.recv(4096)
    framework.id = head.split(b'"framework_id":{"value":"')[1].split(b'"')[0].decode()
    framework.stream_id = head.split(b"Mesos-Stream-Id: ")[1].split(b"\r\n")[0].decode()
    return framework


def test_streams_that_nobody_reads(attacked):
    unknown = [{"task_id": {"value": f"unknown-{i:06d}-" + "x" * 300}} for i in range(20_000)]
    with attacked.at_work(), contextlib.ExitStack() as connections:

        def one(i):
            framework = subscribe_deaf(attacked, connections, i)
            # Once it was cut, its calls are refused.
            with contextlib.suppress(mesos.Refused):
                framework.call("RECONCILE", tasks=unknown)

        attacked.attack(140, one, threads=4)
