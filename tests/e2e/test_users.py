# SPDX-License-Identifier: Apache-2.0
"""Every kind of launch as an ordinary user, on an agent of root."""
import os
import pathlib
import shutil
import tarfile
import tempfile

import mesos
import pytest
from mesos import command_task, executor_task, scalar
from programs import Cluster

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run tasks of another user")

HERE = pathlib.Path(__file__).resolve().parent
NOBODY = 65534
PROVE = "test $(id -un) = nobody && touch mine && ls -A"


@pytest.fixture(scope="module")
def public():
    """A directory that every user can pass through, unlike that of pytest."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tepui-users."))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def cluster(public):
    # The modes of its directories must not come from the umask of whoever starts it.
    before = os.umask(0o077)
    made = Cluster(public / "cluster")
    os.umask(before)
    yield made
    assert made.stop() == 0, "".join(made.program.log[-50:])


@pytest.fixture
def framework(cluster):
    made = cluster.framework(user="nobody")
    yield made
    made.call("TEARDOWN")


def finishes(framework, task_id):
    last = framework.run_to_end(task_id)[-1]
    assert last["state"] == "TASK_FINISHED", last


def launch_group(framework, offer, *tasks, role="*"):
    for task in tasks:
        task["agent_id"] = offer["agent_id"]
    executor = {"type": "DEFAULT", "executor_id": {"value": "group"}, "framework_id": {"value": framework.id},
                "resources": [{**scalar("cpus", 0.1), "allocation_info": {"role": role}},
                              {**scalar("mem", 32), "allocation_info": {"role": role}},
                              {**scalar("disk", 1), "allocation_info": {"role": role}}]}
    return {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": list(tasks)}}}


def test_a_command_task(framework):
    _, statuses = framework.run_task(PROVE)
    assert statuses[-1]["state"] == "TASK_FINISHED", statuses[-1]


def test_a_task_group(cluster, framework):
    """Each task has its own user, and none of them may list or change the sandbox of the executor."""
    as_nobody = command_task(f"{PROVE} && ! ls ../.. && ! touch ../../mine && ! touch ../mine")
    as_daemon = command_task({"value": "test $(id -un) = daemon && touch mine", "user": "daemon"})
    offer = framework.offer(cpus=1)
    framework.accept(offer, [launch_group(framework, offer, as_nobody, as_daemon)])
    finishes(framework, as_nobody["task_id"]["value"])
    finishes(framework, as_daemon["task_id"]["value"])
    sandbox = cluster.sandbox(framework, "group")
    for task, name in (as_nobody, "nobody"), (as_daemon, "daemon"):
        directory = sandbox / "tasks" / task["task_id"]["value"]
        assert (directory / "mine").owner() == name
        assert directory.stat().st_mode & 0o7777 == 0o750


def test_a_custom_executor(public, framework):
    for name in ("executor.py", "mesos.py"):
        shutil.copy(HERE / name, public)
        (public / name).chmod(0o644)
    task = executor_task("finish")
    task["executor"]["framework_id"] = {"value": framework.id}
    task["executor"]["command"] = {"value": f"{PROVE} && exec /usr/bin/python3 {public}/executor.py"}
    framework.launch(framework.offer(cpus=1), task)
    finishes(framework, task["task_id"]["value"])


@pytest.mark.parametrize("group", [False, True])
def test_fetched_files(public, framework, group):
    (public / "file").write_text("fetched")
    (public / "file").chmod(0o644)
    with tarfile.open(public / "archive.tar.gz", "w:gz") as archive:
        archive.add(public / "file", "below/unpacked")
    (public / "archive.tar.gz").chmod(0o644)
    task = command_task({
        "value": f"{PROVE} && grep fetched file below/unpacked && echo more >> below/unpacked && rm -r file below",
        "uris": [{"value": str(public / "file")}, {"value": str(public / "archive.tar.gz"), "extract": True}]})
    offer = framework.offer(cpus=1)
    if group:
        framework.accept(offer, [launch_group(framework, offer, task)])
    else:
        framework.launch(offer, task)
    finishes(framework, task["task_id"]["value"])


@pytest.mark.parametrize("group", [False, True])
def test_volumes(cluster, group):
    role = f"group-{group}"
    framework = cluster.framework(user="nobody", roles=[role], capabilities=[{"type": "MULTI_ROLE"}])
    allocated = {"allocation_info": {"role": role}}
    disk = {**scalar("disk", 16), "reservations": [{"type": "DYNAMIC", "role": role}], **allocated}
    volume = {**disk, "disk": {"persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "below/data"}}}
    task = command_task(f"{PROVE} && echo text > below/data/file && touch below/more && rm below/data")
    task["resources"] = [{**resource, **allocated} for resource in task["resources"]] + [volume]
    offer = framework.offer(cpus=1)
    task["agent_id"] = offer["agent_id"]
    launch = (launch_group(framework, offer, task, role=role) if group
              else {"type": "LAUNCH", "launch": {"task_infos": [task]}})
    framework.accept(offer, [{"type": "RESERVE", "reserve": {"resources": [disk]}},
                             {"type": "CREATE", "create": {"volumes": [volume]}}, launch])
    finishes(framework, task["task_id"]["value"])
    written = next(cluster.work_dir.glob(f"agents/*/work/volumes/roles/{role}/v/file"))
    assert written.stat().st_uid == NOBODY and written.read_text() == "text\n"
    framework.call("TEARDOWN")


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_directories_do_not_depend_on_the_umask(public, umask):
    before = os.umask(umask)
    work = public / f"umask-{umask}"
    cluster = Cluster(work / "w", f"--log_dir={work}/log")
    os.umask(before)
    try:
        framework = cluster.framework(user="nobody")
        framework.run_task(PROVE)
        for path in work, work / "w", work / "log", *work.glob("w/agents/*/work/slaves/*/frameworks/*/executors/*/runs"):
            assert path.stat().st_mode & 0o7777 == 0o755, path
        open_to_all = [path for path in work.rglob("*") if path.is_dir() and not path.is_symlink()
                       and path.stat().st_mode & 0o022]
        assert not open_to_all
    finally:
        cluster.stop()
