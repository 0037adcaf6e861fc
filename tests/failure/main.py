# SPDX-License-Identifier: Apache-2.0
"""Faults at random for some seconds, or one case by name; then everything must have come right again.

Usage: main.py SECONDS [SEED] | main.py --case=NAME | main.py --list      by scripts/failure_test.sh
"""
import argparse
import logging
import pathlib
import random
import sys
import threading
import time

import cases
import cluster as nodes
import faults
import history
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from network import Network


class Sampler(threading.Thread):
    """Looks at the store's last commit all the time."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.watch, self.failure = cluster, history.Watch(), None
        self.ended = threading.Event()

    def run(self):
        logging.disable(logging.CRITICAL)
        client = KazooClient(",".join(f"{s.host}:2181" for s in self.cluster.servers), timeout=4)
        client.start_async()
        while not self.ended.wait(0.05):
            try:
                if not client.connected:
                    continue
                client.sync("/mesos/log_replicas/store")  # Not of a server that lags behind.
                self.watch.see(client.get("/mesos/log_replicas/store/commit")[0].decode())
            except KazooException:
                continue
            except nodes.Failed as failure:
                self.failure = failure
                return
        client.stop()


def start(directory, seed):
    cluster = nodes.Cluster(Network(), directory, seed)
    cluster.start()
    cluster.wait_until_whole()
    return cluster


def finish(cluster, sampler, say):
    """Everything is healed; what must be right at the end."""
    cluster.wait_until_whole()
    # Tasks go on being launched, and run.
    before = len(history.lives(cluster)[1])
    nodes.wait_until(lambda: len(history.lives(cluster)[1]) >= before + 4, "tasks to run", 60, cluster)
    (cluster.directory / "finish").touch()

    def idle():
        left = {name: next((r["tasks"] for r in reversed(records) if r["what"] == "holds"), 1)
                for name, records in history.read(cluster).items()}
        return not any(left.values())

    nodes.wait_until(idle, "all tasks to end", 90, cluster)
    nodes.wait_until(lambda: all(history.check_unacknowledged_come_again(r) is None
                                 for r in history.read(cluster).values()),
                     "the updates that nobody acknowledged to come again", 90, cluster)
    sampler.ended.set()
    sampler.join()
    for failure in (cluster.failure, sampler.failure):
        if failure:
            raise failure
    history.check_no_task_twice(cluster)
    history.check_frameworks(cluster)
    history.check_registry(cluster)
    epochs = history.check_epochs(cluster)
    started, _ = history.lives(cluster)
    if not started or not sampler.watch.samples:
        raise nodes.Failed("nothing was seen: no task ran, or ZooKeeper was never read")
    say(f"{len(started)} tasks, {epochs} leaders, {sampler.watch.samples} looks at the store: all is right")


def random_run(cluster, seconds, seed, say):
    deadline = time.monotonic() + seconds
    dice = random.Random(seed)
    while time.monotonic() < deadline:
        faults.one(cluster, dice, say)
        if cluster.failure:
            raise cluster.failure
    faults.heal(cluster)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=0)
    parser.add_argument("seed", nargs="?", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--case", choices=sorted(cases.CASES))
    parser.add_argument("--list", action="store_true", help="the names of the cases")
    parser.add_argument("--directory", type=pathlib.Path, required=True, help="for histories, logs and all else")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(sorted(cases.CASES)))
        return 0
    directory = arguments.directory
    began = time.monotonic()

    def say(what):
        print(f"{time.monotonic() - began:6.1f}  {what}", flush=True)

    say(f"seed {arguments.seed}; histories and logs in {directory}")
    try:
        cluster = start(directory, arguments.seed)
        sampler = Sampler(cluster)
        sampler.start()
        say("all is up")
        if arguments.case:
            cases.CASES[arguments.case](cluster, say)
            faults.heal(cluster)
        else:
            random_run(cluster, arguments.seconds, arguments.seed, say)
        finish(cluster, sampler, say)
        cluster.stop()
        return 0
    except nodes.Failed as failure:
        say(f"FAILED: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
