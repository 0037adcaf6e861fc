# SPDX-License-Identifier: Apache-2.0
"""Command tasks from ACCEPT to the last acknowledged update, over HTTP with real processes (reference 2.5-2.7)."""
import os
import pathlib
import re
import time

import pytest

import mesos
from mesos import command_task, wait_until


def states(statuses):
    return [s["state"] for s in statuses]


def test_a_task_runs_to_its_end(cluster, framework):
    task_id, statuses = framework.run_task("echo out; echo err >&2")
    assert states(statuses) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    for status in statuses:
        assert status["source"] == "SOURCE_EXECUTOR"
        assert status["uuid"] and status["timestamp"] > 0
    assert statuses[1]["container_status"]["container_id"]["value"]
    directory = cluster.sandbox(framework, task_id)
    assert (directory / "stdout").read_text() == "out\n"
    assert (directory / "stderr").read_text() == "err\n"


def test_what_a_framework_heard_is_whole_in_every_later_read(cluster, framework):
    for number in range(1, 11):
        framework.start_task()
        state = mesos.get_json(cluster.host, cluster.port, "/state")
        (shown,) = (f for f in state["frameworks"] if f["id"] == framework.info["id"]["value"])
        assert len(shown["tasks"]) == number
        assert shown["used_resources"]["cpus"] == pytest.approx(0.1 * number)
        (agent,) = state["slaves"]
        assert agent["used_resources"]["cpus"] == pytest.approx(0.1 * number)


@pytest.mark.parametrize("command,message", [
    ("exit 3", "Command exited with status 3"),
    ("kill -9 $$", "Command terminated with signal Killed"),
])
def test_a_failing_command_says_how(framework, command, message):
    _, statuses = framework.run_task(command)
    assert statuses[-1]["state"] == "TASK_FAILED"
    assert statuses[-1]["message"] == message


@pytest.mark.parametrize("command,words", [
    ({"shell": False, "value": "/no/such/program"}, ["/no/such/program"]),
    ({"value": "true", "user": "nobody-of-that-name"}, ["nobody-of-that-name"]),
    ({"value": "true", "uris": [{"value": "file:///no/such/file"}]}, ["/no/such/file"]),
    ({"shell": False, "value": "/etc/passwd"}, ["/etc/passwd"]),
])
def test_a_task_that_cannot_start_says_why(framework, command, words):
    _, statuses = framework.run_task(command)
    assert statuses[-1]["state"] == "TASK_FAILED"
    for word in words:
        assert word in statuses[-1]["message"]


def test_arguments_and_environment(cluster, framework):
    command = {
        "shell": False, "value": "/usr/bin/env", "arguments": ["env"],
        "environment": {"variables": [{"name": "COLOUR", "value": "red & blue"}]},
    }
    task_id, statuses = framework.run_task(command)
    assert statuses[-1]["state"] == "TASK_FINISHED"
    environment = (cluster.sandbox(framework, task_id) / "stdout").read_text().splitlines()
    assert "COLOUR=red & blue" in environment
    assert any(line.startswith("MESOS_SANDBOX=") for line in environment)


def test_a_task_sees_three_descriptors(cluster, framework):
    """Whatever the agent has open stays with the agent."""
    task_id, statuses = framework.run_task("ls -l /proc/self/fd")
    assert statuses[-1]["state"] == "TASK_FINISHED"
    listing = (cluster.sandbox(framework, task_id) / "stdout").read_text()
    # `ls` itself opens the directory as 3.
    assert re.findall(r"(\d+) -> ", listing) == ["0", "1", "2", "3"], listing


def test_the_helper_cannot_be_overwritten(cluster, framework):
    """A task that writes to the program of the process that started it changes nothing (the runc attack)."""
    attack = 'for p in /proc/[0-9]*/exe; do case $(readlink $p) in *shim*|*tepui*) ' \
             'if (printf X > $p) 2>/dev/null; then echo overwritten $p; fi;; esac; done'
    task_id, statuses = framework.run_task(attack)
    assert statuses[-1]["state"] == "TASK_FINISHED"
    assert (cluster.sandbox(framework, task_id) / "stdout").read_text() == ""
    assert framework.run_task("true")[1][-1]["state"] == "TASK_FINISHED"


def test_kill(framework):
    task = command_task("sleep 100")
    framework.launch(framework.offer(cpus=0.1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.call("KILL", task_id=task["task_id"])
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"


def test_kill_escalates_after_the_grace_period(make_cluster):
    cluster = make_cluster()
    framework = cluster.framework(capabilities=[{"type": "TASK_KILLING_STATE"}])
    task = command_task("trap '' TERM; while :; do sleep 0.1; done",
                        kill_policy={"grace_period": {"nanoseconds": 300_000_000}})
    framework.launch(framework.offer(cpus=0.1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    framework.call("KILL", task_id=task["task_id"], agent_id=task["agent_id"])
    ended = framework.run_to_end(task_id)
    assert states(ended) == ["TASK_KILLING", "TASK_KILLED"]


def test_max_completion_time(framework):
    _, statuses = framework.run_task("sleep 100", max_completion_time={"nanoseconds": 200_000_000})
    assert statuses[-1]["state"] == "TASK_FAILED"
    assert statuses[-1]["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED"


def test_children_die_with_their_task(cluster, framework):
    marker = f"27{os.getpid() % 1000:03d}.{time.time_ns() % 1000000}"
    task = command_task(f"setsid sleep {marker} & setsid sleep {marker} & sleep 100")
    framework.launch(framework.offer(cpus=0.1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")

    def alive():
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if entry.read_bytes().split(b"\0")[:2] == [b"sleep", marker.encode()]:
                    found.append(entry.parent.name)
            except OSError:
                pass
        return found

    wait_until(lambda: len(alive()) == 2, "the children")
    framework.call("KILL", task_id=task["task_id"])
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"
    wait_until(lambda: not alive(), "the children to end")


def health_check(**more):
    return {"delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 5, "grace_period_seconds": 0,
            "consecutive_failures": 2, **more}


def test_health_check_by_command(framework):
    # Healthy from the first check on, however soon that comes, until the task says otherwise.
    check = health_check(type="COMMAND", command={"value": "test ! -e ill"})
    task = command_task("sleep 0.6; touch ill; sleep 100", health_check=check)
    framework.launch(framework.offer(cpus=0.1), task)
    task_id = task["task_id"]["value"]
    seen = framework.run_to_end(task_id)
    healthy = [s["healthy"] for s in seen if "healthy" in s]
    assert True in healthy and False in healthy, seen
    assert healthy.index(True) < healthy.index(False)
    assert any(s.get("reason") == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED" for s in seen)
    assert seen[-1]["state"] in ("TASK_FAILED", "TASK_KILLED")
    assert seen[-1]["healthy"] is False


def test_health_check_by_http_and_tcp(framework):
    server = "exec python3 -m http.server --bind 127.0.0.1 %d"
    for port, check in [
        (31050, {"type": "HTTP", "http": {"port": 31050, "path": "/"}}),
        (31051, {"type": "TCP", "tcp": {"port": 31051}}),
    ]:
        task = command_task(server % port, health_check=health_check(**check, consecutive_failures=100))
        framework.launch(framework.offer(cpus=0.1), task)
        task_id = task["task_id"]["value"]
        while True:
            if framework.status(task_id, "TASK_STARTING", "TASK_RUNNING").get("healthy"):
                break
        framework.call("KILL", task_id=task["task_id"])
        assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"


def test_check_reports_what_it_saw(framework):
    check = {"type": "COMMAND", "command": {"command": {"value": "exit 7"}},
             "delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 5}
    task = command_task("sleep 100", check=check)
    framework.launch(framework.offer(cpus=0.1), task)
    task_id = task["task_id"]["value"]
    while True:
        status = framework.status(task_id, "TASK_STARTING", "TASK_RUNNING")
        if status.get("check_status", {}).get("command", {}).get("exit_code") == 7:
            break
    assert status["reason"] == "REASON_TASK_CHECK_STATUS_UPDATED"
    framework.call("KILL", task_id=task["task_id"])
    framework.run_to_end(task_id)


def test_updates_come_again_until_acknowledged(framework):
    """At least once: the same uuid, one update of a task at a time (reference 2.7)."""
    task = command_task("true")
    framework.launch(framework.offer(cpus=0.1), task)
    task_id = task["task_id"]["value"]
    first = framework.status(task_id, "TASK_STARTING", acknowledge=False)
    again = framework.status(task_id, "TASK_STARTING", timeout=20)
    assert again["uuid"] == first["uuid"]
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_FINISHED"


def test_fetched_files(cluster, framework, tmp_path):
    (tmp_path / "tool.sh").write_text("#!/bin/sh\necho fetched\n")
    (tmp_path / "data.txt").write_text("42\n")
    os.system(f"tar czf {tmp_path}/bundle.tar.gz -C {tmp_path} data.txt")
    command = {
        "value": "./tool.sh && cat data.txt && cat elsewhere/copy.txt",
        "uris": [
            {"value": f"file://{tmp_path}/tool.sh", "executable": True},
            {"value": f"{tmp_path}/bundle.tar.gz"},
            {"value": f"file://{tmp_path}/data.txt", "output_file": "elsewhere/copy.txt", "cache": True},
        ],
    }
    task_id, statuses = framework.run_task(command)
    assert statuses[-1]["state"] == "TASK_FINISHED", statuses[-1]
    assert (cluster.sandbox(framework, task_id) / "stdout").read_text() == "fetched\n42\n42\n"


def test_the_sandbox_is_served(cluster, framework):
    task_id, _ = framework.run_task("echo hello; ln -s /etc/passwd stolen")
    path = f"/frameworks/{framework.id}/executors/{task_id}/runs/latest"
    read = mesos.get_json(cluster.agent_host, cluster.agent_port, f"/files/read?path={path}/stdout&offset=0")
    assert read == {"offset": 0, "data": "hello\n"}
    size = mesos.get_json(cluster.agent_host, cluster.agent_port, f"/files/read?path={path}/stdout&offset=-1")
    assert size["offset"] == 6
    names = [os.path.basename(e["path"])
             for e in mesos.get_json(cluster.agent_host, cluster.agent_port, f"/files/browse?path={path}")]
    assert names == ["stderr", "stdout", "stolen"]
    status, body, _ = mesos.get(cluster.agent_host, cluster.agent_port, f"/files/read?path={path}/stolen&offset=0")
    assert status == 403 and "root:" not in body


def test_many_tasks_in_one_accept(framework):
    tasks = [command_task("true", cpus=0.01, mem=1) for _ in range(50)]
    framework.launch(framework.offer(cpus=1), *tasks)
    for task in tasks:
        assert framework.run_to_end(task["task_id"]["value"])[-1]["state"] == "TASK_FINISHED"


def test_completed_tasks_are_shown(cluster, framework):
    task_id, _ = framework.run_task("true")

    def shown():
        for entry in cluster.state()["frameworks"]:
            if entry["id"] == framework.id:
                return [t for t in entry["completed_tasks"] if t["id"] == task_id]

    (task,) = wait_until(shown, "the completed task")
    assert task["state"] == "TASK_FINISHED"
    assert task["resources"]["cpus"] == 0.1 and task["resources"]["gpus"] == 0
    assert [s["state"] for s in task["statuses"]] == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    (queried,) = mesos.get_json(cluster.host, cluster.port, f"/tasks?task_id={task_id}")["tasks"]
    assert queried["id"] == task_id


@pytest.fixture
def cgroups_root():
    """A root cgroup of the test's own: no two agents may share one."""
    name = f"tepui-e2e-{os.getpid()}"
    yield name
    for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/{name}"):
        for group in [*path.glob("shims"), path]:
            group.rmdir()


def test_task_limits_and_memory(cgroups_root, make_cluster):
    """A task over its memory ends TASK_FAILED with the reason and the usage (cgroups v1 or v2)."""
    cluster = make_cluster("--isolation=cgroups/cpu,cgroups/mem,cgroups/pids", f"--cgroups_root={cgroups_root}",
                           "--resources=cpus:4;mem:1024;disk:100")
    framework = cluster.framework()
    hog = "import time\nx = []\nwhile True:\n    x.append(bytearray(4 << 20))\n"
    command = {"shell": False, "value": "/usr/bin/python3", "arguments": ["python3", "-c", hog]}
    _, statuses = framework.run_task(command, mem=64)
    assert statuses[-1]["state"] == "TASK_FAILED"
    assert statuses[-1]["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert re.search(r"[Mm]emory.*64", statuses[-1]["message"], re.DOTALL), statuses[-1]["message"]
    assert statuses[-1]["limitation"]["resources"][0]["name"] == "mem"

    # A limit above the request is honoured: the same size now fits.
    modest = "x = bytearray(100 << 20)"
    command = {"shell": False, "value": "/usr/bin/python3", "arguments": ["python3", "-c", modest]}
    _, statuses = framework.run_task(command, mem=64, limits={"mem": {"value": 256}})
    assert statuses[-1]["state"] == "TASK_FINISHED", statuses[-1]
