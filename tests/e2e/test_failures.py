# SPDX-License-Identifier: Apache-2.0
"""The failure test (tests/failure): its cases by name, a short run at random, and what its checks find."""
import concurrent.futures
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/failure"))
import cases  # noqa: E402
import history  # noqa: E402
from cluster import Failed  # noqa: E402

NO_NAMESPACES = 77


def run(*words):
    done = subprocess.run([ROOT / "scripts/failure_test.sh", *words], timeout=400, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode == NO_NAMESPACES:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout
    assert "all is right" in done.stdout


@pytest.fixture(scope="module")
def runs(request):
    """Those of the tests that were asked for, two at a time: a cluster mostly waits."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asked = [item.callspec.params["words"] for item in request.session.items
                 if item.originalname == "test_everything_comes_right"]
        yield {words: pool.submit(run, *words) for words in asked}


@pytest.mark.parametrize("words", [*((f"--case={name}",) for name in sorted(cases.CASES)), ("20", "7")], ids=" ".join)
def test_everything_comes_right(words, runs):
    runs[words].result()


def records(*updates):
    """The history of a framework that launched task "t", got these updates and acknowledged those that say so."""
    made = [{"what": "launch", "task": "t", "agent": "a"}]
    for state, uuid, acknowledged in updates:
        made.append({"what": "update", "task": "t", "state": state, "uuid": uuid})
        if acknowledged:
            made.append({"what": "acknowledged", "task": "t", "state": state, "uuid": uuid})
    return made


def test_a_history_without_fault_is_right():
    seen = records(("TASK_RUNNING", "1", True), ("TASK_FINISHED", "2", False), ("TASK_FINISHED", "2", True))
    history.check_tasks("f", seen, {"t": 1}, {"t": 1})
    assert history.check_unacknowledged_come_again(seen) is None
    history.check_tasks("f", records(("TASK_UNKNOWN", None, False)), {}, {})


@pytest.mark.parametrize("seen, started, ended, said", [
    (records(("TASK_RUNNING", "1", True)), {"t": 1}, {"t": 1}, "never told"),
    (records(("TASK_FINISHED", "1", True), ("TASK_FAILED", "2", True)), {"t": 1}, {}, "more than one way"),
    (records(("TASK_UNKNOWN", None, False)), {"t": 1}, {}, "but it ran"),
    (records()[1:] + records(("TASK_RUNNING", "1", True))[1:], {}, {}, "never launched")])
def test_a_history_that_is_wrong_is_found(seen, started, ended, said):
    with pytest.raises(Failed, match=said):
        history.check_tasks("f", seen, started, ended)


def test_an_update_that_never_came_again_is_found():
    assert history.check_unacknowledged_come_again(records(("TASK_FINISHED", "1", False)))["uuid"] == "1"


def test_a_deposed_leader_that_writes_is_found():
    watch = history.Watch()
    for commit in ("1 1", "1 7", "3 1", "3 1"):
        watch.see(commit)
    for commit in ("1 8", "3 0"):
        with pytest.raises(Failed, match="after 3 1"):
            watch.see(commit)


class FakeCluster:
    def __init__(self, directory):
        self.directory = directory


def test_a_task_that_was_launched_twice_is_found(tmp_path):
    (tmp_path / "tasks").write_text("start a\nstart b\nend a\n")
    history.check_no_task_twice(FakeCluster(tmp_path))
    (tmp_path / "tasks").write_text("start a\nstart b\nstart a\n")
    with pytest.raises(Failed, match="'a': 2"):
        history.check_no_task_twice(FakeCluster(tmp_path))
