"""Agents that stall, die or leave, and masters that come back, as frameworks see it (reference 2.7-2.9)."""
import os
import pathlib
import signal
import time

import mesos
import pytest
from conftest import Program
from mesos import command_task, wait_until

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
        self.master = Program("master", "--ip=127.0.0.1", f"--port={self.port}", "--registry=in_memory",
                              f"--work_dir={self.directory}/master", *self.master_flags)
        self.programs.append(self.master)
        self.host, self.port = self.master.address("master")

    def start_agent(self, name="agent"):
        agent = Program("agent", "--ip=127.0.0.1", "--port=0", f"--master={self.host}:{self.port}",
                        f"--work_dir={self.directory}/{name}", f"--runtime_dir={self.directory}/{name}-run",
                        f"--resources={AGENT_RESOURCES}", "--registration_backoff_factor=100ms")
        self.programs.append(agent)
        agent.address("agent")
        self.wait_for_metric("slaves_active", 1)
        return agent

    def framework(self, **info):
        return mesos.Framework(self.host, self.port, **info)

    def metrics(self):
        return mesos.get_json(self.host, self.port, "/metrics/snapshot")

    def wait_for_metric(self, name, value):
        """Metrics are published with a delay, the first time too."""
        wait_until(lambda: self.metrics().get(f"master/{name}") == value, f"{name} to be {value}")

    def state(self):
        return mesos.get_json(self.host, self.port, "/state")

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


@pytest.fixture
def make_pair(tmp_path):
    pairs = []

    def make(*master_flags):
        pairs.append(Pair(tmp_path / f"pair{len(pairs)}", *master_flags))
        return pairs[-1]

    yield make
    for pair in pairs:
        pair.stop()


def start_task(framework, command="sleep 1000"):
    """A running task; returns its id."""
    task = command_task(command)
    framework.launch(framework.offer(cpus=1), task)
    task_id = task["task_id"]["value"]
    framework.status(task_id, "TASK_STARTING")
    framework.status(task_id, "TASK_RUNNING")
    return task_id


def kill_and_expect_end(framework, task_id):
    framework.call("KILL", task_id={"value": task_id})
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"


def expect_whole_agent(framework):
    """Nothing of the agent is held by anything: it is offered as it was at first."""
    deadline = time.monotonic() + mesos.TIMEOUT
    while mesos.amount(offer := framework.offer(), "cpus") < 4:
        assert time.monotonic() < deadline, offer
        framework.decline(offer)  # One that was rescinded meanwhile is declined in vain.


@pytest.mark.parametrize("aware", [True, False])
def test_an_agent_that_stalls_and_comes_back(make_pair, aware):
    """Its tasks are unreachable (lost to frameworks of old) until it answers again."""
    pair = make_pair("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2")
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}] if aware else [])
    task_id = start_task(framework)

    pair.agent.process.send_signal(signal.SIGSTOP)
    lost = framework.status(task_id, "TASK_UNREACHABLE" if aware else "TASK_LOST")
    assert lost["reason"] == "REASON_AGENT_REMOVED" and lost["source"] == "SOURCE_MASTER"
    assert lost["unreachable_time"]["nanoseconds"] > 0 and "uuid" not in lost
    failure = framework.expect("FAILURE")["failure"]
    assert failure["agent_id"] == lost["agent_id"] and "executor_id" not in failure
    pair.wait_for_metric("slave_unreachable_completed", 1)

    pair.agent.process.send_signal(signal.SIGCONT)
    back = framework.status(task_id, "TASK_RUNNING")
    assert back["reason"] == "REASON_AGENT_REREGISTERED" and back["source"] == "SOURCE_MASTER"
    assert back["agent_id"] == lost["agent_id"]
    kill_and_expect_end(framework, task_id)
    expect_whole_agent(framework)


def test_a_stall_shorter_than_the_timeouts_goes_unnoticed(make_pair):
    pair = make_pair("--agent_ping_timeout=2secs", "--max_agent_ping_timeouts=5")
    framework = pair.framework()
    task_id = start_task(framework)
    pair.agent.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    pair.agent.process.send_signal(signal.SIGCONT)
    framework.quiet("FAILURE", "UPDATE", seconds=1)
    kill_and_expect_end(framework, task_id)


def test_the_master_stalls_and_the_agent_keeps_its_tasks(make_pair):
    """The agent gives the silent master up and subscribes anew; nobody else notices."""
    pair = make_pair("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3")
    framework = pair.framework()
    task_id = start_task(framework)
    pair.master.process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    pair.master.process.send_signal(signal.SIGCONT)
    wait_until(lambda: pair.metrics().get("master/slave_reregistrations", 0) >= 1, "the agent to subscribe anew")
    pair.wait_for_metric("slaves_active", 1)
    kill_and_expect_end(framework, task_id)
    expect_whole_agent(framework)


def test_a_master_dies_and_another_takes_its_place(make_pair):
    pair = make_pair()
    framework = pair.framework(failover_timeout=600)
    task_id = start_task(framework)
    pair.master.stop(signal.SIGKILL)
    framework.disconnect()

    pair.start_master()
    pair.wait_for_metric("slaves_active", 1)
    framework.subscribe()
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}}])
    # The agent repeats the status whose acknowledgement died with the master.
    while framework.status(task_id, "TASK_RUNNING").get("reason") != "REASON_RECONCILIATION":
        pass
    kill_and_expect_end(framework, task_id)
    expect_whole_agent(framework)


def test_a_task_ends_while_there_is_no_master(make_pair):
    """Its last status waits at the agent until a scheduler acknowledges it."""
    pair = make_pair()
    framework = pair.framework(failover_timeout=600)
    task_id = start_task(framework, f"until [ -e {pair.directory}/go ]; do sleep 0.05; done; exit 3")
    pair.master.stop(signal.SIGKILL)
    framework.disconnect()
    (pair.directory / "go").touch()

    pair.start_master()
    framework.subscribe()
    # The master may tell first what it heard of the task; the agent's own status is the one to acknowledge.
    while "uuid" not in (status := framework.status(task_id)) or status["state"] != "TASK_FAILED":
        assert status["state"] in ("TASK_RUNNING", "TASK_FAILED"), status
    expect_whole_agent(framework)


def test_an_agent_leaves(make_pair):
    """It kills its tasks, tells the master, and exits in order."""
    pair = make_pair()
    framework = pair.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    task_id = start_task(framework)
    assert pair.agent.stop(signal.SIGTERM) == 0, "".join(pair.agent.log)
    assert framework.status(task_id)["state"] in ("TASK_GONE", "TASK_KILLED")
    framework.expect("FAILURE")
    wait_until(lambda: not pair.state()["slaves"], "the master to forget the agent")
    pair.wait_for_metric("slave_removals/reason_unregistered", 1)


def test_an_idle_agent_leaves(make_pair):
    pair = make_pair()
    framework = pair.framework()
    framework.offer(cpus=4)
    assert pair.agent.stop(signal.SIGTERM) == 0, "".join(pair.agent.log)
    framework.expect("RESCIND")
    framework.expect("FAILURE")
    pair.wait_for_metric("slave_removals/reason_unregistered", 1)


def test_an_agent_that_died_registers_anew(make_pair):
    """Without memory of its tasks it is another agent; the first one's tasks are gone with it."""
    pair = make_pair()
    framework = pair.framework()
    start_task(framework)
    pair.agent.stop(signal.SIGKILL)
    pair.wait_for_metric("slaves_inactive", 1)
    pair.agent = pair.start_agent("second")
    framework.offer(cpus=4)
