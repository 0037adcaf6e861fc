# SPDX-License-Identifier: Apache-2.0
"""An agent that ends and starts again: its checkpointed tasks go on meanwhile (reference 5.1)."""
import json
import os
import signal
import sqlite3

import mesos
import pytest
from mesos import command_task, executor_task, scalar, wait_until
from programs import processes_in


def ends(framework, task_id, state):
    """The task's last status. An agent that was killed may not have heard of an acknowledgement: it sends again."""
    statuses = framework.run_to_end(task_id)
    assert statuses[-1]["state"] == state and {s["state"] for s in statuses[:-1]} <= {"TASK_RUNNING"}, statuses
    return statuses[-1]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_tasks_go_on_without_their_agent(make_pair, how):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    go, out = pair.directory / "go", pair.directory / "out"
    task_id = framework.start_task(
        f"while [ ! -e {go} ]; do date +%N > {out}; echo tick; sleep 0.02; done; echo last; exit 3")
    before = pair.agent_ids()
    assert pair.agent.stop(how) == (0 if how == signal.SIGTERM else -signal.SIGKILL)

    stdout = pair.sandbox(task_id) / "stdout"
    size = stdout.stat().st_size
    wait_until(lambda: stdout.stat().st_size > size, "the task to write on")
    pair.restart_agent()
    assert pair.agent_ids() == before
    size = stdout.stat().st_size
    wait_until(lambda: stdout.stat().st_size > size, "the task to write on")

    go.touch()
    assert ends(framework, task_id, "TASK_FAILED")["message"] == "Command exited with status 3"
    assert stdout.read_text().endswith("last\n")


def test_sandboxes_are_served_without_a_master(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    task_id = framework.start_task("echo hello; sleep 1000")
    stdout = pair.sandbox(task_id) / "stdout"
    wait_until(lambda: stdout.read_text() == "hello\n", "the task's output")
    pair.agent.stop(signal.SIGKILL)
    pair.master.stop(signal.SIGKILL)
    agent = pair.restart_agent(start=pair.spawn_agent)
    host, port = agent.address("agent")

    def read():
        status, body, _ = mesos.get(host, port, f"/files/read?path={stdout}&offset=0")
        return status == 200 and json.loads(body)["data"] == "hello\n"
    wait_until(read, "the sandbox to be served")


def test_an_end_in_the_absence_is_told(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    go = pair.directory / "go"
    task_id = framework.start_task(f"until [ -e {go} ]; do sleep 0.02; done; exit 4")
    directory = pair.sandbox(task_id)
    pair.agent.stop(signal.SIGKILL)
    go.touch()
    wait_until(lambda: not processes_in(directory), "the task to end")
    pair.restart_agent()
    assert ends(framework, task_id, "TASK_FAILED")["message"] == "Command exited with status 4"


def test_statuses_that_nobody_acknowledged_are_told_again(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    done = pair.directory / "done"
    task = command_task(f"touch {done}; exit 5")
    task_id = task["task_id"]["value"]
    framework.launch(framework.offer(cpus=1), task)
    first = framework.status(task_id, "TASK_STARTING", acknowledge=False)
    wait_until(done.exists, "the task to run")
    pair.agent.stop(signal.SIGKILL)
    pair.restart_agent()
    statuses = framework.run_to_end(task_id)
    assert statuses[0]["uuid"] == first["uuid"]
    states = [status["state"] for status in statuses]  # Each maybe more than once.
    assert states == sorted(states, key=["TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"].index)
    assert statuses[-1]["message"] == "Command exited with status 5"


def test_without_checkpoint_tasks_end_with_their_agent(make_pair):
    """As under Mesos; and its framework is told."""
    pair = make_pair()
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    task_id = framework.start_task("sleep 1000")
    directory = pair.sandbox(task_id)
    assert processes_in(directory)
    pair.agent.stop(signal.SIGKILL)
    wait_until(lambda: not processes_in(directory), "the task to end")
    before = pair.agent_ids()
    pair.restart_agent()
    assert pair.agent_ids() == before
    framework.status(task_id, "TASK_GONE", "TASK_DROPPED", "TASK_LOST")


def test_custom_executors_reconnect(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    waiting = executor_task("wait")
    offer = framework.offer(cpus=1)
    framework.launch(offer, waiting)
    task_id = waiting["task_id"]["value"]
    framework.status(task_id, "TASK_RUNNING")
    pair.agent.stop(signal.SIGKILL)
    pair.restart_agent("--executor_reregistration_timeout=15secs")

    # It takes tasks again, and knows the one it had.
    more = executor_task("finish")
    more["executor"] = {**more["executor"]}
    framework.launch(framework.offer(cpus=1), more)
    statuses = framework.run_to_end(more["task_id"]["value"])
    assert [status["state"] for status in statuses] == ["TASK_RUNNING", "TASK_FINISHED"], statuses
    framework.call("KILL", task_id={"value": task_id})
    ends(framework, task_id, "TASK_KILLED")
    assert len(list(pair.directory.glob("agent/slaves/*/frameworks/*/executors/custom/runs/*-*"))) == 1


def test_task_groups_go_on(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    tasks = [command_task("sleep 1000"), command_task("sleep 1000")]
    offer = framework.offer(cpus=1)
    executor = {"type": "DEFAULT", "executor_id": {"value": "group"}, "framework_id": {"value": framework.id},
                "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 32)]}
    for task in tasks:
        task["agent_id"] = offer["agent_id"]
    framework.accept(offer, [{"type": "LAUNCH_GROUP",
                              "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}])
    ids = [task["task_id"]["value"] for task in tasks]
    for task_id in ids:
        framework.status(task_id, "TASK_STARTING")
        framework.status(task_id, "TASK_RUNNING")
    pair.agent.stop(signal.SIGKILL)
    pair.restart_agent()
    framework.call("KILL", task_id={"value": ids[0]})
    for task_id in ids:
        ends(framework, task_id, "TASK_KILLED")


def test_a_kill_goes_on(make_pair):
    """A task that does not end by SIGTERM is killed by the agent's next life."""
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    told = pair.directory / "told"
    task_id = framework.start_task(f"trap 'touch {told}' TERM; while :; do sleep 0.1; done")
    framework.call("KILL", task_id={"value": task_id},
                   kill_policy={"grace_period": {"nanoseconds": 1_500_000_000}})
    wait_until(told.exists, "the kill to begin")
    pair.agent.stop(signal.SIGKILL)
    pair.restart_agent()
    ends(framework, task_id, "TASK_KILLED")


def test_an_agent_with_large_tasks_comes_back(make_pair):
    """Together they are more than a master takes of any other client at once."""
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    ids = []
    for _ in range(6):
        task = command_task("sleep 1000", labels={"labels": [{"key": "k" * (12 << 20)}]})
        framework.launch(framework.offer(cpus=0.1), task)
        ids.append(task["task_id"]["value"])
        framework.status(ids[-1], "TASK_STARTING")
        framework.status(ids[-1], "TASK_RUNNING")
    before = pair.agent_ids()
    pair.agent.stop(signal.SIGKILL)
    pair.restart_agent()
    assert pair.agent_ids() == before
    for task_id in ids:
        framework.call("KILL", task_id={"value": task_id})
        ends(framework, task_id, "TASK_KILLED")


def test_reservations_and_volumes_stay(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True, roles=["web"], capabilities=[
        {"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}], principal="ops")
    volume = {"name": "disk", "type": "SCALAR", "scalar": {"value": 64},
              "reservations": [{"type": "DYNAMIC", "role": "web", "principal": "ops"}],
              "allocation_info": {"role": "web"}}
    made = {**volume, "disk": {"persistence": {"id": "v1", "principal": "ops"},
                               "volume": {"container_path": "data", "mode": "RW"}}}
    framework.accept(framework.offer(cpus=1), [
        {"type": "RESERVE", "reserve": {"resources": [volume]}},
        {"type": "CREATE", "create": {"volumes": [made]}}])

    def has_volume(offer):
        return any(r.get("disk", {}).get("persistence", {}).get("id") == "v1" for r in offer["resources"])

    framework.offer(where=has_volume)
    assert (pair.directory / "agent/volumes/roles/web/v1").is_dir()
    pair.agent.stop(signal.SIGKILL)
    pair.restart_agent()
    framework.offer(where=has_volume)


def refuses(pair, *flags):
    """What an agent says that does not start."""
    agent = pair.restart_agent(*flags, start=pair.spawn_agent)
    assert agent.process.wait(30) == 1
    agent.join()
    return "".join(agent.log)


def test_another_agent_does_not_take_the_tasks(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    task_id = framework.start_task("sleep 1000")
    directory = pair.sandbox(task_id)
    first = pair.agent
    first.stop(signal.SIGKILL)
    pair.agent = first
    said = refuses(pair, "--hostname=elsewhere")
    assert "its hostname was" in said and "--recover=cleanup" in said, said
    assert processes_in(directory), "it did not touch the task"

    pair.agent = first
    cleanup = pair.restart_agent("--hostname=elsewhere", "--recover=cleanup", start=pair.spawn_agent)
    assert cleanup.process.wait(30) == 0, "".join(cleanup.log)
    assert not processes_in(directory)
    before = pair.agent_ids()
    pair.agent = first
    pair.restart_agent()
    wait_until(lambda: pair.agent_ids() not in ([], before), "a new agent")
    framework.status(task_id, "TASK_LOST")


def test_a_damaged_checkpoint_is_named(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    task_id = framework.start_task("sleep 1000")
    assert pair.agent.stop(signal.SIGTERM) == 0
    database = pair.directory / "agent/meta/agent.db"
    with open(database, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(database.stat().st_size - 4096))
    damaged = database.read_bytes()
    first, directory, before = pair.agent, pair.sandbox(task_id), pair.agent_ids()
    said = refuses(pair)
    assert str(database) in said and "--strict=false" in said, said
    assert processes_in(directory), "it did not touch the task"
    assert database.read_bytes() == damaged

    pair.agent = first
    agent = pair.restart_agent("--strict=false")
    wait_until(lambda: pair.agent_ids() not in ([], before), "a new agent")
    assert not processes_in(directory)
    framework.status(task_id, "TASK_LOST")
    [aside] = [path for path in database.parent.glob("agent.db.damaged-*Z")]
    assert aside.read_bytes() == damaged
    assert any(str(aside) in line for line in agent.log)
    framework.start_task("sleep 1000")


def test_a_damaged_record_is_named_and_what_it_is_about_is_ended(make_pair):
    pair = make_pair()
    framework = pair.framework(checkpoint=True)
    ended, goes_on = framework.start_task("sleep 1001"), framework.start_task("sleep 1002")
    sandboxes = [pair.sandbox(task) for task in (ended, goes_on)]
    assert pair.agent.stop(signal.SIGTERM) == 0
    database = pair.directory / "agent/meta/agent.db"
    with sqlite3.connect(database) as connection:
        [(key, value)] = connection.execute(
            "SELECT key, value FROM entries WHERE key LIKE 'executors/%' AND instr(value, ?)", [b"sleep 1001"])
        damaged = value.replace(b"sleep 1001", b"sleep 9001")
        connection.execute("UPDATE entries SET value = ? WHERE key = ?", [damaged, key])
    connection.close()
    first = pair.agent
    said = refuses(pair)
    assert f"'{key}'" in said and "--strict=false" in said, said
    assert all(processes_in(directory) for directory in sandboxes), "it touched neither task"

    pair.agent = first
    agent = pair.restart_agent("--strict=false")
    framework.status(ended, "TASK_LOST")
    assert any(f"The record '{key}'" in line and "is killed" in line for line in agent.log)
    assert not processes_in(sandboxes[0]) and processes_in(sandboxes[1])
    framework.call("KILL", task_id={"value": goes_on})
    ends(framework, goes_on, "TASK_KILLED")
