# SPDX-License-Identifier: Apache-2.0
"""An ensemble of ZooKeeper servers, Debian's, on this machine."""
import contextlib
import signal
import socket
import subprocess
import time

JAR = "/usr/share/java/zookeeper.jar"
TICK = 250  # Milliseconds; sessions last from 2 to 240 ticks.


def free_ports(count):
    """Ports that the kernel chose, all different: kept open until the last one is known."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


def ask(host, port, word="srvr", timeout=2):
    """What a server says of itself; empty if it does not."""
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(word.encode())
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return ""


def server_command(configuration, *options):
    return ["java", "-Xms32m", *options, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", JAR,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(configuration)]


class Server:
    """One server of an ensemble, `prefix` before its command."""

    def __init__(self, directory, number, host, port, servers, prefix=()):
        self.directory, self.number, self.host, self.port, self.prefix = directory, number, host, port, prefix
        (directory / "data").mkdir(parents=True)
        (directory / "data/myid").write_text(f"{number}\n")
        (directory / "zoo.cfg").write_text(
            f"tickTime={TICK}\ninitLimit=40\nsyncLimit=20\nmaxSessionTimeout=60000\ndataDir={directory}/data\n"
            f"clientPortAddress={host}\nclientPort={port}\nmaxClientCnxns=0\nadmin.enableServer=false\n"
            f"4lw.commands.whitelist=srvr\n{servers}")
        self.process = None

    def start(self):
        log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen(
            [*self.prefix, *server_command(self.directory / "zoo.cfg", "-Xmx128m")],
            stdout=log, stderr=log)
        log.close()

    def stop(self, how=signal.SIGKILL):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()
        self.process = None

    def log(self):
        return (self.directory / "log").read_text(errors="replace")


class Ensemble:
    """`hosts`: where each server listens. A server comes back on its port with what it had on disk."""

    def __init__(self, directory, hosts=("127.0.0.1",) * 3, prefixes=((),) * 3):
        ports = free_ports(3 * len(hosts))
        lines = "".join(f"server.{i + 1}={host}:{ports[3 * i + 1]}:{ports[3 * i + 2]}\n"
                        for i, host in enumerate(hosts))
        self.servers = [Server(directory / f"zk{i + 1}", i + 1, host, ports[3 * i], lines, prefixes[i])
                        for i, host in enumerate(hosts)]

    def address(self, path="/mesos", credentials=""):
        at = credentials + "@" if credentials else ""
        return f"zk://{at}{self.hosts()}{path}"

    def hosts(self):
        return ",".join(f"{s.host}:{s.port}" for s in self.servers)

    def start(self):
        for server in self.servers:
            if server.process is None:
                server.start()

    def wait_until_serving(self, timeout=120):
        deadline = time.monotonic() + timeout
        for server in self.servers:
            while server.process is not None and "Mode: " not in ask(server.host, server.port):
                assert server.process.poll() is None and time.monotonic() < deadline, server.log()[-3000:]
                time.sleep(0.05)  # Until the next look.

    def stop(self):
        for server in self.servers:
            server.stop()
