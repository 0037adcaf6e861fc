# SPDX-License-Identifier: Apache-2.0
"""Custom executors over the v1 executor API, and task groups (reference 1.3, 2.5, 5.2)."""
import gzip
import json

import mesos
from mesos import command_task, executor_task, scalar

def test_tasks_on_one_executor(framework):
    offer = framework.offer(cpus=1)
    tasks = [executor_task("finish") for _ in range(3)]
    framework.launch(offer, *tasks)
    for task in tasks:
        statuses = framework.run_to_end(task["task_id"]["value"])
        assert [s["state"] for s in statuses] == ["TASK_RUNNING", "TASK_FINISHED"], statuses
        assert statuses[-1]["executor_id"]["value"] == "custom"
        assert statuses[-1]["message"] == "done"


def test_messages_both_ways(framework):
    offer = framework.offer(cpus=1)
    task = executor_task("wait", executor_id="talker")
    framework.launch(offer, task)
    framework.status(task["task_id"]["value"], "TASK_RUNNING")
    framework.call("MESSAGE", agent_id=offer["agent_id"], executor_id={"value": "talker"},
                   data=mesos.encode(b"hello"))
    message = framework.expect("MESSAGE")["message"]
    assert message["data"] == mesos.encode(b"echo hello")
    assert message["executor_id"]["value"] == "talker"
    framework.call("KILL", task_id=task["task_id"])
    assert framework.run_to_end(task["task_id"]["value"])[-1]["state"] == "TASK_KILLED"


def test_shutdown_ends_the_executor(framework):
    offer = framework.offer(cpus=1)
    task = executor_task("wait", executor_id="short-lived")
    framework.launch(offer, task)
    framework.status(task["task_id"]["value"], "TASK_RUNNING")
    framework.call("SHUTDOWN", executor_id={"value": "short-lived"}, agent_id=offer["agent_id"])
    failure = framework.expect("FAILURE")["failure"]
    assert failure["executor_id"]["value"] == "short-lived"
    assert failure["agent_id"] == offer["agent_id"]
    status = framework.run_to_end(task["task_id"]["value"])[-1]
    assert status["state"] in ("TASK_KILLED", "TASK_FAILED")


def test_an_executor_that_dies(framework):
    offer = framework.offer(cpus=1)
    task = executor_task("die", executor_id="mortal")
    framework.launch(offer, task)
    framework.status(task["task_id"]["value"], "TASK_RUNNING")
    assert framework.run_to_end(task["task_id"]["value"])[-1]["reason"] == "REASON_EXECUTOR_TERMINATED"
    failure = framework.expect("FAILURE")["failure"]
    assert failure["executor_id"]["value"] == "mortal" and failure["status"] != 0


def test_an_executor_that_never_registers(make_cluster):
    cluster = make_cluster("--executor_registration_timeout=500ms")
    framework = cluster.framework()
    task = executor_task("unused")
    task["executor"]["command"] = {"value": "sleep 100"}
    framework.launch(framework.offer(cpus=0.3), task)
    status = framework.run_to_end(task["task_id"]["value"])[-1]
    assert status["state"] == "TASK_FAILED"
    assert status["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"


def test_authenticated_executors(make_cluster, tmp_path):
    key = tmp_path / "key"
    key.write_text("a secret of thirty-two bytes or more")
    key.chmod(0o600)
    cluster = make_cluster("--authenticate_http_executors", f"--jwt_secret_key={key}")
    framework = cluster.framework()
    task = executor_task("finish")
    framework.launch(framework.offer(cpus=0.3), task)
    assert framework.run_to_end(task["task_id"]["value"])[-1]["state"] == "TASK_FINISHED"
    # Another executor's name with no token, and with a wrong one.
    waiting = executor_task("wait", executor_id="guarded")
    framework.launch(framework.offer(cpus=0.3), waiting)
    framework.status(waiting["task_id"]["value"], "TASK_RUNNING")
    call = {"type": "MESSAGE", "framework_id": {"value": framework.id}, "executor_id": {"value": "guarded"},
            "message": {"data": mesos.encode(b"forged")}}
    for headers in ({}, {"Authorization": "Bearer a.b.c"}):
        status, _, _ = mesos.post(cluster.agent_host, cluster.agent_port, "/api/v1/executor", call, headers)
        assert status in (401, 403), (status, headers)
    framework.quiet("MESSAGE")


def test_the_executor_api_refuses(cluster, framework):
    def call(body, **headers):
        return mesos.post(cluster.agent_host, cluster.agent_port, "/api/v1/executor", body, headers)[0]

    ids = {"framework_id": {"value": "none"}, "executor_id": {"value": "none"}}
    assert call({"type": "SUBSCRIBE", **ids, "subscribe": {}}) == 400
    assert call({"type": "UPDATE", **ids}) == 400
    assert call({"type": "HEARTBEAT", **ids}) == 202
    assert call("nonsense") == 400
    # More than the agent could be sure to pass on; packed, so that all of it is sent before the answer comes.
    large = json.dumps({"type": "MESSAGE", **ids, "message": {"data": "A" * (24 << 20)}})
    assert call(gzip.compress(large.encode()), **{"Content-Encoding": "gzip"}) == 413


def group(framework, offer, *commands):
    tasks = [command_task(c, agent_id=offer["agent_id"]) for c in commands]
    executor = {
        "type": "DEFAULT",
        "executor_id": {"value": f"group-{tasks[0]['name']}"},
        "framework_id": {"value": framework.id},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 1)],
    }
    framework.accept(offer, [{"type": "LAUNCH_GROUP",
                              "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}])
    return [t["task_id"]["value"] for t in tasks]


def test_a_task_group_runs_together(framework):
    ids = group(framework, framework.offer(cpus=1), "true", "sleep 0.2")
    for task_id in ids:
        states = [s["state"] for s in framework.run_to_end(task_id)]
        assert states == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]


def test_a_failed_task_ends_its_group(framework):
    ids = group(framework, framework.offer(cpus=1), "sleep 0.3; exit 1", "sleep 100")
    assert framework.run_to_end(ids[0])[-1]["state"] == "TASK_FAILED"
    assert framework.run_to_end(ids[1])[-1]["state"] == "TASK_KILLED"


def test_killing_one_kills_the_group(framework):
    ids = group(framework, framework.offer(cpus=1), "sleep 100", "sleep 100")
    for task_id in ids:
        framework.status(task_id, "TASK_STARTING")
        framework.status(task_id, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": ids[0]})
    for task_id in ids:
        assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"
