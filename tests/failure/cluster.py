# SPDX-License-Identifier: Apache-2.0
"""The cluster under test: processes on machines of their own, and somebody who starts again what ended."""
import http.client
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import zookeeper  # noqa: E402

PORT = 5050
SESSION = 4  # Seconds until ZooKeeper gives up who is silent.
HERE = pathlib.Path(__file__).resolve().parent
BINARY = pathlib.Path(os.environ.get("TEPUI_BIN", HERE.parents[1] / "build/release/bin/tepui"))


class Failed(Exception):
    """What must not happen did."""


def clock_library(directory):
    """What moves the clocks (clock.c), made once."""
    library = directory / "clock.so"
    if not library.exists():
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, HERE / "clock.c"], check=True)
    return library


class Node:
    """One program on one machine, with a wall clock of its own. Its log is kept over restarts."""

    may_say = ""  # What is in the sentence with which it may end by itself; empty: it may not.

    def __init__(self, network, directory, name):
        self.name, self.host = name, network.add(name)
        self.directory = directory / name
        self.directory.mkdir()
        self.network = network
        self.clock = self.directory / "clock"
        self.set_clock(0)
        self.process = None
        self.stopped = False
        self.killed = False  # By us, since it was started.
        self.starts = 0

    def command(self):
        raise NotImplementedError

    def start(self):
        environment = {**os.environ, "LD_PRELOAD": clock_library(self.directory.parent), "FAILURE_CLOCK": self.clock}
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([*self.network.prefix(self.name), *map(str, self.command())], stdout=log,
                                            stderr=log, cwd=self.directory, env=environment)
        self.killed = self.stopped = False
        self.starts += 1

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.stopped = True
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.stopped = False
        self.process.send_signal(signal.SIGCONT)

    def set_clock(self, seconds):
        """How far it is from the machine's."""
        # Where it is, for the program has it mapped.
        with open(self.clock, "r+b" if self.clock.exists() else "wb") as clock:
            clock.write(struct.pack("q", seconds))

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def check_end(self):
        """How it ended: by our hand, or because it must, which it said last."""
        last = self.log()[-3000:]
        if not self.killed and (self.process.returncode != 1 or not self.may_say or self.may_say not in last):
            raise Failed(f"{self.name} ended with {self.process.returncode}:\n{last}")


class ZooKeeper(Node):
    def __init__(self, network, directory, number):
        super().__init__(network, directory, f"zk{number}")
        self.number = number
        # A disk of its own, which can be filled.
        self.disk = self.directory / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(self.disk)], check=True)

    def configure(self, servers):
        lines = "".join(f"server.{s.number}={s.host}:2888:3888\n" for s in servers)
        self.server = zookeeper.Server(self.disk / "server", self.number, self.host, 2181, lines)

    def command(self):
        return zookeeper.server_command(self.server.directory / "zoo.cfg", "-Xmx96m", "-Dzookeeper.preAllocSize=1024")

    def check_end(self):
        pass  # Not ours to judge: a server whose disk is full ends.


class Master(Node):
    may_say = "The master ends: "

    def __init__(self, network, directory, number, zk):
        super().__init__(network, directory, f"master{number}")
        self.zk = zk

    def command(self):
        return [BINARY, "master", f"--zk={self.zk}", "--quorum=2", f"--ip={self.host}", f"--hostname={self.host}",
                f"--port={PORT}", f"--zk_session_timeout={SESSION}secs", "--agent_ping_timeout=1secs",
                "--max_agent_ping_timeouts=4", "--allocation_interval=200ms"]

    def get(self, path, timeout=2):
        """Status and body; (None, "") without an answer."""
        connection = http.client.HTTPConnection(self.host, PORT, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return None, ""
        finally:
            connection.close()

    def epochs(self):
        return [int(epoch) for epoch in re.findall(r"Leading in epoch (\d+)", self.log())]


class Agent(Node):
    may_say = "its disk is full; make room"

    def __init__(self, network, directory, number, zk):
        super().__init__(network, directory, f"agent{number}")
        self.zk = zk
        self.disk = self.directory / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(self.disk)], check=True)

    def command(self):
        return [BINARY, "agent", f"--master={self.zk}", f"--ip={self.host}", f"--hostname={self.host}", "--port=5051",
                f"--zk_session_timeout={SESSION}secs", f"--work_dir={self.disk}/work",
                f"--runtime_dir={self.directory}/run", "--resources=cpus:4;mem:1024;disk:1024",
                "--registration_backoff_factor=200ms"]


class Framework(Node):
    def __init__(self, network, directory, number, masters, seed):
        super().__init__(network, directory, f"framework{number}")
        self.masters, self.seed, self.shared = masters, seed, directory

    def command(self):
        return [sys.executable, HERE / "framework.py", self.name, self.shared, self.seed,
                *(f"{m.host}:{PORT}" for m in self.masters)]


class Cluster:
    """Three ZooKeeper servers, three masters, agents and two frameworks. Programs that end by themselves are started
    again after a second, as by systemd, unless they are `held`."""

    def __init__(self, network, directory, seed, agents=3):
        self.network, self.directory = network, directory
        self.servers = [ZooKeeper(network, directory, n) for n in (1, 2, 3)]
        for server in self.servers:
            server.configure(self.servers)
        self.zk = "zk://" + ",".join(f"{s.host}:2181" for s in self.servers) + "/mesos"
        self.masters = [Master(network, directory, n, self.zk) for n in (1, 2, 3)]
        self.agents = [Agent(network, directory, n + 1, self.zk) for n in range(agents)]
        self.frameworks = [Framework(network, directory, n, self.masters, seed) for n in (1, 2)]
        self.nodes = [*self.servers, *self.masters, *self.agents, *self.frameworks]
        self.held = set()
        self.failure = None
        self.answers = {}  # Number of answers of masters to /state, by status.
        self._stop = threading.Event()

    def start(self):
        for node in self.nodes:
            node.start()
        threading.Thread(target=self._supervise, daemon=True).start()

    def add_agent(self):
        agent = Agent(self.network, self.directory, len(self.agents) + 1, self.zk)
        agent.start()
        self.agents.append(agent)
        self.nodes.append(agent)

    def _supervise(self):
        while not self._stop.wait(1):
            for node in list(self.nodes):
                if node.process.poll() is None or node in self.held:
                    continue
                try:
                    node.check_end()
                except Failed as failure:
                    self.failure = self.failure or failure
                node.start()

    def stop(self):
        self._stop.set()

    def leader(self):
        """The master that serves; None if none does."""
        for master in self.masters:
            if not master.stopped and master.get("/slaves")[0] == 200:
                return master
        return None

    def wait_for_leader(self, but=None, timeout=60):
        def find():
            leader = self.leader()
            return leader if leader is not but else None

        return wait_until(find, "a leader", timeout, self)

    def state(self):
        leader = self.leader()
        if leader is None:
            return None
        status, body = leader.get("/state")
        return json.loads(body) if status == 200 else None

    def whole(self):
        """One leader, all agents and frameworks active."""
        state = self.state()
        return (state and state["activated_slaves"] == len(self.agents) and len(state["slaves"]) == len(self.agents)
                and sorted(f["name"] for f in state["frameworks"] if f["active"]) == ["framework1", "framework2"]
                and state)

    def wait_until_whole(self, timeout=120):
        return wait_until(self.whole, "all to be whole again", timeout, self)


def wait_until(condition, what, timeout=60, cluster=None):
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"timed out after {timeout} s waiting for {what}" + (describe(cluster) if cluster else ""))
        time.sleep(0.1)


def describe(cluster):
    state = cluster.state()
    if state is None:
        return "; no master leads: " + str({m.name: m.get("/slaves")[0] for m in cluster.masters})
    return "; the leader shows " + json.dumps(
        {"agents": {a["hostname"]: a["active"] for a in state["slaves"]},
         "frameworks": {f["name"]: f["active"] for f in state["frameworks"]}})
