# SPDX-License-Identifier: Apache-2.0
"""Several masters, an ensemble of three ZooKeeper servers, and what of them may fail (reference 4, 1.1)."""
import http.client
import os
import pathlib
import re
import signal
import subprocess
import threading

import mesos
import pytest
import zookeeper
from mesos import wait_until
from programs import AGENT_RESOURCES, Program

CONFORMANCE = pathlib.Path(__file__).resolve().parents[1] / "conformance"
CLIENTS = pathlib.Path(os.environ.get("TEPUI_CLIENTS", CONFORMANCE.parents[1] / "build/clients"))
# ZooKeeper keeps the sessions of what died for so long.
SESSION = 3


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """One ensemble for all tests; each has a path of its own, and leaves all servers running."""
    made = zookeeper.Ensemble(tmp_path_factory.mktemp("zookeeper"))
    made.start()
    made.wait_until_serving()
    yield made
    made.stop()


class Masters:
    """Masters that elect a leader, and an agent."""

    count = 0

    def __init__(self, ensemble, directory, credentials="", session=SESSION):
        Masters.count += 1
        self.session = session
        self.zk = ensemble.address(f"/mesos{Masters.count}", credentials)
        self.directory = directory
        self.programs, self.masters = [], []

    def start(self, what, *flags):
        program = Program(what, "--ip=127.0.0.1", "--hostname=127.0.0.1", "--port=0",
                          f"--zk_session_timeout={self.session}secs", *flags)
        self.programs.append(program)
        program.address(what)
        return program

    def start_master(self, *flags):
        """Without a work_dir: what it keeps is in ZooKeeper."""
        self.masters.append(self.start("master", f"--zk={self.zk}", "--quorum=2", *flags))
        return self.masters[-1]

    def start_agent(self):
        return self.start("agent", f"--master={self.zk}", f"--work_dir={self.directory}/agent",
                          f"--runtime_dir={self.directory}/agent-run", f"--resources={AGENT_RESOURCES}",
                          "--registration_backoff_factor=100ms")

    def leader(self, but=None):
        """The one master that serves, which is not `but`, once there is one."""

        def find():
            serving = [m for m in self.masters if m not in (but, None) and answer(m, "/state")[0] == 200]
            assert len(serving) < 2, "two masters lead"
            return serving[0] if serving else None

        return wait_until(find, "a leader", timeout=60)

    def stop(self):
        for program in reversed(self.programs):
            if program.process.poll() is None:
                program.process.send_signal(signal.SIGCONT)
                program.stop(signal.SIGKILL if program in self.masters else signal.SIGTERM)


def answer(master, path, method="GET", timeout=5):
    """Status and headers; (None, {}) of one that gives none."""
    host, port = master.address("master")
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
        return response.status, dict(response.getheaders())
    except (OSError, http.client.HTTPException):
        return None, {}
    finally:
        connection.close()


def state(master):
    return mesos.get_json(*master.address("master"), "/state")


def running(master, task_id):
    """Whether its state shows the task as running on an agent that is active."""
    shown = state(master)
    tasks = [t["state"] for f in shown["frameworks"] for t in f["tasks"] if t["id"] == task_id]
    return shown["activated_slaves"] == 1 and tasks == ["TASK_RUNNING"]


def framework_of(master, **info):
    host, port = master.address("master")
    return mesos.Framework(host, port, failover_timeout=3600, **info)


def move(framework, master):
    framework.disconnect()
    framework.host, framework.port = master.address("master")
    framework.subscribe()


@pytest.fixture
def masters(ensemble, tmp_path):
    made = Masters(ensemble, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def cluster(masters):
    """Two masters, the first of which leads, and an agent."""
    masters.start_master()
    leader = masters.leader()
    masters.start_master()
    masters.agent = masters.start_agent()
    wait_until(lambda: state(leader)["activated_slaves"] == 1, "the agent")
    return masters


def test_who_does_not_lead_sends_clients_on_to_who_does(cluster):
    leader, other = cluster.masters
    _, port = leader.address("master")

    def redirected(path, method="GET"):
        status, headers = answer(other, path, method)
        return status, headers.get("Location")

    wait_until(lambda: redirected("/state")[0] == 307, "the other to know who leads")
    for path in ("/state", "/master/state", "/slaves?slave_id=a%2Fb", "/metrics/snapshot"):
        assert redirected(path) == (307, f"//127.0.0.1:{port}{path}")
    for path in ("/api/v1/scheduler", "/api/v1", "/teardown", "/master/teardown"):
        assert redirected(path, "POST") == (307, f"//127.0.0.1:{port}{path}")
    assert redirected("/redirect")[0] == 307
    assert answer(other, "/health")[0] == 200
    # A client that goes where it is sent arrives.
    assert answer(leader, "/state")[0] == 200


def test_without_a_leader_masters_answer_503(masters):
    """Here because no ZooKeeper is there to elect one; it is waited for."""
    masters.zk = f"zk://127.0.0.1:{zookeeper.free_ports(1)[0]}/mesos"
    master = masters.start_master()
    for path, method in (("/state", "GET"), ("/api/v1/scheduler", "POST"), ("/redirect", "GET")):
        assert answer(master, path, method)[0] == 503
    assert answer(master, "/health")[0] == 200
    assert master.stop() == 0


def test_a_task_outlives_the_leader(cluster):
    leader, other = cluster.masters
    framework = framework_of(leader)
    task_id = framework.start_task()
    agent_id = state(leader)["slaves"][0]["id"]
    leader.stop(signal.SIGKILL)
    assert cluster.leader(but=leader) is other
    wait_until(lambda: state(other)["activated_slaves"] == 1, "the agent to come over")
    assert [agent["id"] for agent in state(other)["slaves"]] == [agent_id]
    move(framework, other)
    wait_until(lambda: running(other, task_id), "the task in the state")
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}}])
    while framework.status(task_id, "TASK_RUNNING").get("reason") != "REASON_RECONCILIATION":
        pass
    # It serves as well as the one before.
    framework.call("KILL", task_id={"value": task_id})
    assert framework.run_to_end(task_id)[-1]["state"] == "TASK_KILLED"
    framework.start_task()
    framework.call("TEARDOWN")


def test_a_new_leader_knows_the_agents_before_they_are_back(cluster):
    """From the registry in ZooKeeper: one without would call the task unknown, which is lost."""
    leader, other = cluster.masters
    framework = framework_of(leader)
    task_id = framework.start_task()
    agent_id = state(leader)["slaves"][0]["id"]
    cluster.agent.process.send_signal(signal.SIGSTOP)
    leader.stop(signal.SIGKILL)
    cluster.leader(but=leader)
    move(framework, other)
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}, "agent_id": {"value": agent_id}}])
    framework.quiet("UPDATE", seconds=1)
    cluster.agent.process.send_signal(signal.SIGCONT)
    wait_until(lambda: running(other, task_id), "the task in the state")
    framework.call("TEARDOWN")


def test_a_leader_that_was_paused_past_its_session_does_not_write_and_ends(cluster):
    leader, other = cluster.masters
    framework = framework_of(leader)
    task_id = framework.start_task()
    leader.process.send_signal(signal.SIGSTOP)
    assert cluster.leader(but=leader) is other
    wait_until(lambda: state(other)["activated_slaves"] == 1, "the agent to come over")
    # What it finds to do when it wakes: an agent to admit.
    host, port = leader.address("master")
    late = Program("agent", "--ip=127.0.0.1", "--port=0", f"--master={host}:{port}",
                   f"--work_dir={cluster.directory}/late", f"--runtime_dir={cluster.directory}/late-run")
    cluster.programs.append(late)
    late.address("agent")
    leader.process.send_signal(signal.SIGCONT)
    assert leader.process.wait(60) == 1
    leader.join()
    assert re.search(r"The master ends: .*(is over|taken over|session)", "".join(leader.log)), "".join(leader.log[-20:])
    # Nothing of it is in the registry, and the other leads on.
    third = cluster.start_master()
    other.stop(signal.SIGKILL)
    assert cluster.leader(but=other) is third
    move(framework, third)
    wait_until(lambda: running(third, task_id), "the task in the state")
    shown = state(third)
    assert len(shown["slaves"]) + len(shown.get("recovered_slaves", [])) == 1
    framework.call("TEARDOWN")


def test_the_loss_of_all_of_zookeeper_for_less_than_a_session_ends_nobody(ensemble, tmp_path):
    masters = Masters(ensemble, tmp_path, session=60)
    try:
        leader = masters.start_master()
        assert masters.leader() is leader
        other = masters.start_master()
        agent = masters.start_agent()
        wait_until(lambda: state(leader)["activated_slaves"] == 1, "the agent")
        framework = framework_of(leader)
        framework.start_task()
        for server in ensemble.servers:
            server.stop()
        framework.start_task()  # It leads on meanwhile.
        ensemble.start()
        ensemble.wait_until_serving()
        framework.start_task()
        agent_id = state(leader)["slaves"][0]["id"]
        # An agent that leaves is forgotten: that is written.
        assert agent.stop(signal.SIGUSR1) == 0
        wait_until(lambda: agent_id not in [a["id"] for a in state(leader)["slaves"]], "the agent to be removed")
        assert masters.leader() is leader
        assert other.process.poll() is None
    finally:
        masters.stop()


def test_when_all_of_zookeeper_is_lost_the_leader_ends_and_another_leads_after_its_return(ensemble, cluster):
    leader, other = cluster.masters
    framework = framework_of(leader)
    task_id = framework.start_task()
    for server in ensemble.servers:
        server.stop()
    try:
        assert leader.process.wait(60) == 1
        leader.join()
        assert "The master ends: " in "".join(leader.log)
        wait_until(lambda: answer(other, "/state")[0] == 503, "the other to see that nobody leads")
    finally:
        ensemble.start()
        ensemble.wait_until_serving()
    assert cluster.leader(but=leader) is other  # The same process as before.
    move(framework, other)
    wait_until(lambda: running(other, task_id), "the task in the state")
    assert cluster.agent.process.poll() is None
    framework.call("TEARDOWN")


def test_one_zookeeper_server_may_fail(ensemble, cluster):
    leader, other = cluster.masters
    task_id = None
    for server in ensemble.servers:
        server.stop()
        try:
            framework = framework_of(leader)
            task_id = framework.start_task()
            framework.call("TEARDOWN")
        finally:
            server.start()
            ensemble.wait_until_serving()
    assert task_id
    assert cluster.leader() is leader
    assert other.process.poll() is None


def test_a_follower_that_is_asked_to_ends_and_stands_no_longer(cluster):
    leader, other = cluster.masters
    assert other.stop() == 0
    third = cluster.start_master()
    assert leader.stop() == 0
    # At once: who ends in order ends its session.
    assert cluster.leader(but=leader) is third


def test_a_master_that_may_not_use_the_path_says_so(ensemble, tmp_path):
    """The nodes are for those who have the credentials."""
    owners = Masters(ensemble, tmp_path, credentials="mesos:secret")
    try:
        owners.start_master()
        owners.leader()
        stranger = Program("master", "--ip=127.0.0.1", "--port=0",
                           f"--zk={owners.zk.replace('mesos:secret', 'mesos:guess')}")
        owners.programs.append(stranger)
        assert stranger.process.wait(30) == 1
        stranger.join()
        log = "".join(stranger.log)
        assert "The master ends: " in log and "guess" not in log
    finally:
        owners.stop()


def test_tepui_run_follows_the_leader(cluster):
    leader, other = cluster.masters
    go = cluster.directory / "go"
    run = Program("run", f"--master={cluster.zk}", "--name=follow", "--resources=cpus:0.1;mem:32",
                  f"--command=until [ -e {go} ]; do sleep 0.1; done; exit 7")
    cluster.programs.append(run)

    def task(master):
        tasks = [t["id"] for f in state(master)["frameworks"] for t in f["tasks"] if t["state"] == "TASK_RUNNING"]
        return tasks[0] if tasks else None

    task_id = wait_until(lambda: task(leader), "the task to run")
    leader.stop(signal.SIGKILL)
    cluster.leader(but=leader)
    wait_until(lambda: running(other, task_id), "the task in the new leader's state")
    wait_until(lambda: [f["active"] for f in state(other)["frameworks"]] == [True], "the framework to come over")
    go.touch()
    assert run.process.wait(30) == 7, "".join(run.log)


class PyMesos:
    """pymesos_service.py, and what it has printed."""

    def __init__(self, master):
        self.lines = []
        self.process = subprocess.Popen(
            [CLIENTS / "python/bin/python", CONFORMANCE / "pymesos_service.py", master], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self._reader.start()

    def wait_for(self, *ends, since=0):
        """The first line from that one on that ends with one of these."""

        def found():
            assert self.process.poll() is None, "".join(self.lines)
            return next((line for line in self.lines[since:] if line.rstrip().endswith(ends)), None)

        return wait_until(found, f"{ends} of {self.lines}", timeout=90)

    def reconcile(self):
        since = len(self.lines)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.wait_for("TASK_RUNNING", "TASK_LOST", "TASK_UNREACHABLE", "TASK_GONE", since=since)

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0, "".join(self.lines)


def test_unmodified_pymesos_follows_the_leader_with_its_task(cluster):
    leader, other = cluster.masters
    service = PyMesos(cluster.zk)
    try:
        task_id = service.wait_for("TASK_RUNNING").split()[0]
        framework_id = state(leader)["frameworks"][0]["id"]
        leader.stop(signal.SIGKILL)
        cluster.leader(but=leader)
        wait_until(lambda: [f["active"] for f in state(other)["frameworks"]] == [True], "pymesos to come over", 60)
        assert state(other)["frameworks"][0]["id"] == framework_id
        wait_until(lambda: running(other, task_id), "the task in the state")
        assert service.reconcile().split() == [task_id, "TASK_RUNNING"]
        assert not [line for line in service.lines if "lost" in line.lower()]
        service.stop()
        wait_until(lambda: not state(other)["frameworks"], "its framework to end")
    finally:
        service.process.kill()
