# SPDX-License-Identifier: Apache-2.0
"""What tasks fetch must not reach other tasks, stop their fetching, or fill their disk."""
import contextlib
import http.server
import os
import pathlib
import sys
import threading
import zipfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from mesos import command_task, scalar, wait_until  # noqa: E402
from programs import Cluster, Pair, Program  # noqa: E402


class Web:
    """Serves a folder; what begins with /slow comes a byte at a time, and never ends."""

    def __init__(self, folder):
        self.asked = []
        self.stopped = threading.Event()
        folder.mkdir()
        web = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(folder))

            def do_GET(self):
                web.asked.append(self.path)
                with contextlib.suppress(OSError):
                    if self.path.startswith("/slow"):
                        self.trickle()
                    else:
                        super().do_GET()

            def trickle(self):
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                while not web.stopped.wait(0.2):
                    self.wfile.write(b"x")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{path}"

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(tmp_path):
    made = Web(tmp_path / "web")
    for letter in "ab":
        (tmp_path / "web" / letter).write_text(letter * 1000)
    yield made
    made.stop()


@pytest.fixture
def pair(tmp_path):
    made = Pair(tmp_path / "pair")
    yield made
    made.stop()


def offer_of(framework, agent):
    """An offer of this agent, or of any."""
    while True:
        offer = framework.offer(cpus=0.2)
        if agent in (None, offer["agent_id"]["value"]):
            return offer
        framework.decline(offer)


def run(framework, command, *uris, agent=None, **more):
    """The last status of a task that fetches the URIs."""
    task = command_task({"value": command, "uris": list(uris)}, **more)
    framework.launch(offer_of(framework, agent), task)
    return framework.run_to_end(task["task_id"]["value"])[-1]


def only(letter):
    return f"test $(tr -d {letter} < {letter} | wc -c) = 0 && test $(wc -c < {letter}) = 1000"


def cached(web, letter):
    return {"value": web.url(letter), "cache": True}


def test_two_agents_of_one_machine_keep_their_files_apart(pair, web):
    framework = pair.framework()
    first = pair.agent_ids()[0]
    assert run(framework, only("a"), cached(web, "a"), agent=first)["state"] == "TASK_FINISHED"
    pair.spawn_agent("other").address("agent")
    pair.wait_for_metric("slaves_active", 2)
    second = next(agent for agent in pair.agent_ids() if agent != first)
    for letter, agent in [("b", second), ("a", first), ("a", second), ("b", first)]:
        status = run(framework, only(letter), cached(web, letter), agent=agent)
        assert status["state"] == "TASK_FINISHED", status
    assert sorted(web.asked) == ["/a", "/a", "/b", "/b"]  # Each agent asked once.


def test_a_cached_file_that_is_gone_is_fetched_again(pair, web):
    framework = pair.framework()
    cache = pair.directory / "agent/fetch/cache"
    assert run(framework, only("a"), cached(web, "a"))["state"] == "TASK_FINISHED"
    assert cache.stat().st_mode & 0o7777 == 0o700
    for file in cache.iterdir():
        file.unlink()
    for _ in range(2):
        status = run(framework, only("a"), cached(web, "a"))
        assert status["state"] == "TASK_FINISHED", status
    assert web.asked == ["/a", "/a"]


def test_a_cache_of_others_is_refused(pair, tmp_path):
    """An agent names the other one whose cache it is, and does not use what others can write to."""
    used = pair.directory / "agent/fetch"
    second = pair.spawn_agent("other", flags=[f"--fetcher_cache_dir={used}"])
    assert second.process.wait(30) == 1
    second.join()
    assert f"(pid {pair.agent.process.pid}) keeps its downloads in '{used}/cache'" in "".join(second.log)

    planted = tmp_path / "planted/cache"
    planted.mkdir(parents=True)
    planted.chmod(0o777)
    third = pair.spawn_agent("third", flags=[f"--fetcher_cache_dir={planted.parent}"])
    assert third.process.wait(30) == 1
    third.join()
    assert f"'{planted}' can be written by other users" in "".join(third.log)


def test_the_agents_of_a_local_cluster_have_a_cache_each(tmp_path):
    cluster = Cluster(tmp_path / "local", "--num_agents=2", f"--fetcher_cache_dir={tmp_path}/cache")
    try:
        assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("cache/*/*")) == [
            "cache/0/cache", "cache/1/cache"]
    finally:
        assert cluster.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_a_local_cluster_does_not_work_where_others_can(tmp_path):
    """Its default is below the directory for temporary files, where anybody may have been before."""
    (tmp_path / "mesos").mkdir()
    os.chown(tmp_path / "mesos", 65534, 65534)
    cluster = Program("local", "--ip=127.0.0.1", "--port=0", env={"TMPDIR": str(tmp_path)})
    assert cluster.process.wait(30) == 2
    cluster.join()
    assert f"'{tmp_path}/mesos' belongs to the user with id 65534" in "".join(cluster.log)
    assert not list((tmp_path / "mesos").iterdir())


def test_slow_downloads_do_not_stop_others(pair, web):
    slow = pair.framework()
    tasks = [command_task({"value": "true", "uris": [{"value": web.url("slow")}]}) for _ in range(6)]
    slow.launch(slow.offer(cpus=1), *tasks, refuse_seconds=1000)  # What is left is for the other one.
    other = pair.framework()
    wait_until(lambda: len(web.asked) >= 4, "the slow downloads")
    assert run(other, only("a"), {"value": web.url("a")})["state"] == "TASK_FINISHED"
    # A task that waits for its turn, like one that downloads, can be killed.
    for task in tasks:
        slow.call("KILL", task_id=task["task_id"])
    for task in tasks:
        slow.run_to_end(task["task_id"]["value"])


def test_what_is_fetched_must_fit_into_the_disk_of_the_task(pair, web, tmp_path):
    framework = pair.framework()
    (tmp_path / "web/large").write_bytes(bytes(3 << 20))
    with zipfile.ZipFile(tmp_path / "web/bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", bytes(3 << 20))
    resources = [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 2)]
    for name in ["large", "bomb.zip"]:
        status = run(framework, "true", {"value": web.url(name)}, resources=resources)
        assert status["state"] == "TASK_FAILED" and "the task's disk of 2MB" in status["message"], status


def test_names_of_urls_and_archives(pair, web, tmp_path):
    name = "gr\u00fcn/\u65e5\u672c.txt"
    with zipfile.ZipFile(tmp_path / "web/names.zip", "w") as archive:
        archive.writestr(name, "found")
    framework = pair.framework()
    status = run(framework, f"test $(cat {name}) = found", {"value": web.url("names.zip?token=" + "t" * 300)})
    assert status["state"] == "TASK_FINISHED", status
