# SPDX-License-Identifier: Apache-2.0
"""The real program as tests run it: once, as a local cluster, or as a master and an agent."""
import os
import pathlib
import re
import signal
import subprocess
import threading

import mesos

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TEPUI_BIN", ROOT / "build/release/bin/tepui"))


def tepui(*words, timeout=60, **options):
    """The outcome of a command that ends by itself."""
    return subprocess.run([str(BINARY), *map(str, words)], timeout=timeout, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)


def processes_in(directory):
    """The processes that work in a directory."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == directory.resolve():
                found.append(int(entry.parent.name))
        except OSError:
            pass  # It has ended, or is a thread of the kernel.
    return found


class Program:
    """A running tepui command. Its log is kept and shown when a test fails."""

    def __init__(self, *arguments, env=None, prefix=()):
        self.log = []
        self._listening = {}
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [*prefix, str(BINARY), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **(env or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.log.append(line)
                found = re.search(r"(master|agent) listening on \S*?([\d.]+):(\d+)", line, re.IGNORECASE)
                if found:
                    self._listening.setdefault(found[1].lower(), (found[2], int(found[3])))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def address(self, what):
        """Where its master or agent listens, once it says so."""
        with self._changed:
            self._changed.wait_for(
                lambda: what in self._listening or not self._reader.is_alive() or self.process.poll() is not None, 30)
            assert what in self._listening, "".join(self.log)
            return self._listening[what]

    def join(self):
        """Until all that it said is in the log."""
        self._reader.join(30)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("did not stop:\n" + "".join(self.log)) from None


class Cluster:
    """A local cluster and what tests ask of it."""

    def __init__(self, work_dir, *flags):
        self.work_dir = work_dir
        self.program = Program("local", "--ip=127.0.0.1", "--port=0", f"--work_dir={work_dir}",
                               f"--runtime_dir={work_dir}/run", *flags)
        self.host, self.port = self.program.address("master")
        self.agent_host, self.agent_port = self.program.address("agent")
        agents = int(next((f.split("=")[1] for f in flags if f.startswith("--num_agents=")), 1))
        mesos.wait_until(lambda: self.state()["activated_slaves"] == agents, "the agents")

    def framework(self, **info):
        return mesos.Framework(self.host, self.port, **info)

    def state(self):
        return mesos.get_json(self.host, self.port, "/state")

    def agent_state(self):
        return mesos.get_json(self.agent_host, self.agent_port, "/state")

    def metrics(self):
        return mesos.get_json(self.host, self.port, "/metrics/snapshot")

    def sandbox(self, framework, task_id):
        """The sandbox of a command task."""
        for entry in self.agent_state()["frameworks"] + self.agent_state()["completed_frameworks"]:
            if entry["id"] == framework.id:
                for executor in entry["executors"] + entry["completed_executors"]:
                    if executor["id"] == task_id:
                        return pathlib.Path(executor["directory"])
        raise AssertionError(f"no executor {task_id}")

    def stop(self):
        return self.program.stop()


AGENT_RESOURCES = "cpus:4;mem:1024;disk:1024;ports:[31000-31009]"


class Pair:
    """A master and an agent, each a process of its own."""

    def __init__(self, directory, *master_flags):
        self.directory = directory
        self.master_flags = master_flags
        self.programs = []
        self.host, self.port = "127.0.0.1", 0
        self.start_master()
        self.agent = self.start_agent()

    def start_master(self):
        """On the port of the one before, if there was one."""
        self.master = Program("master", "--ip=127.0.0.1", f"--port={self.port}",
                              f"--work_dir={self.directory}/master", *self.master_flags)
        self.programs.append(self.master)
        self.host, self.port = self.master.address("master")

    def spawn_agent(self, name="agent", port=0, flags=()):
        agent = Program("agent", "--ip=127.0.0.1", f"--port={port}", f"--master={self.host}:{self.port}",
                        f"--work_dir={self.directory}/{name}", f"--runtime_dir={self.directory}/{name}-run",
                        f"--resources={AGENT_RESOURCES}", "--registration_backoff_factor=100ms", *flags)
        self.programs.append(agent)
        return agent

    def start_agent(self, name="agent", port=0, flags=()):
        agent = self.spawn_agent(name, port, flags)
        agent.address("agent")
        self.wait_for_metric("slaves_active", 1)
        return agent

    def restart_agent(self, *flags, start=None):
        """The agent's next life, where the last one was."""
        _, port = self.agent.address("agent")
        self.agent = (start or self.start_agent)(port=port, flags=flags)
        return self.agent

    def framework(self, **info):
        return mesos.Framework(self.host, self.port, **info)

    def metrics(self):
        return mesos.get_json(self.host, self.port, "/metrics/snapshot")

    def wait_for_metric(self, name, value):
        """Metrics are published with a delay, the first time too."""
        mesos.wait_until(lambda: self.metrics().get(f"master/{name}") == value, f"{name} to be {value}")

    def state(self):
        return mesos.get_json(self.host, self.port, "/state")

    def agent_ids(self):
        """The ids of the agents that the master shows."""
        return [agent["id"] for agent in self.state()["slaves"]]

    def sandbox(self, task_id):
        """The sandbox of the last run of a command task."""
        return next(self.directory.glob(f"agent/slaves/*/frameworks/*/executors/{task_id}/runs/latest"))

    def stop(self):
        for program in reversed(self.programs):
            program.process.send_signal(signal.SIGCONT)
            program.stop()
        self.kill_orphans()

    def kill_orphans(self):
        """Tasks outlive an agent that was killed; here they have no other to find them."""
        for entry in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                if entry.readlink().is_relative_to(self.directory):
                    os.kill(int(entry.parent.name), signal.SIGKILL)
            except OSError:
                pass  # Ended by itself, or a thread of the kernel.
