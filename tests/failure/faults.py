# SPDX-License-Identifier: Apache-2.0
"""What may go wrong, at random. Every fault is over when its function returns, but for the time that healing takes."""
import contextlib
import os
import pathlib
import subprocess
import time

from cluster import SESSION, Failed


def heal(cluster):
    cluster.network.heal()
    for node in cluster.nodes:
        node.set_clock(0)
        if node.stopped:
            node.resume()


def names(nodes):
    return [node.name for node in nodes]


def some_time(dice):
    """Shorter than a session, about as long, or longer."""
    return dice.choice([SESSION * 0.4, SESSION, SESSION * 2])


def kill_one(cluster, dice):
    node = dice.choice([*cluster.masters, *cluster.servers, *cluster.agents])
    yield f"kill {node.name}"
    node.kill()
    time.sleep(some_time(dice))


def kill_leader(cluster, dice):
    leader = cluster.leader()
    if leader is None:
        return
    yield f"kill the leader, {leader.name}"
    leader.kill()
    time.sleep(some_time(dice))


def pause(cluster, dice):
    group = dice.choice([cluster.masters, cluster.servers, cluster.agents])
    chosen = dice.sample(group, dice.randint(1, len(group)))
    seconds = some_time(dice)
    yield f"pause {', '.join(names(chosen))} for {seconds:.1f} s"
    for node in chosen:
        node.pause()
    time.sleep(seconds)
    for node in chosen:
        node.resume()


def part(cluster, dice):
    """Some from the others, perhaps in one direction only."""
    everybody = names(cluster.nodes)
    some = dice.sample(everybody, dice.randint(1, len(everybody) // 2))
    others = [name for name in everybody if name not in some]
    seconds = some_time(dice)
    one_way = dice.random() < 0.4
    yield f"{'lose what goes' if one_way else 'part'} from {', '.join(some)} for {seconds:.1f} s"
    if one_way:
        cluster.network.cut(some, others)
    else:
        cluster.network.part(some, others)
    time.sleep(seconds)
    cluster.network.heal()


def leader_from_zookeeper(cluster, dice):
    leader = cluster.leader()
    if leader is None:
        return
    seconds = some_time(dice)
    how = dice.choice(["both ways", "to it", "from it"])
    yield f"part the leader, {leader.name}, from ZooKeeper ({how}) for {seconds:.1f} s"
    if how != "to it":
        cluster.network.cut([leader.name], names(cluster.servers))
    if how != "from it":
        cluster.network.cut(names(cluster.servers), [leader.name])
    time.sleep(seconds)
    cluster.network.heal()


@contextlib.contextmanager
def full(disk):
    """A disk without room, but for the last few bytes."""
    ballast = disk / "ballast"
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(fd, bytes(1 << 16))
    os.close(fd)
    yield
    ballast.unlink()


def full_disk(cluster, dice):
    node = dice.choice([*cluster.agents, *cluster.servers])
    seconds = some_time(dice)
    yield f"fill the disk of {node.name} for {seconds:.1f} s"
    with full(node.disk):
        time.sleep(seconds)


@contextlib.contextmanager
def slow(node, seconds):
    """A disk that takes so long for each flush."""
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e",
         f"inject=fsync,fdatasync:delay_enter={int(seconds * 1_000_000)}", "-p", str(node.process.pid)],
        stderr=subprocess.DEVNULL)
    with contextlib.suppress(OSError):  # It ends, and strace with it.
        while strace.poll() is None and "TracerPid:\t0" in pathlib.Path(f"/proc/{node.process.pid}/status").read_text():
            time.sleep(0.01)
    if strace.poll() is not None and node.process.poll() is None:
        raise Failed(f"strace cannot trace {node.name}")
    yield
    strace.terminate()
    strace.wait()


def slow_disk(cluster, dice):
    node = dice.choice([*cluster.agents, *cluster.servers])
    flush, seconds = dice.choice([0.2, 1, SESSION * 1.5]), some_time(dice)
    yield f"each flush of the disk of {node.name} takes {flush:.1f} s, for {seconds:.1f} s"
    with slow(node, flush):
        time.sleep(seconds)


def clock_jump(cluster, dice):
    """Of up to all masters, servers or agents, each by as much as it likes; back again, or not until all is healed."""
    group = dice.choice([cluster.masters, cluster.servers, cluster.agents])
    chosen = dice.sample(group, dice.randint(1, len(group)))
    jumps = {node: dice.choice([-1, 1]) * dice.choice([30, 5 * 3600, 400 * 86400]) for node in chosen}
    yield "set clocks: " + ", ".join(f"{node.name} by {seconds / 3600:+.2f} h" for node, seconds in jumps.items())
    for node, seconds in jumps.items():
        node.set_clock(seconds)
    time.sleep(some_time(dice))
    if dice.random() < 0.5:
        for node in chosen:
            node.set_clock(0)


FAULTS = [kill_one, kill_leader, pause, part, leader_from_zookeeper, full_disk, slow_disk, clock_jump]


def one(cluster, dice, say):
    """One fault, and some time after it."""
    for what in dice.choice(FAULTS)(cluster, dice):
        say(what)
    time.sleep(dice.choice([0.5, SESSION]))
