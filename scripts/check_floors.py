#!/usr/bin/env python3
"""Holds the includes of src/ to the floors of the house (docs/architecture.md).

A file may include its own folder and folders on lower floors; no chain of includes may come back to where it began;
Asio, Beast and OpenSSL's TLS stay inside src/net, and spdlog comes by base/log.h, which keeps it cheap. Prints each
violation and exits with 1 if there is any.
"""
import pathlib
import re
import sys
import tempfile

FLOORS = {
    "base": 1, "shim": 1,
    "resources": 2, "wire": 2, "zookeeper": 2, "net": 2,
    "storage": 3, "allocator": 3, "containers": 3, "election": 3,
    "master": 4, "agent": 4, "client": 4, "frameworks": 5, "capacity": 4,
    "http": 5,
    "sim": 6,
    "cli": 7,
}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)
NET_ONLY = ("boost/asio", "boost/beast", "openssl/ssl.h")


def check(root: pathlib.Path) -> list[str]:
    problems = []
    graph = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".h", ".cc")):
        name = path.relative_to(root).as_posix()
        folder = name.split("/")[0]
        if folder not in FLOORS:
            problems.append(f"{name}: the folder '{folder}' has no floor")
            continue
        graph[name] = []
        for include in INCLUDE.findall(path.read_text()):
            if include.startswith(NET_ONLY) and folder != "net":
                problems.append(f"{name}: includes {include}, which only src/net may")
            if include == "spdlog/spdlog.h" and name != "base/log.h":
                problems.append(f"{name}: includes {include}, for which there is base/log.h")
            target = include.split("/")[0]
            if target not in FLOORS or "/" not in include:
                continue
            graph[name].append(include)
            if target != folder and FLOORS[target] >= FLOORS[folder]:
                problems.append(f"{name}: includes {include}, which is not on a lower floor")
    return problems + circles(graph)


def circles(graph: dict[str, list[str]]) -> list[str]:
    problems, done = [], set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            problems.append("a circle: " + " -> ".join(path[path.index(name):] + [name]))
            return
        if name in done or name not in graph:
            return
        for include in graph[name]:
            visit(include, path + [name])
        done.add(name)

    for name in graph:
        visit(name, [])
    return problems


def self_test() -> None:
    """The check finds what it is for."""
    cases = {
        "not on a lower floor": {"base/a.h": '#include "net/b.h"\n', "net/b.h": ""},
        "a circle": {"base/a.h": '#include "base/b.h"\n', "base/b.h": '#include "base/a.h"\n'},
        "only src/net": {"wire/a.cc": "#include <boost/asio/buffer.hpp>\n"},
        "for which there is base/log.h": {"net/a.cc": "#include <spdlog/spdlog.h>\n"},
        "has no floor": {"attic/a.h": ""},
    }
    for expected, files in cases.items():
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                path = pathlib.Path(directory, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = check(pathlib.Path(directory))
            assert any(expected in problem for problem in found), (expected, found)


if __name__ == "__main__":
    self_test()
    found = check(pathlib.Path(__file__).parent.parent / "src")
    print("\n".join(found) if found else "The floors hold.")
    sys.exit(1 if found else 0)
