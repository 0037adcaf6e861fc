# SPDX-License-Identifier: Apache-2.0
"""Agents that stall, die or leave, and masters that come back, as frameworks see it (reference 2.7-2.9)."""
import os
import signal
import time

import mesos
import pytest
from mesos import command_task, wait_until

def kill_and_expect_end(framework, task_id):
    framework.call("KILL", task_id={"value": task_id})
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"


def expect_whole_agent(framework):
    """Nothing of the agent is held by anything: it is offered as it was at first."""
    deadline = time.monotonic() + mesos.TIMEOUT
    while mesos.amount(offer := framework.offer(), "cpus") < 4:
        assert time.monotonic() < deadline, offer
        framework.decline(offer)  # One that was rescinded meanwhile is declined in vain.


@pytest.mark.parametrize("aware", [True, False])
def test_an_agent_that_stalls_and_comes_back(make_pair, aware):
    """Its tasks are unreachable (lost to frameworks of old) until it answers again."""
    pair = make_pair("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2")
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}] if aware else [])
    task_id = framework.start_task()

    pair.agent.process.send_signal(signal.SIGSTOP)
    lost = framework.status(task_id, "TASK_UNREACHABLE" if aware else "TASK_LOST")
    assert lost["reason"] == "REASON_AGENT_REMOVED" and lost["source"] == "SOURCE_MASTER"
    assert lost["unreachable_time"]["nanoseconds"] > 0 and "uuid" not in lost
    failure = framework.expect("FAILURE")["failure"]
    assert failure["agent_id"] == lost["agent_id"] and "executor_id" not in failure
    pair.wait_for_metric("slave_unreachable_completed", 1)

    pair.agent.process.send_signal(signal.SIGCONT)
    back = framework.status(task_id, "TASK_RUNNING")
    assert back["reason"] == "REASON_AGENT_REREGISTERED" and back["source"] == "SOURCE_MASTER"
    assert back["agent_id"] == lost["agent_id"]
    kill_and_expect_end(framework, task_id)
    expect_whole_agent(framework)


def test_a_stall_shorter_than_the_timeouts_goes_unnoticed(make_pair):
    pair = make_pair("--agent_ping_timeout=2secs", "--max_agent_ping_timeouts=5")
    framework = pair.framework()
    task_id = framework.start_task()
    pair.agent.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    pair.agent.process.send_signal(signal.SIGCONT)
    framework.quiet("FAILURE", "UPDATE", seconds=1)
    kill_and_expect_end(framework, task_id)


def test_the_master_stalls_and_the_agent_keeps_its_tasks(make_pair):
    """The agent gives the silent master up and subscribes anew; nobody else notices."""
    pair = make_pair("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3")
    framework = pair.framework()
    task_id = framework.start_task()
    pair.master.process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    pair.master.process.send_signal(signal.SIGCONT)
    wait_until(lambda: pair.metrics().get("master/slave_reregistrations", 0) >= 1, "the agent to subscribe anew")
    pair.wait_for_metric("slaves_active", 1)
    kill_and_expect_end(framework, task_id)
    expect_whole_agent(framework)


def test_a_master_dies_and_another_takes_its_place(make_pair):
    pair = make_pair()
    framework = pair.framework(failover_timeout=600)
    task_id = framework.start_task()
    pair.master.stop(signal.SIGKILL)
    framework.disconnect()

    pair.start_master()
    pair.wait_for_metric("slaves_active", 1)
    framework.subscribe()
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}}])
    # The agent repeats the status whose acknowledgement died with the master.
    while framework.status(task_id, "TASK_RUNNING").get("reason") != "REASON_RECONCILIATION":
        pass
    kill_and_expect_end(framework, task_id)
    expect_whole_agent(framework)


def test_a_task_ends_while_there_is_no_master(make_pair):
    """Its last status waits at the agent until a scheduler acknowledges it."""
    pair = make_pair()
    framework = pair.framework(failover_timeout=600)
    task_id = framework.start_task(f"until [ -e {pair.directory}/go ]; do sleep 0.05; done; exit 3")
    pair.master.stop(signal.SIGKILL)
    framework.disconnect()
    (pair.directory / "go").touch()

    pair.start_master()
    framework.subscribe()
    # The master may tell first what it heard of the task; the agent's own status is the one to acknowledge.
    while "uuid" not in (status := framework.status(task_id)) or status["state"] != "TASK_FAILED":
        assert status["state"] in ("TASK_RUNNING", "TASK_FAILED"), status
    expect_whole_agent(framework)


def test_an_agent_leaves(make_pair):
    """For good: it kills its tasks, tells the master, and exits in order."""
    pair = make_pair()
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    task_id = framework.start_task()
    assert pair.agent.stop(signal.SIGUSR1) == 0, "".join(pair.agent.log)
    assert framework.status(task_id)["state"] in ("TASK_GONE", "TASK_KILLED")
    framework.expect("FAILURE")
    wait_until(lambda: not pair.state()["slaves"], "the master to forget the agent")
    pair.wait_for_metric("slave_removals/reason_unregistered", 1)


def test_an_agent_that_leaves_for_good_is_not_hurried(make_pair):
    """SIGTERM behind SIGUSR1 is a service manager that waits: tasks have their grace all the same."""
    pair = make_pair()
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    ready = pair.directory / "ready"
    task_id = framework.start_task(f"trap 'sleep 2; exit 0' TERM; touch {ready}; while true; do sleep 0.1; done")
    wait_until(ready.exists, "the task to expect its end")
    pair.agent.process.send_signal(signal.SIGUSR1)
    assert pair.agent.stop(signal.SIGTERM) == 0, "".join(pair.agent.log)
    assert framework.status(task_id)["state"] in ("TASK_GONE", "TASK_KILLED")
    pair.wait_for_metric("slave_removals/reason_unregistered", 1)


def test_an_idle_agent_leaves(make_pair):
    pair = make_pair()
    framework = pair.framework()
    framework.offer(cpus=4)
    assert pair.agent.stop(signal.SIGUSR1) == 0, "".join(pair.agent.log)
    framework.expect("RESCIND")
    framework.expect("FAILURE")
    pair.wait_for_metric("slave_removals/reason_unregistered", 1)


def test_an_agent_that_died_registers_anew(make_pair):
    """Without memory of its tasks it is another agent; the first one's tasks are gone with it."""
    pair = make_pair()
    framework = pair.framework()
    framework.start_task()
    pair.agent.stop(signal.SIGKILL)
    pair.wait_for_metric("slaves_inactive", 1)
    pair.agent = pair.start_agent("second")
    framework.offer(cpus=4)
