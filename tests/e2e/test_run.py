# SPDX-License-Identifier: Apache-2.0
"""tepui run, tepui local and the flags, as a person meets them."""
import json
import os
import signal
import subprocess
import time

import pytest

from programs import BINARY, tepui


def run(cluster, *arguments, **options):
    return tepui("run", f"--master={cluster.host}:{cluster.port}", *arguments, **options)


def test_output_and_status(cluster):
    result = run(cluster, "--name=greeter", "--command=echo hello; echo oops >&2", "--resources=cpus:0.1;mem:32")
    assert result.returncode == 0, result.stdout
    for words in ("greeter", "TASK_RUNNING", "TASK_FINISHED", "hello\n", "oops\n"):
        assert words in result.stdout, result.stdout


def test_the_exit_status_is_the_tasks(cluster):
    result = run(cluster, "--name=failing", "--command=exit 3", "--resources=cpus:0.1;mem:32")
    assert result.returncode == 3, result.stdout
    assert "TASK_FAILED" in result.stdout


def test_arguments_after_dashes(cluster):
    result = run(cluster, "--resources=cpus:0.1;mem:32", "--", "echo", "a  b")
    assert result.returncode == 0 and "a  b\n" in result.stdout, result.stdout


def test_a_task_group(cluster):
    tasks = [{"name": n, "task_id": {"value": n}, "agent_id": {"value": ""}, "command": {"value": f"echo from {n}"},
              "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]} for n in ("g1", "g2")]
    result = run(cluster, f"--task_group={json.dumps({'tasks': tasks})}")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("TASK_FINISHED") == 2


def test_interrupt_kills_the_task(cluster):
    process = subprocess.Popen(
        [str(BINARY), "run", f"--master={cluster.host}:{cluster.port}", "--name=long", "--command=sleep 1000",
         "--resources=cpus:0.1;mem:32"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "TASK_RUNNING" in line:
            process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert any("TASK_KILLED" in line for line in lines), lines


def test_nobody_there():
    started = time.monotonic()
    process = subprocess.Popen([str(BINARY), "run", "--master=127.0.0.1:1", "--command=true"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[0]
    assert "127.0.0.1:1" in line + rest
    assert process.returncode != 0 and time.monotonic() - started < 30


def test_all_problems_at_once():
    result = tepui("master", "--port=notaport", "--agent_ping_timeout=99days", "--nosuchflag=1")
    assert result.returncode != 0
    for words in ("--port", "notaport", "agent_ping_timeout", "nosuchflag"):
        assert words in result.stdout, result.stdout


def test_flags_from_the_environment():
    result = tepui("master", env={**os.environ, "MESOS_PORT": "alsonotaport"})
    assert result.returncode != 0 and "alsonotaport" in result.stdout


@pytest.mark.parametrize("command", [[], ["master"], ["agent"], ["local"], ["run"]])
def test_help(command):
    result = tepui(*command, "--help")
    assert result.returncode == 0
    assert len(result.stdout) > 200 and max(map(len, result.stdout.splitlines())) <= 120


def test_version():
    result = tepui("version")
    assert result.returncode == 0 and "tepui" in result.stdout.lower()


def test_old_names():
    for name in ("mesos-master", "mesos-agent", "mesos-local", "mesos-execute"):
        result = subprocess.run([str(BINARY.parent / name), "--help"], text=True, capture_output=True, timeout=30)
        assert result.returncode == 0 and "--" in result.stdout, name


def test_a_taken_port_is_named(cluster):
    result = tepui("master", "--ip=127.0.0.1", f"--port={cluster.port}", "--work_dir=/tmp", "--registry=in_memory")
    assert result.returncode != 0 and str(cluster.port) in result.stdout
