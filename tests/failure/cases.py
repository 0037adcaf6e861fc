# SPDX-License-Identifier: Apache-2.0
"""Failures by name: those that were found in Mesos and its schedulers under such tests, and those of leaders."""
import contextlib
import email.utils
import json
import sys
import time

import history
from cluster import HERE, PORT, SESSION, Failed, wait_until
from faults import full, names, slow

sys.path.insert(0, str(HERE.parent / "e2e"))
import mesos  # noqa: E402


def expect(condition, what):
    if not condition:
        raise Failed(what)


def pids(cluster):
    return {m.name: (m.process.pid, m.starts) for m in cluster.masters}


def grow(cluster, what):
    """Tasks run and end, now."""
    before = len(history.lives(cluster)[1])
    wait_until(lambda: len(history.lives(cluster)[1]) > before + 1, f"tasks to run {what}", 60, cluster)


def slow_registry_does_not_end_a_master(cluster, say):
    """A leader, and one that has just been elected, wait for a registry that is slow to return."""
    say("the next leader finds ZooKeeper without a majority for a while")
    leader = cluster.leader()
    others = [m for m in cluster.masters if m is not leader]
    before = {m.name: m.starts for m in others}
    cluster.held.add(leader)
    leader.kill()
    wait_until(lambda: any("Elected" in m.log() for m in others), "another to be elected", 60)
    for server in cluster.servers:
        server.pause()
    time.sleep(SESSION * 0.6)
    for server in cluster.servers:
        server.resume()
    new = cluster.wait_for_leader(but=leader)
    cluster.held.clear()
    expect({m.name: m.starts for m in others} == before, f"a master ended: {[m.log()[-500:] for m in others]}")
    say(f"{new.name} leads; now ZooKeeper is slow while a new agent comes")
    cluster.wait_until_whole()
    wait_until(lambda: leader.get("/health")[0] == 200, f"{leader.name} to be back")
    starts = pids(cluster)
    for server in cluster.servers:
        server.pause()
    cluster.add_agent()
    time.sleep(SESSION * 0.4)
    for server in cluster.servers:
        server.resume()
    cluster.wait_until_whole()
    expect(pids(cluster) == starts, "a master ended because ZooKeeper was slow")
    expect(cluster.leader() is new, "the lead changed")


def agents_come_back_after_healing(cluster, say):
    """Parted from everybody until the master has given them up."""
    away = cluster.agents[:2]
    ids = {a["hostname"]: a["id"] for a in cluster.state()["slaves"]}
    cluster.network.part(names(away), names(n for n in cluster.nodes if n not in away))
    say(f"{', '.join(names(away))} are parted from all")
    wait_until(lambda: (s := cluster.state()) and s["activated_slaves"] == 1, "the master to give them up", 60, cluster)
    time.sleep(SESSION)
    cluster.network.heal()
    say("healed")
    state = cluster.wait_until_whole()
    expect({a["hostname"]: a["id"] for a in state["slaves"]} == ids, "agents came back as others")
    grow(cluster, "after healing")


def killed_agents_keep_their_tasks(cluster, say):
    """All of them at once; what ends meanwhile is told when they are back."""
    ids = {a["hostname"]: a["id"] for a in cluster.state()["slaves"]}

    def running():
        return {t["id"] for f in cluster.state()["frameworks"] for t in f["tasks"] if t["state"] == "TASK_RUNNING"}

    grow(cluster, "before")
    before = running()
    cluster.held.update(cluster.agents)
    for agent in cluster.agents:
        agent.kill()
    say("all agents are killed")
    time.sleep(2)  # Short tasks end.
    for agent in cluster.agents:
        agent.start()
    cluster.held.clear()
    state = cluster.wait_until_whole()
    expect({a["hostname"]: a["id"] for a in state["slaves"]} == ids, "agents came back as others")
    expect(before & running(), "no task outlived its agent")
    grow(cluster, "after the return of the agents")


def who_does_not_lead_redirects(cluster, say):
    """Never 400, whatever it is asked: 307 to the leader, or 503 if it knows of none."""
    subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "asks"}}}
    bodies = [("application/json", json.dumps(subscribe)), ("application/json", "{}"), ("application/json", "no JSON"),
              ("application/x-protobuf", b"\xff\xff"), ("text/plain", "hello"), ("application/json", "")]

    def ask(allowed):
        leader = cluster.leader()
        for master in cluster.masters:
            if master is leader or master.process.poll() is not None:
                continue
            for path in ("/api/v1/scheduler", "/api/v1/agent", "/master/api/v1/scheduler", "/api/v1", "/teardown"):
                for kind, body in bodies:
                    status, _, headers = mesos.post(master.host, PORT, path, body, {"Content-Type": kind}, timeout=5)
                    # It may have been elected since.
                    if cluster.leader() is not leader:
                        return False
                    expect(status in allowed, f"{master.name} answered {status} to {path} with {kind} {body!r}")
                    expect(status != 307 or headers["Location"] == f"//{leader.host}:{PORT}{path}",
                           f"{master.name} sends to {headers.get('Location')}, {leader.name} leads")
        return leader is not None

    wait_until(lambda: ask({307}), "to have asked all", 60)
    say("asked while one leads; now while none does")
    leader = cluster.leader()
    cluster.held.add(leader)
    leader.kill()
    deadline = time.monotonic() + SESSION * 2
    while time.monotonic() < deadline:
        for master in cluster.masters:
            if master is not leader:
                status = mesos.get(master.host, PORT, "/state", timeout=5)[0]
                expect(status in (200, 307, 503), f"{master.name} answered {status}")
    cluster.held.clear()
    cluster.wait_until_whole()
    wait_until(lambda: ask({307}), "to have asked all again", 60)


def leader_away_from_zookeeper(cluster, say, seconds, sources_of):
    leader = cluster.leader()
    servers = names(cluster.servers)
    for source, destination in sources_of(leader.name, servers):
        cluster.network.cut(source, destination)
    say(f"{leader.name} leads and is parted from ZooKeeper for {seconds:.1f} s")
    return leader


def both_ways(leader, servers):
    return [([leader], servers), (servers, [leader])]


def leader_away_for_less_than_its_session_leads_on(cluster, say):
    before = pids(cluster)
    leader = leader_away_from_zookeeper(cluster, say, SESSION * 0.3, both_ways)
    time.sleep(SESSION * 0.3)
    cluster.network.heal()
    grow(cluster, "with the same leader")
    cluster.wait_until_whole()
    expect(pids(cluster) == before and cluster.leader() is leader, "the lead changed, or a master ended")


def away_for_more(cluster, say, sources_of):
    started = cluster.leader().starts
    leader = leader_away_from_zookeeper(cluster, say, SESSION * 3, sources_of)
    new = cluster.wait_for_leader(but=leader)
    wait_until(lambda: leader.starts > started, f"{leader.name} to end", 60)  # And to be started again.
    say(f"{new.name} leads, {leader.name} has ended")
    grow(cluster, "with another leader")
    cluster.network.heal()
    expect(cluster.wait_until_whole() is not None and cluster.leader() is new, "the lead changed again")


def leader_away_for_more_than_its_session_ends(cluster, say):
    away_for_more(cluster, say, both_ways)


def leader_that_zookeeper_does_not_hear_ends(cluster, say):
    away_for_more(cluster, say, lambda leader, servers: [([leader], servers)])


def leader_that_does_not_hear_zookeeper_ends(cluster, say):
    away_for_more(cluster, say, lambda leader, servers: [(servers, [leader])])


def leader_that_was_paused_does_not_write(cluster, say):
    leader, started = cluster.leader(), cluster.leader().starts
    leader.pause()
    say(f"{leader.name} led and is paused past its session")
    new = cluster.wait_for_leader(but=leader)
    # It wakes with agents to remove and calls that waited for it.
    time.sleep(SESSION)
    leader.resume()
    wait_until(lambda: leader.starts > started, f"{leader.name} to end", 60)
    cluster.wait_until_whole()
    expect(cluster.leader() is new, "the lead changed again")


def all_of_zookeeper_is_lost_and_returns(cluster, say):
    for server in cluster.servers:
        cluster.held.add(server)
        server.kill()
    say("all of ZooKeeper is lost")
    wait_until(lambda: cluster.leader() is None, "the leader to end", 60)
    for server in cluster.servers:
        server.start()
    cluster.held.clear()
    say("it is back")
    cluster.wait_until_whole()
    grow(cluster, "after the return of ZooKeeper")


def full_disks(cluster, say):
    """Of an agent: it ends, saying so, and finds its tasks again. Of a ZooKeeper server: the other two go on."""
    leader = cluster.leader()
    agent, server = cluster.agents[0], cluster.servers[0]
    ids = {a["hostname"]: a["id"] for a in cluster.state()["slaves"]}
    with full(agent.disk), full(server.disk):
        say(f"the disks of {agent.name} and {server.name} are full")
        grow(cluster, "on the other agents")
        time.sleep(SESSION)
    state = cluster.wait_until_whole()
    expect({a["hostname"]: a["id"] for a in state["slaves"]} == ids, "the agent came back as another")
    expect(leader.starts == 1, "the leader ended")
    expect(agent.starts == 1 or "its disk is full; make room" in agent.log(), "the agent does not say why it ended")


def clocks_jump_and_disks_are_slow(cluster, say):
    """Nobody is given up for the time of day, nor for a disk that is slower than usual."""
    before = {node.name: node.starts for node in cluster.nodes}
    ids = {a["hostname"]: a["id"] for a in cluster.state()["slaves"]}
    leader = cluster.leader()
    for hours in (5, -10, 400 * 24, 0):
        for node in (leader, cluster.agents[0], cluster.servers[0], cluster.servers[1]):
            node.set_clock(hours * 3600)
        date = email.utils.parsedate_to_datetime(mesos.get(leader.host, PORT, "/version", timeout=5)[2]["Date"])
        expect(abs(date.timestamp() - time.time() - hours * 3600) < 60, f"the clock of {leader.name} says {date}")
        say(f"the clocks of {leader.name}, which leads, an agent and two ZooKeeper servers are {hours} h off")
        grow(cluster, "whatever the time")
    with contextlib.ExitStack() as stack:
        for server in cluster.servers:
            stack.enter_context(slow(server, SESSION * 0.1))
        stack.enter_context(slow(cluster.agents[0], SESSION * 0.25))
        say("flushes take a tenth of a session in ZooKeeper, a quarter on an agent; a new agent comes")
        cluster.add_agent()
        cluster.wait_until_whole()
        grow(cluster, "on slow disks")
    state = cluster.wait_until_whole()
    expect(ids.items() <= {a["hostname"]: a["id"] for a in state["slaves"]}.items(), "an agent came back as another")
    expect(cluster.leader() is leader, "the lead changed")
    expect({node.name: node.starts for node in cluster.nodes if node.name in before} == before, "somebody ended")


CASES = {case.__name__: case for case in (
    slow_registry_does_not_end_a_master, agents_come_back_after_healing, killed_agents_keep_their_tasks,
    who_does_not_lead_redirects,
    leader_away_for_less_than_its_session_leads_on, leader_away_for_more_than_its_session_ends,
    leader_that_zookeeper_does_not_hear_ends, leader_that_does_not_hear_zookeeper_ends,
    leader_that_was_paused_does_not_write, all_of_zookeeper_is_lost_and_returns, full_disks,
    clocks_jump_and_disks_are_slow)}
