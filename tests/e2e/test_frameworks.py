# SPDX-License-Identifier: Apache-2.0
"""Life of frameworks: shares by weight, disconnection, failover within and after the timeout (reference 2.8, 3)."""
import pytest

import mesos
from mesos import Refused, amount, command_task, wait_until


def test_weighted_roles_converge(make_cluster):
    """Two greedy frameworks of small long tasks end near 3:1, whatever came first."""
    cluster = make_cluster("--num_agents=4", "--resources=cpus:4;mem:1024;disk:1024", "--weights=heavy=3,light=1",
                           "--allocation_interval=50ms")
    frameworks = {name: cluster.framework(name=name, role=name) for name in ("heavy", "light")}
    running = {"heavy": 0, "light": 0}
    total = 32  # Tasks of half a cpu on 16 cpus.

    def step(name):
        """Takes one slot of each offer and gives the rest back at once, so that shares decide."""
        framework = frameworks[name]
        try:
            event = framework.expect("OFFERS", timeout=0.2)
        except AssertionError:
            return
        for offer in event["offers"]["offers"]:
            if amount(offer, "cpus") < 0.5 or sum(running.values()) == total:
                framework.decline(offer)
                continue
            framework.launch(offer, command_task("sleep 1000", cpus=0.5, mem=1))
            running[name] += 1

    for _ in range(400):
        for name in frameworks:
            step(name)
        if sum(running.values()) == total:
            break
    assert sum(running.values()) == total, running
    assert 22 <= running["heavy"] <= 26, running
    for framework in frameworks.values():
        framework.call("TEARDOWN")


def test_return_within_the_failover_timeout(cluster):
    framework = cluster.framework(failover_timeout=60)
    task = command_task("sleep 100")
    framework.launch(framework.offer(cpus=1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.disconnect()

    def record():
        return next(f for f in cluster.state()["frameworks"] if f["id"] == framework.id)

    wait_until(lambda: not record()["active"], "the master to notice")
    assert not record()["offers"], "offers are rescinded"
    assert [t["state"] for t in record()["tasks"]] == ["TASK_RUNNING"]

    framework.subscribe()
    framework.call("RECONCILE", tasks=[])
    assert framework.status(task_id)["state"] == "TASK_RUNNING"
    framework.call("KILL", task_id=task["task_id"])
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"
    framework.call("TEARDOWN")


def test_no_return_within_the_failover_timeout(cluster):
    framework = cluster.framework(failover_timeout=0.5)
    task = command_task("sleep 100")
    framework.launch(framework.offer(cpus=1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.disconnect()
    completed = lambda: [f for f in cluster.state()["completed_frameworks"] if f["id"] == framework.id]
    wait_until(completed, "the framework to expire")
    wait_until(lambda: [t["state"] for t in completed()[0]["completed_tasks"]] == ["TASK_KILLED"], "the task to end")
    with pytest.raises(Refused):
        framework.subscribe()


def test_updates_wait_for_a_framework_that_is_away(cluster):
    framework = cluster.framework(failover_timeout=60)
    task = command_task("sleep 0.5; exit 4")
    framework.launch(framework.offer(cpus=1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.disconnect()
    wait_until(lambda: cluster.metrics()["master/tasks_failed"] >= 1, "the task to fail")
    framework.subscribe()
    status = framework.run_to_end(task_id)[-1]
    assert status["state"] == "TASK_FAILED" and "uuid" in status
    framework.call("TEARDOWN")


def test_a_second_scheduler_takes_over(cluster):
    first = cluster.framework(failover_timeout=60)
    second = mesos.Framework(cluster.host, cluster.port, framework_id=first.id, failover_timeout=60)
    assert second.id == first.id
    event = first.expect("ERROR")
    assert "failed over" in event["error"]["message"].lower()
    first.expect_closed()
    with pytest.raises(Refused):
        first.call("REVIVE")
    second.call("TEARDOWN")


def test_offers_time_out(make_cluster):
    cluster = make_cluster("--offer_timeout=300ms")
    framework = cluster.framework()
    offer = framework.offer(cpus=0.1)
    rescinded = framework.expect("RESCIND")
    assert rescinded["rescind"]["offer_id"] == offer["id"]
    framework.offer(cpus=0.1)
