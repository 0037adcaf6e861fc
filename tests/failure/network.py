# SPDX-License-Identifier: Apache-2.0
"""Machines as far as the network goes: a namespace each, and a router between them that loses what it is told to.

To be used in a network, mount and process namespace of its own (scripts/failure_test.sh): then nothing is left behind,
however this ends.
"""
import pathlib
import subprocess

NET = "10.77.0"
ROUTER = f"{NET}.254"


def run(*command):
    subprocess.run(command, check=True)


class Network:
    """Every packet between two machines passes here. What is cut is lost without a word, as behind a broken switch."""

    def __init__(self):
        names = pathlib.Path("/run/netns")
        names.mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", str(names))
        run("ip", "link", "set", "lo", "up")
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        pathlib.Path("/proc/sys/net/ipv4/conf/all/rp_filter").write_text("0")
        self.hosts = {}
        self._cut = set()

    def add(self, name):
        """Returns the machine's address."""
        number = len(self.hosts) + 1
        host = self.hosts[name] = f"{NET}.{number}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "addr", "add", f"{ROUTER}/32", "dev", f"v{number}")
        run("ip", "link", "set", f"v{number}", "up")
        run("ip", "route", "add", f"{host}/32", "dev", f"v{number}")
        for words in (f"addr add {host}/32 dev eth0", "link set eth0 up", "link set lo up",
                      f"route add {ROUTER} dev eth0", f"route add default via {ROUTER}"):
            run("ip", "-n", name, *words.split())
        return host

    @staticmethod
    def prefix(name):
        """Before a command that is to run on the machine."""
        return ("ip", "netns", "exec", name)

    def cut(self, sources, destinations):
        """What these send to those is lost; not the other way round."""
        for source in sources:
            for destination in destinations:
                if source != destination and (source, destination) not in self._cut:
                    self._cut.add((source, destination))
                    self._rule("add", source, destination)

    def part(self, some, others):
        self.cut(some, others)
        self.cut(others, some)

    def heal(self):
        for source, destination in self._cut:
            self._rule("del", source, destination)
        self._cut.clear()

    def _rule(self, what, source, destination):
        run("ip", "rule", what, "from", self.hosts[source], "to", self.hosts[destination], "blackhole")
