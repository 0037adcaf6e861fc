# SPDX-License-Identifier: Apache-2.0
"""Tasks of an ordinary user plant links where the agent, which is root, works: it must act nowhere else."""
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import urllib.parse

import pytest

E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e"
sys.path.insert(0, str(E2E))
import mesos  # noqa: E402
from mesos import command_task, scalar, wait_until  # noqa: E402
from programs import Pair  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run tasks of another user")

ROLE = {"allocation_info": {"role": "r"}}
DISK = {**scalar("disk", 64), "reservations": [{"type": "DYNAMIC", "role": "r"}], **ROLE}


@pytest.fixture
def public():
    """A directory that every user can pass through, unlike that of pytest."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tepui-attack."))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def pair(public):
    made = Pair(public, "--no-root_submissions")
    yield made
    made.stop()


@pytest.fixture
def victim(public):
    """It stands for a directory of the machine, such as /etc/systemd/system."""
    directory = public / "victim"
    directory.mkdir(mode=0o755)
    (directory / "secret").write_text("secret")
    (directory / "secret").chmod(0o600)
    yield directory
    assert [entry.name for entry in directory.iterdir()] == ["secret"]
    assert directory.stat().st_uid == 0 and (directory / "secret").read_text() == "secret"


def volume(identity, path):
    return {**DISK, "disk": {"persistence": {"id": identity}, "volume": {"mode": "RW", "container_path": path}}}


def with_role(task, offer, *more):
    task["resources"] = [{**resource, **ROLE} for resource in task["resources"]] + list(more)
    task["agent_id"] = offer["agent_id"]
    return task


def framework_of_nobody(pair, **info):
    return pair.framework(user="nobody", roles=["r"], capabilities=[{"type": "MULTI_ROLE"}], **info)


def create(*volumes):
    """Operations that reserve a disk for each volume and create it."""
    return [operation for made in volumes for operation in (
        {"type": "RESERVE", "reserve": {"resources": [DISK]}}, {"type": "CREATE", "create": {"volumes": [made]}})]


def launch(*tasks):
    return {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}


def test_a_volume_is_not_linked_through_a_link_of_an_executor(pair, public, victim):
    """The executor plants the link before a task with a volume comes to it."""
    for name in ("executor.py", "mesos.py"):
        shutil.copy(E2E / name, public)
        (public / name).chmod(0o644)
    framework = framework_of_nobody(pair)
    wanted = volume("v1", "x/service.d")

    def task(offer, *more):
        made = mesos.executor_task("run")
        made["executor"].update(framework_id={"value": framework.id}, resources=[], command={
            "value": f"ln -s {victim} x; exec /usr/bin/python3 {public}/executor.py"})
        return with_role(made, offer, *more)

    offer = framework.offer(cpus=1)
    first = task(offer)
    framework.accept(offer, [*create(wanted), launch(first)])
    framework.status(first["task_id"]["value"], "TASK_RUNNING")
    offer = framework.offer(cpus=1, where=lambda o: any("persistence" in r.get("disk", {}) for r in o["resources"]))
    second = task(offer, wanted)
    framework.launch(offer, second)
    status = framework.status(second["task_id"]["value"], "TASK_FAILED")
    assert "symbolic link" in status["message"]


def test_a_restarted_agent_follows_no_link_of_a_task(pair, victim):
    """It would link the volumes once more, and clear the way for the links."""
    framework = framework_of_nobody(pair, checkpoint=True, failover_timeout=1000.0)
    volumes = [volume("v1", "x/service.d"), volume("v2", "y/secret")]
    offer = framework.offer(cpus=1)
    script = f"for d in x y; do mv $d $d.old; ln -s {victim} $d; done; touch planted; sleep 1000"
    task = with_role(command_task(script), offer, *volumes)
    framework.accept(offer, [*create(*volumes), launch(task)])
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    wait_until(lambda: (pair.sandbox(task_id) / "planted").exists(), "the links")
    pair.agent.process.kill()
    pair.agent.process.wait()
    pair.restart_agent()
    wait_until(lambda: pair.metrics().get("master/tasks_running") == 1, "the task to be back")


def test_files_outside_are_not_read_while_a_task_swaps_them(pair, victim):
    """Resolving a path and then opening it by name handed out every tenth file."""
    framework = framework_of_nobody(pair)
    script = f"mkdir x; echo harmless > x/secret; ln -s {victim} link; while mv -T --exchange x link; do :; done"
    if os.system("mv --help | grep -q -- --exchange") != 0:
        # coreutils 9.1 has no --exchange.
        script = ("exec /usr/bin/python3 -c '"
                  "import ctypes, os; libc = ctypes.CDLL(None); os.mkdir(\"x\"); open(\"x/secret\", \"w\").write(\"harmless\");"
                  f"os.symlink(\"{victim}\", \"link\")\n"
                  "while True: libc.renameat2(-100, b\"x\", -100, b\"link\", 2)'")
    offer = framework.offer(cpus=1)
    task = with_role(command_task(script), offer)
    framework.launch(offer, task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    sandbox = pair.sandbox(task_id)
    wait_until(lambda: (sandbox / "x").exists(), "the task to swap")
    host, port = pair.agent.address("agent")
    path = urllib.parse.quote(str(sandbox / "x" / "secret"))
    answers = {}
    lock = threading.Lock()

    def read():
        for _ in range(1_000):
            status, text, _ = mesos.get(host, port, f"/files/read?path={path}&offset=0")
            with lock:
                answers.setdefault(status, set()).add(text)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert set(answers) <= {200, 403, 404}, answers
    assert answers[200] == {'{"offset":0,"data":"harmless"}'}
