# SPDX-License-Identifier: Apache-2.0
"""The units for systemd in packaging/: what they say to the programs, and what keeps tasks alive."""
from programs import ROOT, Program

PACKAGING = ROOT / "packaging"


def service(name):
    lines = (PACKAGING / f"tepui-{name}.service").read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines[lines.index("[Service]"):] if "=" in line and line[0] != "#"]


def start(name, directory):
    """The program as the unit starts it, but for its directories and its port."""
    environment = dict(value.split("=", 1) for key, value in service(name) if key == "Environment")
    environment = {variable: f"{directory}{path}" for variable, path in environment.items()}
    program, *arguments = dict(service(name))["ExecStart"].split()
    assert program == "/usr/bin/tepui"
    return Program(*arguments, env={**environment, "MESOS_PORT": "0", "MESOS_IP": "127.0.0.1"})


def test_the_master_of_the_unit(tmp_path):
    master = start("master", tmp_path)
    master.address("master")
    assert master.stop() == 0
    assert (tmp_path / "var/lib/tepui/master/registry.db").exists()


def test_the_agent_of_the_unit_needs_a_master(tmp_path):
    """And systemd does not start it again until it has one."""
    agent = start("agent", tmp_path)
    assert agent.process.wait(30) == int(dict(service("agent"))["RestartPreventExitStatus"])
    agent.join()
    problems = [line for line in agent.log if line.startswith("  --")]
    assert len(problems) == 1 and "--master is missing" in problems[0], agent.log


def test_a_restart_of_the_agent_leaves_its_tasks_alone():
    settings = dict(service("agent"))
    assert settings["KillMode"] == "process"
    assert settings["RuntimeDirectoryPreserve"] == "yes"
    assert settings["Restart"] == "on-failure"
