# SPDX-License-Identifier: Apache-2.0
"""The server under bad input: each case is answered or cut, and the process goes on (reference 1.1)."""
import gzip
import json
import re
import socket

import pytest

import mesos


def exchange(cluster, data, timeout=10):
    """Sends raw bytes; returns all that comes until the server closes or goes quiet."""
    with socket.create_connection((cluster.host, cluster.port), timeout=timeout) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except (ConnectionResetError, socket.timeout):
                return answer
            if not chunk:
                return answer
            answer += chunk


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


@pytest.mark.parametrize("request_bytes,expected", [
    (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    (b"GET /state%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    (b"GET /tasks?limit=%f HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    (b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    (b"GET ? HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    (b"\x00\x01\x02\r\n\r\n", {400}),
    (b"GET / HTTP/9.9\r\n\r\n", {400, 505}),
    (b"GET /health HTTP/1.1\r\n" + b"A: " + b"b" * 200_000 + b"\r\n\r\n", {400, 431}),
    (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", {400, 414, 431}),
    (b"POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: -1\r\n\r\n", {400}),
    (b"POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", {400, 413}),
    (b"POST /api/v1/scheduler HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {400}),
    (b"POST /api/v1/scheduler HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
     b"2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", {400}),
    (b"GET /no/such/path HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}),
])
def test_bad_requests(cluster, request_bytes, expected):
    answer = exchange(cluster, request_bytes)
    assert status_of(answer) in expected, answer[:200]
    assert mesos.get(cluster.host, cluster.port, "/health")[0] == 200


def test_a_browser_is_greeted(cluster):
    for path in ["/", "/master/"]:
        status, page, headers = mesos.get(cluster.host, cluster.port, path)
        assert status == 200
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<th>Agents</th><td>1 active, 1 in all</td>" in page
        # Every document that it names is there.
        documents = re.findall(r'<a href="(/[^"]*)">', page)
        assert "/state" in documents
        for document in documents:
            assert mesos.get(cluster.host, cluster.port, document)[0] == 200, document


def test_a_gzip_bomb_is_refused(cluster):
    bomb = gzip.compress(b"\0" * (256 << 20), 9)
    status, _, _ = mesos.post(cluster.host, cluster.port, "/api/v1/scheduler", bomb, {"Content-Encoding": "gzip"})
    assert status == 413


def test_pipelined_requests_are_answered_in_order(cluster):
    requests = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path
                        for path in [b"/state", b"/health", b"/nowhere", b"/version"])
    answers = exchange(cluster, requests)
    codes = re.findall(rb"HTTP/1\.1 (\d+) ", answers)
    assert codes == [b"200", b"200", b"404", b"200"]


def test_keep_alive(cluster):
    import http.client

    connection = http.client.HTTPConnection(cluster.host, cluster.port, timeout=10)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/version")
        assert connection.getresponse().read()
        sockets.add(connection.sock.getsockname())
    assert len(sockets) == 1


def test_gzip_when_asked_for_and_worth_it(cluster):
    _, _, headers = mesos.get(cluster.host, cluster.port, "/health", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in headers
    import http.client

    connection = http.client.HTTPConnection(cluster.host, cluster.port, timeout=10)
    connection.request("GET", "/state", headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    assert response.getheader("Content-Encoding") == "gzip"
    assert json.loads(gzip.decompress(response.read()))["id"] == cluster.state()["id"]


def test_jsonp(cluster):
    _, body, headers = mesos.get(cluster.host, cluster.port, "/version?jsonp=show")
    assert body.startswith("show({") and body.endswith(");")
    assert headers["Content-Type"] == "text/javascript"
    assert mesos.get(cluster.host, cluster.port, "/version?jsonp=alert(1)//")[0] == 400


def test_a_reader_that_does_not_read_is_cut(make_cluster):
    """A scheduler that never reads its stream costs bounded memory and nobody else's time (MESOS-7748)."""
    cluster = make_cluster()
    deaf = mesos.Framework(cluster.host, cluster.port, name="deaf", subscribe=False, failover_timeout=1000)
    connection = socket.create_connection((cluster.host, cluster.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": deaf.info}}).encode()
    connection.sendall(b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head = b""
    while b"\r\n\r\n" not in head or b'"framework_id"' not in head:
        head += connection.recv(1024)
    deaf.stream_id = next(line.split(b": ")[1] for line in head.split(b"\r\n")
                          if line.lower().startswith(b"mesos-stream-id")).decode()
    deaf.id = head.split(b'"framework_id":{"value":"')[1].split(b'"')[0].decode()

    unknown = [{"task_id": {"value": f"unknown-{i:06d}-" + "x" * 150}} for i in range(20_000)]
    refused = False
    for _ in range(40):
        try:
            deaf.call("RECONCILE", tasks=unknown)
        except mesos.Refused as answer:
            assert answer.status == 403
            refused = True
            break
    assert refused, "the stream was never cut"
    framework = cluster.framework(name="other")
    framework.offer(cpus=0.1)
    connection.close()


@pytest.mark.parametrize("path,keys", [
    ("/state", ["version", "id", "pid", "hostname", "capabilities", "activated_slaves", "leader", "flags", "slaves",
                "frameworks", "completed_frameworks", "orphan_tasks", "unregistered_frameworks", "start_time"]),
    ("/master/state", ["version"]),
    ("/slaves", ["slaves", "recovered_slaves"]),
    ("/frameworks", ["frameworks", "completed_frameworks", "unregistered_frameworks"]),
    ("/tasks", ["tasks"]),
    ("/state-summary", ["hostname", "slaves", "frameworks"]),
    ("/version", ["version", "build_date"]),
    ("/flags", ["flags"]),
    ("/metrics/snapshot", ["master/uptime_secs", "master/slaves_active", "master/tasks_running", "system/cpus_total",
                           "master/cpus_total", "master/frameworks_active", "master/elected"]),
])
def test_documents(cluster, path, keys):
    document = mesos.get_json(cluster.host, cluster.port, path)
    assert [key for key in keys if key not in document] == []


def test_agents_are_shown(cluster):
    (agent,) = mesos.get_json(cluster.host, cluster.port, "/slaves")["slaves"]
    assert agent["resources"]["cpus"] == 8 and agent["resources"]["ports"] == "[31000-31099]"
    assert agent["active"] is True
    assert agent["pid"] == f"slave(1)@{cluster.agent_host}:{cluster.agent_port}"
    assert "RESERVATION_REFINEMENT" in agent["capabilities"]
    assert [r["name"] for r in agent["unreserved_resources_full"]]


def test_redirect(cluster):
    status, _, headers = mesos.get(cluster.host, cluster.port, "/redirect")
    assert status == 307 and headers["Location"].endswith(f":{cluster.port}")
    assert mesos.get(cluster.host, cluster.port, "/redirect/x")[0] == 404


def test_agent_documents(cluster):
    state = cluster.agent_state()
    for key in ("version", "id", "pid", "hostname", "resources", "attributes", "flags", "frameworks",
                "completed_frameworks"):
        assert key in state
    metrics = mesos.get_json(cluster.agent_host, cluster.agent_port, "/metrics/snapshot")
    assert metrics["slave/registered"] == 1
