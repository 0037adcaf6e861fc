# SPDX-License-Identifier: Apache-2.0
"""tepui simulate, as a person meets it."""
import json
import os
import pty
import signal
import subprocess
import time
import xml.dom.minidom

import pytest

from programs import BINARY, ROOT

EXAMPLES = ROOT / "docs/examples"


def simulate(*arguments, **options):
    return subprocess.run([str(BINARY), "simulate", *map(str, arguments)], timeout=120, text=True,
                          capture_output=True, **options)


def report(*arguments):
    result = simulate(*arguments, "--format=json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


@pytest.mark.parametrize("example", ["mixed_day.json", "history.json"])
def test_examples(example):
    table = simulate(EXAMPLES / example)
    assert table.returncode == 0, table.stderr
    for words in ("Utilisation", "cpus", "Waiting", "Fairness", "Offers"):
        assert words in table.stdout, table.stdout
    found = report(EXAMPLES / example)
    tasks = found["tasks"]
    assert tasks["arrived"] == tasks["finished"] + tasks["running"] + tasks["waiting"] > 0
    assert 0 < found["resources"][0]["allocated"]["mean"] <= found["resources"][0]["allocated"]["max"] <= 1


def test_every_example_is_valid():
    """The large ones take minutes: a flag that is refused after the file was read tells that it could be."""
    for path in sorted(EXAMPLES.glob("*.json")):
        result = simulate(path, "--plot=/nowhere/at/all.svg")
        assert result.returncode == 2, (path, result.stderr)
        assert result.stderr.count("\n  ") == 1 and "/nowhere/at/all.svg" in result.stderr, (path, result.stderr)


def test_the_same_seed_gives_the_same_bytes():
    first = simulate(EXAMPLES / "mixed_day.json", "--seed=5", "--format=json").stdout
    assert first == simulate(EXAMPLES / "mixed_day.json", "--seed=5", "--format=json").stdout
    assert first != simulate(EXAMPLES / "mixed_day.json", "--seed=6", "--format=json").stdout


def test_policies_meet_the_same_load():
    drf = report(EXAMPLES / "mixed_day.json")
    random = report(EXAMPLES / "mixed_day.json", "--role_sorter=random", "--weights=batch=4")
    assert [f["tasks"]["arrived"] for f in drf["frameworks"]] == [f["tasks"]["arrived"] for f in random["frameworks"]]
    assert random["policy"]["role_sorter"] == "random"
    assert {r["name"]: r["weight"] for r in random["roles"]} == {"services": 2, "batch": 4, "batch/search": 1}


def test_the_trace_is_played():
    found = report(EXAMPLES / "history.json")
    rows = (EXAMPLES / "history.csv").read_text().splitlines()[1:]
    arrived = {f["name"]: f["tasks"]["arrived"] for f in found["frameworks"]}
    assert arrived == {name: sum(row.endswith("," + name) for row in rows) for name in ("nightly", "adhoc")}


@pytest.mark.parametrize("name", ["plot.svg", "plot.html"])
def test_the_plot(tmp_path, name):
    result = simulate(EXAMPLES / "mixed_day.json", f"--plot={tmp_path / name}")
    assert result.returncode == 0, result.stderr
    document = xml.dom.minidom.parse(str(tmp_path / name))
    svg = document.getElementsByTagName("svg")[0]
    texts = [text.firstChild.data for text in svg.getElementsByTagName("text")]
    for words in ("Utilisation, % of the cluster", "cpus allocated", "Waiting tasks", "time, hours", "batch/search"):
        assert words in texts, texts
    # The cpus, mem and disk; waiting tasks; three roles.
    assert len(svg.getElementsByTagName("path")) == 7


def test_what_is_wrong_is_told_at_once_with_its_place(tmp_path):
    workload = tmp_path / "w.json"
    workload.write_text("""{
  "duration": "24",
  "agents": [{"count": 1, "resources": "cpus:4"}],
  "frameworks": [
    {"name": "a", "sppress": true, "workload": {"service": 1, "resources": "cpus:1"}},
    {"name": "b", "workload": {"trace": "t.csv"}}
  ]
}""")
    (tmp_path / "t.csv").write_text("arrival_seconds,duration_seconds,cpus\n0,sixty,1\n")
    result = simulate(workload)
    assert result.returncode == 2 and result.stdout == ""
    for words in (f"{workload}:2:3: duration: '24' has no unit",
                  f'{workload}:5:19: frameworks[0].sppress: there is no such key; did you mean "suppress"?',
                  "t.csv:2:3: expected a number for duration_seconds, not 'sixty'"):
        assert words in result.stderr, result.stderr


def test_what_cannot_run_is_refused(tmp_path):
    workload = tmp_path / "w.json"
    workload.write_text("""{"duration": "1hrs", "agents": [{"count": 1, "resources": "cpus:4"}], "frameworks": [
        {"name": "a", "workload": {"service": 1, "resources": "cpus:8"}}]}""")
    result = simulate(workload)
    assert result.returncode == 2
    assert "fits on no agent: the agent with the most of it has only cpus:4" in result.stderr


@pytest.mark.parametrize("arguments,words", [
    (["/nowhere.json"], "'/nowhere.json' cannot be opened"),
    ([EXAMPLES], "is a directory"),
    ([], "The workload file, which describes the cluster and its load, is missing"),
    ([EXAMPLES / "history.json", "--format=xml", "--allocation_interval=0secs"], "--format must be table or json"),
])
def test_bad_arguments(arguments, words):
    result = simulate(*arguments)
    assert result.returncode == 2 and words in result.stderr and result.stdout == "", result.stderr


def test_help():
    result = simulate("--help")
    assert result.returncode == 0 and "WORKLOAD_FILE" in result.stdout
    for flag in ("--seed", "--plot", "--role_sorter", "--allocation_interval", "--offer_timeout"):
        assert flag in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


def test_the_environment_has_no_say():
    plain = simulate(EXAMPLES / "history.json").stdout
    assert plain == simulate(EXAMPLES / "history.json", env={**os.environ, "MESOS_ROLE_SORTER": "random",
                                                             "MESOS_SEED": "9"}).stdout


def test_a_terminal_shows_progress_and_an_interrupt_ends_it():
    controller, terminal = pty.openpty()
    # A shell that started these tests in the background has them, and so the program, ignore interrupts.
    process = subprocess.Popen([str(BINARY), "simulate", str(EXAMPLES / "fifty_thousand_agents.json")],
                               stdout=subprocess.DEVNULL, stderr=terminal,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + 60
    while b"simulated:" not in shown and time.monotonic() < deadline:
        shown += os.read(controller, 1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    os.close(controller)
    assert b"simulated:" in shown, shown
