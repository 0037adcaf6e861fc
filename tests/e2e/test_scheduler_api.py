# SPDX-License-Identifier: Apache-2.0
"""Every scheduler call and the answers to calls that are wrong (reference 1.1, 1.2, 2.3, 2.4)."""
import json
import uuid

import pytest

import mesos
from mesos import Refused, amount, command_task, scalar, wait_until


def test_subscribed(cluster, framework):
    assert framework.id.startswith(cluster.state()["id"] + "-")
    again = mesos.Framework(cluster.host, cluster.port, name="other")
    assert again.id != framework.id
    again.call("TEARDOWN")


def test_heartbeat_is_announced(cluster):
    framework = cluster.framework(failover_timeout=60)
    framework.disconnect()
    subscribed = framework.subscribe()["subscribed"]
    assert subscribed["heartbeat_interval_seconds"] == 15
    assert subscribed["master_info"]["port"] == cluster.port
    framework.call("TEARDOWN")


def test_offer_shape(cluster, framework):
    offer = framework.offer(cpus=1)
    assert offer["id"]["value"].startswith(cluster.state()["id"] + "-O")
    assert offer["agent_id"]["value"].startswith(cluster.state()["id"] + "-S")
    assert offer["framework_id"]["value"] == framework.id
    assert offer["url"]["address"]["port"] == cluster.agent_port
    names = {r["name"]: r for r in offer["resources"]}
    assert names["ports"]["ranges"]["range"] == [{"begin": 31000, "end": 31099}]
    # Roles are shown to those who can have several (reference 2.2).
    assert "allocation_info" not in offer
    multi = cluster.framework(roles=["a", "b"], capabilities=[{"type": "MULTI_ROLE"}])
    framework.decline(offer)
    offer = multi.offer(cpus=1)
    assert offer["allocation_info"]["role"] in ("a", "b")
    assert all(r["allocation_info"] == offer["allocation_info"] for r in offer["resources"])
    multi.call("TEARDOWN")


def test_decline_filters(framework):
    framework.decline(framework.offer(cpus=1), refuse_seconds=1.5)
    framework.quiet("OFFERS", seconds=1.0)
    framework.offer(cpus=1, timeout=10)


def test_suppress_and_revive(framework):
    offer = framework.offer(cpus=1)
    framework.call("SUPPRESS")
    framework.decline(offer, refuse_seconds=0)
    framework.quiet("OFFERS", seconds=1.5)
    framework.call("REVIVE")
    framework.decline(framework.offer(cpus=1), refuse_seconds=3600)
    framework.quiet("OFFERS", seconds=0.5)
    framework.call("REVIVE")
    framework.offer(cpus=1)


def test_an_offer_is_used_once(framework):
    offer = framework.offer(cpus=1)
    framework.decline(offer)
    task = command_task("true")
    framework.launch(offer, task)
    status = framework.status(task["task_id"]["value"], "TASK_LOST")
    assert status["reason"] == "REASON_INVALID_OFFERS"
    assert status["source"] == "SOURCE_MASTER"
    assert "uuid" not in status


def test_partition_aware_frameworks_get_dropped(cluster):
    framework = cluster.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    offer = framework.offer(cpus=1)
    framework.decline(offer)
    task = command_task("true")
    framework.launch(offer, task)
    assert framework.status(task["task_id"]["value"])["state"] == "TASK_DROPPED"
    framework.call("TEARDOWN")


@pytest.mark.parametrize("change,words", [
    ({"resources": [scalar("cpus", 10000)]}, ["10000"]),
    ({"resources": []}, ["resources"]),
    ({"task_id": {"value": "a/b"}}, ["a/b"]),
    ({"command": None}, ["command"]),
    ({"kill_policy": {"grace_period": {"nanoseconds": -1}}}, ["grace"]),
    ({"health_check": {"type": "HTTP"}}, ["http"]),
    ({"agent_id": {"value": "elsewhere"}}, ["elsewhere"]),
])
def test_invalid_tasks_are_errors_that_explain(framework, change, words):
    task = {**command_task("true"), **change}
    task = {key: value for key, value in task.items() if value is not None}
    framework.launch(framework.offer(cpus=1), task)
    status = framework.status(task["task_id"]["value"], "TASK_ERROR")
    assert status["reason"] == "REASON_TASK_INVALID"
    for word in words:
        assert word.lower() in status["message"].lower(), status["message"]


def test_task_ids_are_unique_while_alive(framework):
    task = command_task("sleep 100")
    framework.launch(framework.offer(cpus=1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.launch(framework.offer(cpus=1), command_task("true", task_id=task_id))
    assert framework.status(task_id)["state"] == "TASK_ERROR"
    framework.call("KILL", task_id=task["task_id"])
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"


def test_explicit_reconciliation(framework):
    task = command_task("sleep 100")
    framework.launch(framework.offer(cpus=1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.call("RECONCILE", tasks=[{"task_id": task["task_id"]}, {"task_id": {"value": "nobody"}}])
    known = framework.status(task_id, "TASK_RUNNING")
    assert known["reason"] == "REASON_RECONCILIATION" and "uuid" not in known
    assert framework.status("nobody")["state"] == "TASK_LOST"
    framework.call("RECONCILE", tasks=[])
    assert framework.status(task_id, "TASK_RUNNING")["reason"] == "REASON_RECONCILIATION"
    framework.call("KILL", task_id=task["task_id"])
    framework.run_to_end(task_id)


def test_reservations_and_volumes(cluster):
    """RESERVE, CREATE, a task that writes to the volume, DESTROY, UNRESERVE in the same and in later ACCEPTs."""
    framework = cluster.framework(roles=["db"], capabilities=[{"type": "MULTI_ROLE"},
                                                              {"type": "RESERVATION_REFINEMENT"}])
    role = {"allocation_info": {"role": "db"}}
    reservations = [{"type": "DYNAMIC", "role": "db"}]
    disk = scalar("disk", 64, reservations=reservations, **role)
    volume = {**disk, "disk": {"persistence": {"id": "v1"}, "volume": {"mode": "RW", "container_path": "data"}}}

    offer = framework.offer(cpus=1)
    framework.accept(offer, [
        {"type": "RESERVE", "reserve": {"resources": [disk]}},
        {"type": "CREATE", "create": {"volumes": [volume]}},
    ])

    def has_volume(offer):
        return any(r.get("disk", {}).get("persistence", {}).get("id") == "v1" for r in offer["resources"])

    for content in ("first", "second"):
        offer = framework.offer(where=has_volume)
        task = command_task(f"cat data/log; echo {content} >> data/log", cpus=0.1)
        task["resources"].append(volume)
        for resource in task["resources"]:
            resource.update(role)
        framework.launch(offer, task)
        statuses = framework.run_to_end(task["task_id"]["value"])
        assert statuses[-1]["state"] == "TASK_FINISHED", statuses[-1]
    (log,) = cluster.work_dir.rglob("volumes/roles/db/v1/log")
    assert log.read_text() == "first\nsecond\n"

    offer = framework.offer(where=has_volume)
    framework.accept(offer, [
        {"type": "DESTROY", "destroy": {"volumes": [volume]}},
        {"type": "UNRESERVE", "unreserve": {"resources": [disk]}},
    ])
    framework.offer(where=lambda o: not has_volume(o) and not any(r.get("reservations") for r in o["resources"]))
    wait_until(lambda: not log.exists(), "the volume to go")
    framework.call("TEARDOWN")


def test_operation_feedback(cluster):
    framework = cluster.framework(roles=["ops"], capabilities=[{"type": "MULTI_ROLE"},
                                                               {"type": "RESERVATION_REFINEMENT"}])
    reserved = scalar("cpus", 1, reservations=[{"type": "DYNAMIC", "role": "ops"}], allocation_info={"role": "ops"})
    offer = framework.offer(cpus=1)
    framework.accept(offer, [{"type": "RESERVE", "id": {"value": "op-1"}, "reserve": {"resources": [reserved]}}])
    event = framework.expect("UPDATE_OPERATION_STATUS")
    status = event["update_operation_status"]["status"]
    assert status["operation_id"]["value"] == "op-1"
    assert status["state"] == "OPERATION_FINISHED"
    framework.call("ACKNOWLEDGE_OPERATION_STATUS", operation_id=status["operation_id"], uuid=status["uuid"]["value"],
                   agent_id=offer["agent_id"])
    framework.call("RECONCILE_OPERATIONS", operations=[{"operation_id": {"value": "unheard-of"}}])
    event = framework.expect("UPDATE_OPERATION_STATUS")
    assert event["update_operation_status"]["status"]["state"] == "OPERATION_UNKNOWN"
    offer = framework.offer(where=lambda o: any(r.get("reservations") for r in o["resources"]))
    framework.accept(offer, [{"type": "UNRESERVE", "unreserve": {"resources": [reserved]}}])
    framework.call("TEARDOWN")


def test_calls_that_change_nothing_are_accepted(framework):
    framework.call("REQUEST", requests=[{"resources": [scalar("cpus", 1)]}])
    framework.call("ACCEPT_INVERSE_OFFERS", inverse_offer_ids=[])
    framework.call("DECLINE_INVERSE_OFFERS", inverse_offer_ids=[])


def test_update_framework(cluster, framework):
    info = {**framework.info, "name": "renamed"}
    framework.call("UPDATE_FRAMEWORK", expect=200, framework_info=info)
    names = lambda: [f["name"] for f in cluster.state()["frameworks"] if f["id"] == framework.id]
    wait_until(lambda: names() == ["renamed"], "the new name")
    with pytest.raises(Refused) as refused:
        framework.call("UPDATE_FRAMEWORK", expect=200, framework_info={**info, "user": "somebody"})
    assert refused.value.status == 400 and "user" in refused.value.body


def test_teardown_kills_tasks(cluster):
    framework = cluster.framework()
    task = command_task("sleep 1234.5")
    framework.launch(framework.offer(cpus=1), task)
    framework.status(task["task_id"]["value"], "TASK_STARTING")
    framework.status(task["task_id"]["value"], "TASK_RUNNING")
    framework.call("TEARDOWN")
    completed = lambda: [f for f in cluster.state()["completed_frameworks"] if f["id"] == framework.id]
    (record,) = wait_until(completed, "the framework to complete")
    wait_until(lambda: completed()[0]["completed_tasks"], "the task to complete")
    assert completed()[0]["completed_tasks"][0]["state"] == "TASK_KILLED"
    with pytest.raises(Refused) as refused:
        framework.disconnect()
        framework.subscribe()
    assert "removed" in refused.value.body.lower() or "completed" in refused.value.body.lower()


# --- Refusals.


def test_stream_ids(cluster, framework):
    framework.stream_id, good = str(uuid.uuid4()), framework.stream_id
    with pytest.raises(Refused) as refused:
        framework.call("REVIVE")
    assert refused.value.status == 400
    framework.stream_id = None
    with pytest.raises(Refused) as refused:
        framework.call("REVIVE")
    assert refused.value.status == 400 and "Mesos-Stream-Id" in refused.value.body
    framework.stream_id = good
    framework.call("REVIVE")


def test_unknown_framework(cluster, framework):
    framework.id, good = "no-such-framework", framework.id
    with pytest.raises(Refused) as refused:
        framework.call("REVIVE")
    framework.id = good
    assert refused.value.status == 400


def test_disconnected_framework(cluster):
    framework = cluster.framework(failover_timeout=100)
    framework.disconnect()
    wait_until(lambda: not next(f for f in cluster.state()["frameworks"] if f["id"] == framework.id)["connected"],
               "the master to notice")
    with pytest.raises(Refused) as refused:
        framework.call("REVIVE")
    assert refused.value.status == 403
    framework.subscribe()
    framework.call("TEARDOWN")


SUBSCRIBE = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "x"}}}


@pytest.mark.parametrize("body,headers,status", [
    (SUBSCRIBE, {"Content-Type": "text/plain"}, 415),
    (SUBSCRIBE, {"Content-Type": "application/JSON"}, 415),
    (SUBSCRIBE, {"Accept": "text/html"}, 406),
    (SUBSCRIBE, {"Mesos-Stream-Id": "8eb0c7a4-0000-0000-0000-000000000000"}, 400),
    ("{", {}, 400),
    ("[]", {}, 400),
    ("", {}, 400),
    ("[" * 100000, {}, 400),
    ('{"a":' * 100000, {}, 400),
    ({"type": "SUBSCRIBE"}, {}, 400),
    ({"type": "NO_SUCH_CALL"}, {}, 400),
    ({"type": "REVIVE"}, {}, 400),
    ({"type": "ACCEPT", "framework_id": {"value": "f"}}, {}, 400),
    (b"\xff\xff\xff", {"Content-Type": "application/x-protobuf"}, 400),
])
def test_refused_calls(cluster, body, headers, status):
    answer = mesos.post(cluster.host, cluster.port, "/api/v1/scheduler", body, headers)
    assert answer[0] == status, answer
    assert answer[1], "a refusal says why"


@pytest.mark.parametrize("info,word", [
    ({"role": "a b"}, "role"),
    ({"role": "/a"}, "role"),
    ({"roles": ["a"]}, "MULTI_ROLE"),
    ({"roles": ["a", "a"], "capabilities": [{"type": "MULTI_ROLE"}]}, "a"),
    ({"failover_timeout": 1e300}, "failover"),
])
def test_refused_frameworks(cluster, info, word):
    with pytest.raises(Refused) as refused:
        cluster.framework(**info)
    assert word in refused.value.body


def test_missing_content_type(cluster):
    import http.client

    connection = http.client.HTTPConnection(cluster.host, cluster.port, timeout=10)
    connection.putrequest("POST", "/api/v1/scheduler")
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"{}")
    response = connection.getresponse()
    assert response.status == 400 and b"Content-Type" in response.read()


def test_methods(cluster):
    status, body, headers = mesos.get(cluster.host, cluster.port, "/api/v1/scheduler")
    assert status == 405 and headers["Allow"] == "POST"
    # What only reads is served to whoever POSTs, as in Mesos.
    status, body, headers = mesos.post(cluster.host, cluster.port, "/state", "{}")
    assert status == 200 and json.loads(body)["activated_slaves"] == 1
