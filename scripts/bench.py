#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the budget: runs the programs of bench/ and writes build/bench/results.json and results.md, each line of the
budget with its target beside it. Slowness is no failure; only a program that does not run is.

  scripts/bench.py                     everything but the build, as often as a first look needs
  scripts/bench.py --full              more repeats, and the larger sizes
  scripts/bench.py --only=state,http   some groups
  scripts/bench.py --only=build        the CPU time of a build from clean (takes minutes)
  scripts/bench.py --alone             keeps other work off the processors meanwhile; needs root

Needs the preset `release` built (cmake --build --preset release).
"""
import argparse
import atexit
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build" / "release"
OUT = ROOT / "build" / "bench"

# A line of the budget: what, the target in words, where it is measured (program, name, "median" or a fact), and the
# target as a number: "<" or ">".
BUDGET = [
    ("allocation, every agent free again, 20,000 x 2,000, one role", "< 50 ms",
     "allocator_bench", "free again, one role, 20000x2000", "median", "<", 50),
    ("its peak memory", "< 200 MiB", "allocator_bench", "free again, one role, 20000x2000", "peak_mib", "<", 200),
    ("the same, a role each", "< 200 ms",
     "allocator_bench", "free again, a role each, 20000x2000", "median", "<", 200),
    ("its first allocation", "< 200 ms", "allocator_bench", "first run, a role each, 20000x2000", "median", "<", 200),
    ("its peak memory", "< 1 GB", "allocator_bench", "free again, a role each, 20000x2000", "peak_mib", "<", 1000),
    ("every framework refused every agent, 1,000 x 100", "< 2 ms",
     "allocator_bench", "all refused, one role, 1000x100", "median", "<", 2),
    ("nothing changed, 20,000 x 2,000", "< 0.1 ms",
     "allocator_bench", "nothing changed, one role, 20000x2000", "median", "<", 0.1),
    ("failover, 40,000 agents / 400,000 tasks", "< 2 s", "failover_bench", "core 40000x10", "median", "<", 2),
    ("the same with 4,000,000 completed tasks", "< 10 s", "failover_bench", "core 40000x10+100", "median", "<", 10),
    ("full state, 20,000 agents, 200,000 + 200,000 tasks", "< 1 s",
     "state_bench", "/state 20000x10+10", "median", "<", 1000),
    ("scheduler calls meanwhile, p99", "nothing blocked (< 20 ms)",
     "state_bench", "/state 20000x10+10", "call_busy_p99_ms", "<", 20),
    ("tasks placed through the scheduler API", "> 20,000/s",
     "placement_bench", "placed, 10 an ACCEPT", "median", ">", 20000),
    ("command tasks on one agent, ACCEPT to acknowledged FINISHED", "> 500/s",
     "load_driver", "launch", "median", ">", 500),
    ("ACCEPT to RUNNING, p50", "< 5 ms", "load_driver", "latency", "median", "<", 5),
    ("private memory of a shim", "< 1 MB", "agent", "shim", "median", "<", 1e6),
    ("private memory of an idle agent", "< 40 MB", "agent", "agent idle", "median", "<", 40e6),
    ("master, a task launched, beyond its message", "< 1 KB",
     "memory_bench", "a task launched, beyond its message", "median", "<", 1024),
    ("master, a recovered task, beyond its message", "< 1 KB",
     "memory_bench", "a recovered task, beyond its message", "median", "<", 1024),
    ("GET /health, 64 connections", "> 60,000/s", "http_bench", "master /health, 64 connections", "median", ">", 60000),
    ("its p99", "< 3 ms", "http_bench", "master /health, 64 connections", "answered_p99_ms", "<", 3),
    ("build from clean, tests left out", "< 10 CPU-minutes", "build", "build", "median", "<", 10),
]


def percentile(values, q):
    return sorted(values)[round(q * (len(values) - 1))]


def measurement(program, name, unit, values, facts=None):
    return {"program": program, "name": name, "unit": unit, "values": values, "min": min(values),
            "median": percentile(values, 0.5), "max": max(values), "facts": facts or {}}


class Results:
    def __init__(self):
        self.found = []
        self.failed = []

    def add(self, result):
        self.found.append(result)
        facts = "".join(f"  {name} {short(value)}" for name, value in result["facts"].items())
        print(f"  {result['name']}: {spread(result)} {result['unit']}{facts}", flush=True)

    def run(self, program, *arguments, suffix=""):
        command = [str(RELEASE / "bench" / program), *map(str, arguments)]
        print("+", program, *arguments, flush=True)
        with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if line.startswith("{"):  # Else a line of the library's log.
                    result = json.loads(line)
                    self.add({**result, "name": result["name"] + suffix})
        if process.returncode != 0:
            self.failed.append(" ".join([program, *map(str, arguments)]))


def short(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(result):
    if len(result["values"]) == 1:
        return short(result["median"])
    return " / ".join(short(result[key]) for key in ("min", "median", "max"))


# --- The groups.

def allocator(results, full):
    results.run("allocator_bench", "--repeats", 5 if full else 3)
    results.run("allocator_bench", "--repeats", 1, "--grid", "full" if full else "small")


def failover(results, full):
    repeats = 5 if full else 3
    for more in ([], ["--detailed"]):
        results.run("failover_bench", "--agents", 10000, "--repeats", repeats, *more)
        results.run("failover_bench", "--repeats", repeats, *more)
    results.run("failover_bench", "--completed", 100, "--repeats", repeats)
    for agents in (1000, 10000):
        results.run("failover_bench", "--sockets", "--agents", agents, "--repeats", repeats)


def storage(results, full):
    """Needs Debian's ZooKeeper."""
    repeats = 5 if full else 3
    results.run("storage_bench", "--repeats", repeats)
    results.run("leader_bench", "--repeats", repeats)


def state(results, full):
    results.run("state_bench", "--repeats", 20 if full else 7)
    if full:
        results.run("state_bench", "--repeats", 10, "--detailed")


def placement(results, full):
    repeats = 7 if full else 3
    for count in (1, 10, 100):
        results.run("placement_bench", "--tasks_per_accept", count, "--repeats", repeats,
                    "--allocation_interval_ms", 10 if count == 1 else 50)
    results.run("placement_bench", "--life", "--repeats", repeats)
    results.run("placement_bench", "--calls", 200000, "--repeats", repeats)


def memory(results, full):
    results.run("memory_bench", "--repeats", 1)


def http(results, full):
    repeats = 7 if full else 3
    for server in ("floor", "net", "master"):
        results.run("http_bench", "--server", server, "--repeats", repeats)
        results.run("http_bench", "--server", server, "--repeats", repeats, "--io_threads", 2, suffix=", 2 I/O threads")
    results.run("http_bench", "--stream", "--repeats", repeats)
    if not shutil.which("wrk"):
        return
    for server in ("floor", "master"):
        for threads in (1, 2):
            wrk(results, server, threads, repeats)


def wrk(results, server, threads, repeats):
    """Another load generator than ours."""
    program = [str(RELEASE / "bench" / "http_bench"), "--server", server, "--serve"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        rates, p99 = [], []
        for _ in range(repeats):
            said = subprocess.run(["wrk", "--latency", f"-t{threads}", "-c64", "-d4", f"http://127.0.0.1:{port}/health"],
                                  capture_output=True, text=True, check=True).stdout
            rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]))
            value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
            p99.append(float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit])
        process.terminate()
    results.add(measurement("wrk", f"{server} /health, 64 connections, wrk -t{threads}", "1/s", rates,
                            {"p99_ms": percentile(p99, 0.5)}))


class Process:
    """A tepui command in the background; ends with the block."""

    def __init__(self, *arguments):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="tepui-bench-", suffix=".log")
        self.process = subprocess.Popen([str(RELEASE / "bin" / "tepui"), *arguments], stdout=self.log,
                                        stderr=subprocess.STDOUT)

    def wait_for(self, pattern):
        for _ in range(300):
            if found := re.search(pattern, pathlib.Path(self.log.name).read_text()):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        said = pathlib.Path(self.log.name).read_text()[-1000:]
        raise RuntimeError(f"{' '.join(self.process.args)} did not say '{pattern}' but: {said}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def private_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(int(kb) for kb in re.findall(r"Private_(?:Clean|Dirty):\s+(\d+)", text))


def shims_of(agent):
    """Shims leave the agent's process group; they run from a memory file and hold one task each."""
    found = []
    for directory in pathlib.Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                if "tepui-shim" in os.readlink(directory / "exe"):
                    found.append(int(directory.name))
            except OSError:
                pass  # Gone meanwhile, or the kernel's own.
    return found


def agent(results, full):
    repeats = 5 if full else 3
    with cluster("/dev/shm") as (address, master, node):
        time.sleep(2)
        idle = {p.process.pid: private_bytes(p.process.pid) for p in (master, node)}
        results.add(measurement("agent", "agent idle", "bytes", [idle[node.process.pid]]))
        results.add(measurement("agent", "master idle", "bytes", [idle[master.process.pid]]))
        running(results, address, master, node, idle, 1000 if full else 300)
        latencies(results, address, repeats)
        for _ in range(repeats):
            results.run("load_driver", "--master", address, "launch", "--tasks", 3000)
        for _ in range(repeats):
            results.run("load_driver", "--master", address, "reconcile", "--tasks", 100000)
    # What is written down is flushed, so the disk matters.
    with cluster(ROOT / "build") as (address, _, _):
        latencies(results, address, repeats, suffix=", on a disk")
    merge(results, "load_driver")


@contextlib.contextmanager
def cluster(where):
    """A master and an agent that keep what they write below `where`: the master's address, and both."""
    with tempfile.TemporaryDirectory(prefix="tepui-bench-", dir=where) as place, \
            Process("master", "--ip=127.0.0.1", "--port=0", f"--work_dir={place}/master",
                    "--allocation_interval=20ms") as master:
        address = master.wait_for(r"listening on http://(\S+)")[1]
        with Process("agent", f"--master={address}", "--ip=127.0.0.1", "--port=0", f"--work_dir={place}/work",
                     f"--runtime_dir={place}/run", "--resources=cpus:100;mem:100000;disk:1000") as node:
            node.wait_for(r"[Rr]egistered")
            yield address, master, node


def latencies(results, address, repeats, suffix=""):
    for more in ([], ["--checkpoint"]):
        for _ in range(repeats):
            results.run("load_driver", "--master", address, *more, "latency", "--tasks", 200, suffix=suffix)


def running(results, address, master, node, idle, tasks):
    driver = subprocess.Popen([str(RELEASE / "bench" / "load_driver"), "--master", address, "launch", "--tasks",
                               str(tasks), "--command", "exec sleep 10000"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            shims = shims_of(node.process.pid)
            if len(shims) >= tasks:
                break
            time.sleep(0.2)
        time.sleep(3)
        sizes = [private_bytes(pid) for pid in shims_of(node.process.pid)]
        results.add(measurement("agent", "shim", "bytes", sizes, {"shims": len(sizes)}))
        for name, process in (("agent", node), ("master", master)):
            grown = private_bytes(process.process.pid) - idle[process.process.pid]
            results.add(measurement("agent", f"{name}, a running task", "bytes", [grown / tasks]))
    finally:
        driver.kill()  # Its framework has no failover timeout: the master ends its tasks.
        driver.wait()
    for _ in range(300):
        if not shims_of(node.process.pid):
            return
        time.sleep(0.2)


def merge(results, program):
    """One measurement of those that a program was started several times for."""
    single = [result for result in results.found if result["program"] == program]
    results.found = [result for result in results.found if result["program"] != program]
    for name in dict.fromkeys(result["name"] for result in single):
        same = [result for result in single if result["name"] == name]
        values = [value for result in same for value in result["values"]]
        results.found.append(measurement(program, name, same[0]["unit"], values, same[-1]["facts"]))


def build(results, full):
    with tempfile.TemporaryDirectory(prefix="tepui-build-") as place:
        environment = {**os.environ, "CCACHE_DISABLE": "1"}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        for command in (["cmake", "-S", str(ROOT), "-B", place, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                         "-DTEPUI_TESTS=OFF", "-DTEPUI_BENCH=OFF"], ["cmake", "--build", place]):
            print("+", *command, flush=True)
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
                results.failed.append(" ".join(command))
                return
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        results.add(measurement("build", "build", "CPU-minutes", [seconds / 60],
                                {"wall_minutes": (time.monotonic() - began) / 60}))


GROUPS = {group.__name__: group for group in (allocator, failover, storage, state, placement, memory, http, agent, build)}


# --- The report.

def value_of(result, field):
    return result["median"] if field == "median" else result["facts"].get(field)


def budget_rows(found):
    by_name = {(result["program"], result["name"]): result for result in found}
    rows = []
    for what, target, program, name, field, relation, limit in BUDGET:
        result = by_name.get((program, name))
        value = value_of(result, field) if result else None
        row = {"what": what, "target": target, "program": program, "name": name, "field": field, "value": value}
        if value is None:
            row["verdict"] = "not measured"
        elif (value < limit) if relation == "<" else (value > limit):
            row["verdict"] = "met"
        else:
            row["verdict"] = f"missed, {max(value / limit, limit / value):.2f} times"
        row["shown"] = "" if value is None else spread(result) if field == "median" else short(value)
        row["unit"] = "" if result is None or field != "median" else result["unit"]
        rows.append(row)
    return rows


def about():
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"when": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit.stdout.strip(), "cores": os.cpu_count(), "processor": model[1] if model else "",
            "kernel": platform.release()}


def markdown(machine, rows, found):
    lines = ["# Measured", "",
             f"{machine['when']}, commit {machine['commit']}, {machine['cores']} cores of {machine['processor']}, Linux "
             f"{machine['kernel']}, load average {machine['load_before']} before and {machine['load_after']} after.",
             "Other work was kept off the processors." if machine["alone"] else "Whatever else ran was left to run.",
             "Minimum / median / maximum where there were several runs.", "",
             "| what | target | measured | verdict |", "|---|---|---|---|"]
    lines += [f"| {row['what']} | {row['target']} | {row['shown']} {row['unit']} | {row['verdict']} |" for row in rows]
    lines += ["", "## All", "", "| program | what | measured | also seen |", "|---|---|---|---|"]
    for result in found:
        facts = ", ".join(f"{name} {short(value)}" for name, value in result["facts"].items())
        lines.append(f"| {result['program']} | {result['name']} | {spread(result)} {result['unit']} | {facts} |")
    return "\n".join(lines) + "\n"


def be_alone():
    """The scheduling group of this session gets the most weight there is, until the end. Shims have sessions of their
    own, so that does not reach the tasks of the group `agent`: there it is the real-time class, which children inherit."""
    group = pathlib.Path("/proc/self/autogroup")
    before = group.read_text().split()[-1]
    group.write_text("-20")
    atexit.register(group.write_text, before)


def load_average():
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more repeats, and the larger sizes")
    parser.add_argument("--alone", action="store_true", help="keep other work off the processors meanwhile")
    parser.add_argument("--only", default=",".join(name for name in GROUPS if name != "build"),
                        help=f"of {', '.join(GROUPS)}")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := [name for name in chosen if name not in GROUPS]:
        parser.error(f"there is no group {', '.join(unknown)}; there are {', '.join(GROUPS)}")

    if arguments.alone:
        be_alone()
    machine = {**about(), "load_before": load_average(), "alone": arguments.alone}
    results = Results()
    for name in chosen:
        print(f"== {name}", flush=True)
        if arguments.alone:
            policy = os.SCHED_RR if name == "agent" else os.SCHED_OTHER
            os.sched_setscheduler(0, policy, os.sched_param(10 if name == "agent" else 0))
        try:
            GROUPS[name](results, arguments.full)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            results.failed.append(f"{name}: {error}")
    machine["load_after"] = load_average()
    rows = budget_rows(results.found)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "results.json").write_text(
        json.dumps({"machine": machine, "budget": rows, "measurements": results.found}, indent=1) + "\n")
    (OUT / "results.md").write_text(markdown(machine, rows, results.found))
    print(f"\nWritten: {OUT / 'results.md'}")
    for command in results.failed:
        print(f"Did not run: {command}", file=sys.stderr)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
