# SPDX-License-Identifier: Apache-2.0
"""The framework that pymesos ships, its scheduler and its custom executor (pymesos.subprocess), unmodified: runs commands
on the cluster as the subprocess module would run them here.

Usage: MESOS_MASTER=<host:port> pymesos_subprocess.py
Prints "all as expected" and exits with 0, or says what was not.
"""
import signal
import socket
import sys
import threading

from pymesos.subprocess.scheduler import _TYPE_SIGNAL, ProcScheduler


class RegisteredScheduler(ProcScheduler):
    """Theirs, started. It takes commands only once it is registered."""

    def __init__(self):
        super().__init__()
        self.is_registered = threading.Event()
        self.start()
        if not self.is_registered.wait(60):
            sys.exit("not registered within a minute")

    def registered(self, driver, framework_id, master_info):
        super().registered(driver, framework_id, master_info)
        self.is_registered.set()


class Command:
    """What the scheduler is given: the arguments for subprocess.Popen on the agent, and three ports of ours to which the
    executor connects the command's stdin, stdout and stderr. In place of their Popen, whose thread for the output runs
    on Python 2 only."""

    cpus, mem, gpus = 0.1, 32, 0

    def __init__(self, number, *args, **kwargs):
        self.id = number
        self.started = threading.Event()
        self.ended = threading.Event()
        self.streams = []
        self.listeners = [socket.create_server(("0.0.0.0", 0)) for _ in range(3)]
        self.params = {"a": args, "kw": kwargs, "cpus": self.cpus, "mem": self.mem, "gpus": self.gpus,
                       "handlers": [listener.getsockname()[1] for listener in self.listeners],
                       "hostname": "127.0.0.1"}

    def _started(self):
        self.started.set()

    def _finished(self, success, message, data):
        self.outcome = (success, message, data)
        self.ended.set()

    def connect(self):
        """Waits until the executor, about to start the command, has connected its streams."""
        for listener in self.listeners:
            listener.settimeout(60)
            self.streams.append(listener.accept()[0])

    def end(self):
        """Closes its stdin. Returns all that it wrote to stdout, whether it ended by itself, and its exit status."""
        self.streams[0].close()
        text = b"".join(iter(lambda: self.streams[1].recv(4096), b""))
        if not self.ended.wait(60):
            sys.exit(f"command {self.id} did not end within a minute")
        success, message, data = self.outcome
        if not data:
            sys.exit(f"command {self.id} failed: {message}")
        return text, success, data[0]

    def output(self):
        self.connect()
        return self.end()


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r} in place of {expected!r}")


def main():
    scheduler = RegisteredScheduler()

    def submit(number, *args, **kwargs):
        command = Command(number, *args, **kwargs)
        scheduler.submit(command)
        return command

    expect("one command", submit(1, ["echo", "hello"]).output(), (b"hello\n", True, 0))
    expect("a shell", submit(2, "echo $GREETING; exit 3", shell=True, env={"GREETING": "hi"}).output(),
           (b"hi\n", True, 3))

    # Their executor forgets a command that ends before it is in its table, if it waits for another one at that time. It
    # starts them one by one: those before the last are in the table once the last is being started, and the last once it
    # gets a message.
    together = [submit(i, ["sh", "-c", f"cat; exit {i}"]) for i in range(3, 8)]
    last = submit(8, ["cat"])
    for command in together + [last]:
        command.connect()
    expect("five together", [command.end() for command in together], [(b"", True, i) for i in range(3, 8)])
    if not last.started.wait(60):
        sys.exit("command 8 is not said to run within a minute")
    scheduler.send_data(8, _TYPE_SIGNAL, signal.SIGTERM)
    if not last.ended.wait(60):
        sys.exit("command 8 did not get the signal within a minute")
    expect("a signal by framework message", last.end(), (b"", False, -signal.SIGTERM))
    scheduler.stop()
    print("all as expected", flush=True)


if __name__ == "__main__":
    main()
