# SPDX-License-Identifier: Apache-2.0
"""What a master remembers of its cluster over its own end (reference 4)."""
import signal

from mesos import wait_until
from programs import Program


def master_refuses(*flags):
    """What a master says that does not start."""
    master = Program("master", "--ip=127.0.0.1", "--port=0", *flags)
    assert master.process.wait(30) == 1
    master.join()
    return "".join(master.log)


def test_a_restarted_master_knows_its_agents_before_they_are_back(make_pair):
    """One without a memory would call tasks that run unknown or lost."""
    pair = make_pair()
    framework = pair.framework(failover_timeout=3600)
    task_id = framework.start_task()
    agent_id = pair.state()["slaves"][0]["id"]
    pair.agent.process.send_signal(signal.SIGSTOP)
    pair.master.stop(signal.SIGKILL)
    framework.disconnect()
    pair.start_master()
    framework.subscribe()

    def reconcile():
        framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}, "agent_id": {"value": agent_id}}])

    reconcile()
    framework.quiet("UPDATE", seconds=1)
    pair.agent.process.send_signal(signal.SIGCONT)
    pair.wait_for_metric("slaves_active", 1)
    assert [agent["id"] for agent in pair.state()["slaves"]] == [agent_id]
    reconcile()
    while framework.status(task_id, "TASK_RUNNING").get("reason") != "REASON_RECONCILIATION":
        pass  # The status whose acknowledgement died with the master.


def test_a_damaged_registry_stops_the_master_and_is_left_as_it_is(make_pair):
    pair = make_pair()
    pair.agent.stop()
    pair.master.stop()
    registry = pair.directory / "master/registry.db"
    for beside in ("-wal", "-shm"):
        registry.with_name(registry.name + beside).unlink(missing_ok=True)
    registry.write_bytes(b"no database at all, " * 300)
    before = registry.read_bytes()
    assert "registry.db" in master_refuses(f"--work_dir={pair.directory}/master")
    assert registry.read_bytes() == before


def test_two_masters_do_not_share_a_registry(make_pair):
    pair = make_pair()
    assert str(pair.master.process.pid) in master_refuses(f"--work_dir={pair.directory}/master")
    wait_until(lambda: pair.state()["activated_slaves"] == 1, "the first to go on")
