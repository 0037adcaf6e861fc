# SPDX-License-Identifier: Apache-2.0
"""What must hold over all that was seen from outside: by the frameworks, by the tasks themselves, in ZooKeeper."""
import collections
import json
import subprocess

from cluster import BINARY, Failed
from framework import TERMINAL

# Answers about tasks, of which nothing runs and nothing will.
NEVER_RAN = {"TASK_DROPPED", "TASK_UNKNOWN", "TASK_ERROR"}


def read(cluster):
    """The frameworks' records by framework, in their order."""
    histories = {}
    for framework in cluster.frameworks:
        path = cluster.directory / f"{framework.name}.history"
        lines = path.read_text().splitlines() if path.exists() else []
        histories[framework.name] = [json.loads(line) for line in lines if line.endswith("}")]
    return histories


def lives(cluster):
    """What tasks wrote of themselves: how often each started and ended."""
    path = cluster.directory / "tasks"
    lines = path.read_text().splitlines() if path.exists() else []
    counts = collections.Counter(lines)
    return ({line.split()[1]: n for line, n in counts.items() if line.startswith("start ")},
            {line.split()[1]: n for line, n in counts.items() if line.startswith("end ")})


class Watch:
    """Samples of what is in ZooKeeper, while all goes on: who may write, and what was written last."""

    def __init__(self):
        self.last = (0, 0)
        self.samples = 0

    def see(self, commit):
        """The text of the commit node: "EPOCH NUMBER"."""
        epoch, number = map(int, commit.split())
        if (epoch, number) < self.last:
            raise Failed(f"commit {epoch} {number} is in ZooKeeper after {self.last[0]} {self.last[1]}: a leader that "
                         "was deposed has written, or what was written is lost")
        self.last = (epoch, number)
        self.samples += 1


def check_no_task_twice(cluster):
    started, ended = lives(cluster)
    twice = {task: n for task, n in [*started.items(), *ended.items()] if n > 1}
    if twice:
        raise Failed(f"tasks were launched more than once: {twice}")


def check_frameworks(cluster):
    started, ended = lives(cluster)
    for name, records in read(cluster).items():
        ids = {r["id"] for r in records if r["what"] == "subscribed"}
        if len(ids) > 1:
            raise Failed(f"{name} got another id: {ids}")
        errors = [r["message"] for r in records if r["what"] == "error"]
        if errors:
            raise Failed(f"{name} was told an error: {errors}")
        check_tasks(name, records, started, ended)


def check_tasks(name, records, started, ended):
    launched = {r["task"] for r in records if r["what"] == "launch"}
    states = collections.defaultdict(list)
    for record in records:
        if record["what"] == "update":
            states[record["task"]].append(record)
    for task, updates in states.items():
        if task not in launched:
            raise Failed(f"{name} got an update for {task}, which it never launched")
        # The reasons of reconciliation repeat; what an agent says has a uuid.
        last = {u["state"] for u in updates if u["state"] in TERMINAL and u["uuid"]}
        if len(last) > 1:
            raise Failed(f"{task} of {name} ended in more than one way: {last}")
        if updates[-1]["state"] in NEVER_RAN and task in started:
            raise Failed(f"{task} of {name} is called {updates[-1]['state']}, but it ran")
    for task in ended:
        if task in launched and not any(u["state"] in TERMINAL for u in states[task]):
            raise Failed(f"{task} of {name} has ended and its framework was never told")


def check_unacknowledged_come_again(records):
    """A terminal update that was not acknowledged must have come again. Of one framework, at the end."""
    times = collections.Counter(r["uuid"] for r in records if r["what"] == "update" and r["uuid"])
    acknowledged = {r["uuid"] for r in records if r["what"] == "acknowledged"}
    for record in records:
        if record["what"] != "update" or not record["uuid"] or record["state"] not in TERMINAL:
            continue
        if record["uuid"] not in acknowledged and times[record["uuid"]] < 2:
            return record
    return None


def check_epochs(cluster):
    """No two masters have led in the same epoch."""
    leads = collections.Counter(epoch for master in cluster.masters for epoch in master.epochs())
    twice = [epoch for epoch, n in leads.items() if n > 1]
    if twice:
        raise Failed(f"more than one master led in the epochs {twice}")
    return len(leads)


def check_registry(cluster):
    """Every agent whose resources somebody was offered had been written down first, and still is."""
    export = cluster.directory / "registry"
    done = subprocess.run([BINARY, "store", "export", cluster.zk, export], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the registry cannot be exported: {done.stderr}")
    known = {line.split(" ")[0].rsplit("/", 1)[1] for line in export.read_text().splitlines()
             if line.startswith("registry/")}
    offered = {r["agent"] for records in read(cluster).values() for r in records if r["what"] == "offer"}
    if offered - known:
        raise Failed(f"agents whose resources were offered are not in the registry: {offered - known}")
    done = subprocess.run([BINARY, "store", "check", cluster.zk], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the store is damaged: {done.stderr}")
