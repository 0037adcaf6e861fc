# SPDX-License-Identifier: Apache-2.0
"""What a task does can be seen, so its agent must know of it, whenever the agent is killed."""
import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from mesos import command_task, scalar, wait_until  # noqa: E402
from programs import Pair  # noqa: E402

ROUNDS = 6
TASKS = 6
NEVER_RAN = "The agent was restarted before it had started the task"


@pytest.fixture
def pair(tmp_path):
    made = Pair(tmp_path)
    yield made
    made.stop()


def group(framework, offer, tasks):
    executor = {"type": "DEFAULT", "executor_id": {"value": tasks[0]["name"]}, "framework_id": {"value": framework.id},
                "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 32)]}
    for task in tasks:
        task["agent_id"] = offer["agent_id"]
    return {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}


@pytest.mark.parametrize("as_group", [False, True], ids=["tasks", "groups"])
def test_a_task_that_ran_is_known(pair, as_group):
    """The agent is killed at the first effect of a task: what ran goes on, and what is said not to have run did not."""
    framework = pair.framework(checkpoint=True, failover_timeout=1e6)
    ends = []
    for round in range(ROUNDS):
        marks = [pair.directory / f"{round}.{i}" for i in range(TASKS)]
        tasks = [command_task(f"touch {mark}; sleep 0.5", task_id=mark.name) for mark in marks]
        offer = framework.offer(cpus=1)
        if as_group:
            framework.accept(offer, [group(framework, offer, tasks)])
        else:
            framework.launch(offer, *tasks)
        deadline = time.monotonic() + 10
        while not any(mark.exists() for mark in marks) and time.monotonic() < deadline:
            time.sleep(0.0003)
        pair.agent.stop(signal.SIGKILL)
        pair.restart_agent()
        for mark in marks:
            status = framework.run_to_end(mark.name)[-1]
            ran = mark.exists()
            ends.append((ran, status["state"], status.get("reason"), status.get("message")))
            if not as_group and ran:
                assert status["state"] == "TASK_FINISHED", ends
            if ran:
                assert status["state"] not in ("TASK_LOST", "TASK_DROPPED"), ends
                assert NEVER_RAN not in status.get("message", ""), ends
    assert any(ran for ran, *_ in ends), ends


def test_sigterm_and_the_grace_period_are_for_all_processes(pair):
    """Below a shell, in a session of its own, and without a parent: each needs a second to end well."""
    framework = pair.framework()
    work = pair.directory / "work"
    work.write_text("trap \"sleep 1; touch $1.ended; exit\" TERM; touch $1.ready; while :; do sleep 0.02; done")
    names = ["below", "session", "daemon"]
    task_id = framework.start_task(
        f"cd {pair.directory}; sh work below & setsid sh work session & (setsid sh work daemon &); wait")
    wait_until(lambda: all((pair.directory / f"{name}.ready").exists() for name in names), "the processes")
    framework.call("KILL", task_id={"value": task_id}, kill_policy={"grace_period": {"nanoseconds": 20_000_000_000}})
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"
    assert [name for name in names if not (pair.directory / f"{name}.ended").exists()] == []


def test_who_ignores_sigterm_ends_after_the_grace_period(pair):
    framework = pair.framework()
    ready = pair.directory / "ready"
    task_id = framework.start_task(f"setsid sh -c 'trap \"\" TERM; touch {ready}; sleep 1000; sleep 1000' & wait")
    wait_until(ready.exists, "the process")
    before = time.monotonic()
    framework.call("KILL", task_id={"value": task_id}, kill_policy={"grace_period": {"nanoseconds": 1_500_000_000}})
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"
    assert 1.4 < time.monotonic() - before < 10
