# SPDX-License-Identifier: Apache-2.0
"""What an operator asks of master and agent, and what it changes: agents that are marked gone, frameworks that are torn
down (reference 1.4, 1.5, 1.7)."""
import http.client
import json
import signal

import mesos
import pytest
from mesos import wait_until
from programs import processes_in

JSON, PROTOBUF = {"Content-Type": "application/json"}, {"Content-Type": "application/x-protobuf"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def post(master, body, path="/api/v1", headers=None):
    """Status and text."""
    return mesos.post(master.host, master.port, path, body, headers)[:2]


def mark_gone(master, agent):
    return post(master, {"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": agent}}})


def tear_down(master, framework):
    return post(master, {"type": "TEARDOWN", "teardown": {"framework_id": {"value": framework}}})


def tear_down_by_form(master, framework, path="/teardown"):
    return post(master, f"frameworkId={framework}", path, FORM)


def start_again(pair):
    """The id of the agent that comes."""
    pair.restart_agent()
    (agent,) = wait_until(lambda: pair.agent_ids(), "the agent")
    return agent


def expect_refused(agent):
    """It ends by itself, saying why."""
    assert agent.process.wait(mesos.TIMEOUT) == 1
    agent.join()
    assert "The master shut this agent down: Agent has been marked gone" in "".join(agent.log)


@pytest.mark.parametrize("aware", [True, False])
def test_an_agent_that_is_marked_gone_ends_with_its_tasks(make_pair, aware):
    pair = make_pair()
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}] if aware else [], checkpoint=True)
    task_id = framework.start_task()
    directory = pair.sandbox(task_id)
    assert processes_in(directory)
    (gone,) = pair.agent_ids()

    assert mark_gone(pair, gone) == (200, "")
    status = framework.status(task_id, "TASK_GONE_BY_OPERATOR" if aware else "TASK_LOST")
    assert status["reason"] == ("REASON_AGENT_REMOVED_BY_OPERATOR" if aware else "REASON_AGENT_REMOVED")
    assert status["source"] == "SOURCE_MASTER" and "uuid" not in status
    assert framework.expect("FAILURE")["failure"]["agent_id"]["value"] == gone
    wait_until(lambda: not pair.agent_ids(), "the master to show it no more")
    expect_refused(pair.agent)
    assert not processes_in(directory)

    new = start_again(pair)
    assert new != gone
    framework.offer(cpus=4)
    assert mark_gone(pair, gone) == (200, ""), "said once more"
    assert pair.agent_ids() == [new]


def test_an_agent_that_is_marked_gone_while_it_is_away_is_not_let_in_again(make_pair):
    pair = make_pair("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2")
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    task_id = framework.start_task()
    directory = pair.sandbox(task_id)
    (gone,) = pair.agent_ids()
    pair.agent.process.send_signal(signal.SIGSTOP)
    framework.status(task_id, "TASK_UNREACHABLE")

    assert mark_gone(pair, gone) == (200, "")
    framework.status(task_id, "TASK_GONE_BY_OPERATOR")
    assert processes_in(directory), "nobody could tell it yet"
    pair.agent.process.send_signal(signal.SIGCONT)
    expect_refused(pair.agent)
    assert not processes_in(directory)
    assert start_again(pair) != gone
    framework.quiet("UPDATE", seconds=0)


def test_the_mark_outlives_the_master(make_pair):
    pair = make_pair()
    (gone,) = pair.agent_ids()
    pair.agent.stop(signal.SIGKILL)
    assert mark_gone(pair, gone) == (200, "")
    pair.master.stop(signal.SIGKILL)
    pair.start_master()
    assert mark_gone(pair, gone) == (200, "")
    expect_refused(pair.restart_agent(start=pair.spawn_agent))
    assert start_again(pair) != gone


def test_an_agent_nobody_knows_cannot_be_marked_gone(cluster):
    status, said = mark_gone(cluster, "nobody-S7")
    assert status == 404 and "nobody-S7" in said


@pytest.mark.parametrize("say", [tear_down, tear_down_by_form], ids=["call", "form"])
@pytest.mark.parametrize("away", [False, True], ids=["there", "away"])
def test_a_framework_is_torn_down(make_pair, say, away):
    """Its tasks are killed and its scheduler is cut off; the id is nobody's any more."""
    pair = make_pair()
    framework = pair.framework(failover_timeout=3600, checkpoint=True)
    task_id = framework.start_task()
    directory = pair.sandbox(task_id)
    if away:
        framework.disconnect()
        wait_until(lambda: not pair.state()["frameworks"][0]["active"], "the master to notice")

    assert say(pair, framework.id) == (200, "")
    if not away:
        framework.expect_closed()
    (completed,) = wait_until(lambda: pair.state()["completed_frameworks"], "the master to show its end")
    assert completed["id"] == framework.id and not pair.state()["frameworks"]
    assert [(t["id"], t["state"]) for t in completed["completed_tasks"]] == [(task_id, "TASK_KILLED")]
    wait_until(lambda: not processes_in(directory), "the task to end")
    with pytest.raises(mesos.Refused, match="removed"):
        framework.subscribe()
    assert say(pair, framework.id)[0] == 400, "there is no such framework any more"
    pair.framework().offer(cpus=4)


@pytest.mark.parametrize("path", ["/teardown", "/master/teardown"])
def test_a_form_that_names_no_framework(cluster, path):
    status, said = tear_down_by_form(cluster, "nobody-0007", path)
    assert status == 400 and "nobody-0007" in said
    for body in ("", "framework_id=x", "frameworkId=%zz"):
        assert post(cluster, body, path, FORM)[0] == 400, body


@pytest.mark.parametrize("body,headers,expected,said", [
    (b"\x08\x1f\x82\x01\x0a\x0a\x08\x0a\x06nobody", PROTOBUF, 400, "nobody"),  # TEARDOWN
    (b"\x08\x20\x8a\x01\x0a\x0a\x08\x0a\x06nobody", PROTOBUF, 404, "nobody"),  # MARK_AGENT_GONE
    (b"\xff\xff", PROTOBUF, 400, "protobuf"),
    ("no JSON", JSON, 400, "JSON"),
    ("{}", JSON, 400, "type"),
    ({"type": "MAKE_COFFEE"}, JSON, 400, "type"),
    ({"type": "TEARDOWN"}, JSON, 400, "'teardown'"),
    ({"type": "TEARDOWN", "teardown": {}}, JSON, 400, "framework_id"),
    ({"type": "MARK_AGENT_GONE"}, JSON, 400, "'mark_agent_gone'"),
    ({"type": "DRAIN_AGENT"}, JSON, 400, "'drain_agent'"),
    ({"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": "x"}}}, JSON, 501, "DRAIN_AGENT"),
    ({"type": "GET_STATE"}, JSON, 501, "GET_STATE"),
    ({"type": "SUBSCRIBE"}, JSON, 501, "SUBSCRIBE"),
    ({"type": "UNKNOWN"}, JSON, 501, "UNKNOWN"),
    ({"type": "GET_STATE"}, {"Content-Type": "text/plain"}, 415, "application/json"),
    ({"type": "GET_STATE"}, {"Accept": "text/html"}, 406, "application/json"),
])
def test_calls_that_are_refused(cluster, body, headers, expected, said):
    for path in ("/api/v1", "/master/api/v1"):
        status, text = post(cluster, body, path, headers)
        assert status == expected and said in text, text


@pytest.mark.parametrize("path", ["/api/v1", "/teardown"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_operators_post(cluster, method, path):
    connection = http.client.HTTPConnection(cluster.host, cluster.port, timeout=mesos.TIMEOUT)
    connection.request(method, path)
    response = connection.getresponse()
    assert response.status == 405 and response.getheader("Allow") == "POST"
    connection.close()


@pytest.fixture(params=["master", "agent"])
def server(request, cluster):
    """Host, port and prefix of the server that is asked."""
    if request.param == "master":
        return cluster.host, cluster.port, "/master"
    return cluster.agent_host, cluster.agent_port, "/slave(1)"


def ask(server, call_type, accept):
    host, port, prefix = server
    status, text, headers = mesos.post(host, port, f"{prefix}/api/v1", {"type": call_type}, {"Accept": accept})
    assert (status, headers["Content-Type"]) == (200, accept)
    return text


def test_a_server_says_that_it_is_healthy(server):
    answer = json.loads(ask(server, "GET_HEALTH", "application/json"))
    assert answer == {"type": "GET_HEALTH", "get_health": {"healthy": True}}
    assert ask(server, "GET_HEALTH", "application/x-protobuf") == "\x08\x01\x12\x02\x08\x01"


def test_a_server_says_what_it_is(server):
    answer = json.loads(ask(server, "GET_VERSION", "application/json"))
    v0 = mesos.get_json(*server[:2], "/version")
    assert answer["type"] == "GET_VERSION"
    assert answer["get_version"]["version_info"].items() <= v0.items() and v0["version"] == "1.11.0"
    assert "\x0a\x061.11.0" in ask(server, "GET_VERSION", "application/x-protobuf")


@pytest.mark.parametrize("body,headers,expected,said", [
    (b"\xff\xff", PROTOBUF, 400, "protobuf"),
    ("{}", JSON, 400, "type"),
    ({"type": "PRUNE_IMAGES"}, JSON, 400, "'prune_images'"),
    ({"type": "GET_STATE"}, JSON, 501, "Calls of type GET_STATE are not served by this agent"),
    ({"type": "GET_HEALTH"}, {"Content-Type": "text/plain"}, 415, "application/json"),
    ({"type": "GET_HEALTH"}, {"Accept": "text/html"}, 406, "application/json"),
])
def test_calls_that_an_agent_refuses(cluster, body, headers, expected, said):
    status, text, _ = mesos.post(cluster.agent_host, cluster.agent_port, "/api/v1", body, headers)
    assert status == expected and said in text, text
