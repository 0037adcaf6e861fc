# SPDX-License-Identifier: Apache-2.0
"""A master with 1 GB of memory, an agent and a scheduler that works, while others attack the master."""
import concurrent.futures
import contextlib
import os
import pathlib
import socket
import threading
import time

import mesos
from programs import AGENT_RESOURCES, Pair, Program

LIMIT = 1 << 30


class MemoryLimit:
    """A cgroup with a limit (v1 or v2), or else a limit of the data segment."""

    def __init__(self):
        self.path = None
        self.prefix = ["prlimit", f"--data={LIMIT}"]
        for root, limit, members in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "tasks"),
                                     ("/sys/fs/cgroup", "memory.max", "cgroup.procs")]:
            path = pathlib.Path(root, f"tepui-attack-{os.getpid()}")
            with contextlib.suppress(OSError):
                path.mkdir()
                self.path = path
                (path / limit).write_text(str(LIMIT))
                self.prefix = ["sh", "-c", f'echo 0 > {path / members} && exec "$@"', "sh"]
                return
            self.remove()

    def remove(self):
        if self.path is not None:
            mesos.wait_until(self._removed, "the cgroup to be empty")
        self.path = None

    def _removed(self):
        with contextlib.suppress(OSError):
            self.path.rmdir()
        return not self.path.exists()


class Attacked(Pair):
    def __init__(self, directory):
        self.limit = MemoryLimit()
        super().__init__(directory, "--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=5")
        self.address = (self.host, self.port)
        self.scheduler = self.framework(name="worker")
        self.waits = []  # How long each task of the scheduler took to run, in seconds.

    def start_master(self):
        self.master = Program("master", "--ip=127.0.0.1", "--port=0", f"--work_dir={self.directory}/master",
                              *self.master_flags, prefix=self.limit.prefix)
        self.programs.append(self.master)
        self.host, self.port = self.master.address("master")

    def stop(self):
        super().stop()
        self.limit.remove()

    def request(self, path, body, *headers):
        """The bytes of a POST of JSON."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.host}", "Content-Type: application/json", *headers,
                 f"Content-Length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def connect(self, timeout=60):
        connection = socket.create_connection(self.address, timeout)
        return connection

    def attack(self, rounds, one, threads=8):
        """Calls one(i) for each round; broken connections are the attacker's own trouble."""

        def guarded(i):
            with contextlib.suppress(OSError):
                one(i)

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(guarded, range(rounds)))

    @contextlib.contextmanager
    def at_work(self):
        """Meanwhile the scheduler runs one task after the other. Its stream, the agent's link and its master stay."""
        stop = threading.Event()
        failures = []

        def work():
            try:
                while not stop.is_set():
                    begun = time.monotonic()
                    task_id = mesos.command_task("true")["task_id"]["value"]
                    self.scheduler.launch(self.scheduler.offer(cpus=0.1), mesos.command_task("true", task_id=task_id))
                    assert self.scheduler.run_to_end(task_id)[-1]["state"] == "TASK_FINISHED"
                    self.waits.append(time.monotonic() - begun)
            except Exception as failure:  # Shown by the test's thread.
                failures.append(failure)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        yield
        stop.set()
        worker.join(30)
        log = "".join(self.master.log[-20:])
        assert self.master.process.poll() is None, log
        assert not failures, (failures, log)
        assert not worker.is_alive(), log
        metrics = self.metrics()
        assert metrics["master/slaves_active"] == 1 and metrics["master/slave_reregistrations"] == 0, log
