# SPDX-License-Identifier: Apache-2.0
"""Frameworks nobody here wrote run to their end, unmodified, from their own registries."""
import os
import pathlib
import subprocess
import sys

import pytest

CONFORMANCE = pathlib.Path(__file__).resolve().parents[1] / "conformance"
# Made by scripts/test.sh from tests/conformance.
CLIENTS = pathlib.Path(os.environ.get("TEPUI_CLIENTS", CONFORMANCE.parents[1] / "build/clients"))


def run(*command, timeout=120, expect=(0,), **environment):
    result = subprocess.run([str(c) for c in command], timeout=timeout, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, **environment})
    assert result.returncode in expect, result.stdout[-5000:]
    return result.stdout


def test_pymesos(cluster):
    """pymesos: JSON, its own executor, framework messages."""
    output = run(CLIENTS / "python/bin/python", CONFORMANCE / "pymesos_scheduler.py",
                 f"{cluster.host}:{cluster.port}", 5)
    assert "5 tasks finished" in output


def test_pymesos_subprocess(cluster):
    """The scheduler and the custom executor that are part of pymesos itself."""
    output = run(CLIENTS / "python/bin/python", CONFORMANCE / "pymesos_subprocess.py",
                 MESOS_MASTER=f"{cluster.host}:{cluster.port}")
    assert "all as expected" in output


@pytest.mark.parametrize("codec", ["protobuf", "json"])
def test_mesos_go(cluster, codec):
    """mesos-go's example scheduler; its example executor is fetched over HTTP from the scheduler."""
    output = run(CLIENTS / "go/example-scheduler",
                 f"-url=http://{cluster.host}:{cluster.port}/api/v1/scheduler", f"-codec={codec}", "-tasks=5",
                 "-cpu=0.1", "-memory=32", "-exec.cpu=0.1", "-exec.memory=64", "-exec.image=",
                 f"-executor={CLIENTS / 'go/example-executor'}", "-server.address=127.0.0.1",
                 # Once done it cancels itself, and ends with 1 for that.
                 "-metrics.port=0", "-failoverTimeout=0", "-verbose", expect=(0, 1))
    assert "mission accomplished" in output
