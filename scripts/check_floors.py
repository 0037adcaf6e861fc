#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds src/ to its plan, src/floors.txt (docs/architecture.md, "Rooms").

A file may include its own room, rooms of lower floors and lower rooms of its own folder; no chain of includes may come
back to where it began; a room has at most 30 units (a unit is a header with its source and test); Asio, Beast and
OpenSSL's TLS stay inside src/net, spdlog comes by base/log.h, which keeps it cheap, and locks by base/mutex.h, which
clang checks. docs/rooms.md must say what floors.txt says. Prints each violation and exits with 1 if there is any.

    scripts/check_floors.py                checks
    scripts/check_floors.py --write-page   writes docs/rooms.md
"""
import dataclasses
import pathlib
import re
import sys

import check_testing

MOST_UNITS = 30
WANTED_UNITS = 25
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)
NET_ONLY = ("boost/asio", "boost/beast", "openssl/ssl.h")
LOCKS = ("mutex", "shared_mutex", "condition_variable")
PAGE = "docs/rooms.md"


@dataclasses.dataclass
class Room:
    name: str
    floor: int
    within: int  # Its place among the rooms of its folder.
    purpose: str

    @property
    def folder(self) -> str:
        return self.name.split("/")[0]

    def may_include(self, other: "Room") -> bool:
        if self.name == other.name or other.floor < self.floor:
            return True
        return self.folder == other.folder and other.within < self.within


def read_plan(text: str) -> dict[str, Room]:
    rooms = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\d+)(?:\.(\d+))?\s+([a-z0-9_/]+)\s+(\S.*)", line)
        if not match:
            raise SystemExit(f"floors.txt:{number}: not 'floor room purpose': {line}")
        floor, within, name, purpose = match.groups()
        rooms[name] = Room(name, int(floor), int(within or 0), purpose)
    for room in rooms.values():
        floors = {other.floor for other in rooms.values() if other.folder == room.folder}
        if len(floors) > 1:
            raise SystemExit(f"floors.txt: the rooms of {room.folder} are on several floors")
    return rooms


def unit_of(path: str) -> str:
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return re.sub(r"_test$", "", stem)


def check(root: pathlib.Path) -> list[str]:
    rooms = read_plan((root / "floors.txt").read_text())
    problems = []
    graph = {}
    units: dict[str, set[str]] = {name: set() for name in rooms}
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".h", ".cc")):
        name = path.relative_to(root).as_posix()
        room = rooms.get(name.rsplit("/", 1)[0])
        if room is None:
            problems.append(f"{name}: its folder is no room of floors.txt")
            continue
        units[room.name].add(unit_of(name))
        graph[name] = []
        for include in INCLUDE.findall(path.read_text()):
            if include.startswith(NET_ONLY) and room.name != "net":
                problems.append(f"{name}: includes {include}, which only src/net may")
            if include == "spdlog/spdlog.h" and name != "base/log.h":
                problems.append(f"{name}: includes {include}, for which there is base/log.h")
            if include in LOCKS and name != "base/mutex.h":
                problems.append(f"{name}: includes {include}, for which there is base/mutex.h")
            target = rooms.get(include.rsplit("/", 1)[0])
            if target is None:
                continue
            graph[name].append(include)
            if not room.may_include(target):
                problems.append(f"{name}: includes {include}, which is not in a lower room")
    for name, found in units.items():
        if not found:
            problems.append(f"floors.txt: the room {name} is empty")
        if len(found) > MOST_UNITS:
            problems.append(f"{name}: {len(found)} units; split it by meaning, a room has at most {MOST_UNITS}"
                            f" (about {WANTED_UNITS} is right)")
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


def page(plan: str) -> str:
    lines = [
        "# The rooms of the house", "",
        "This page is made from `src/floors.txt` by `scripts/check_floors.py --write-page`. A room may include the rooms of",
        "lower floors, and in its own folder the rooms with a lower number behind the dot.", "",
        "| floor | room | what it is for |", "|---|---|---|",
    ]
    for room in read_plan(plan).values():
        floor = f"{room.floor}.{room.within}" if room.within else str(room.floor)
        lines.append(f"| {floor} | `src/{room.name}` | {room.purpose} |")
    return "\n".join(lines) + "\n"


def self_test() -> None:
    """The check finds what it is for."""
    plan = "1 base low\n2 wire middle\n2 net other\n3 master/rules rules\n3.1 master/core core\n"
    files = {"base/z.h": "", "wire/z.h": "", "net/z.h": "", "master/rules/z.h": "", "master/core/z.h": ""}
    cases = {
        "not in a lower room": [
            {"base/a.h": '#include "net/z.h"\n'},
            {"wire/a.h": '#include "net/z.h"\n'},
            {"master/rules/a.h": '#include "master/core/z.h"\n'},
        ],
        "a circle": [{"base/a.h": '#include "base/b.h"\n', "base/b.h": '#include "base/a.h"\n'}],
        "only src/net": [{"wire/a.cc": "#include <boost/asio/buffer.hpp>\n"}],
        "for which there is base/log.h": [{"net/a.cc": "#include <spdlog/spdlog.h>\n"}],
        "for which there is base/mutex.h": [{"net/a.cc": "#include <mutex>\n"}],
        "is no room": [{"attic/a.h": ""}, {"master/a.h": ""}],
        "31 units": [{f"wire/a{i}.h": "" for i in range(30)}],
        "is empty": [{"wire/z.h": None}],
        "": [{"master/core/a.h": '#include "master/rules/z.h"\n#include "base/z.h"\n', "wire/z_test.cc": ""}],
    }
    check_testing.expect(check, {"floors.txt": plan, **files},
                         [(expected, tree) for expected, trees in cases.items() for tree in trees])


if __name__ == "__main__":
    self_test()
    top = pathlib.Path(__file__).parent.parent
    made = page((top / "src/floors.txt").read_text())
    if sys.argv[1:] == ["--write-page"]:
        (top / PAGE).write_text(made)
    found = check(top / "src")
    if not (top / PAGE).exists() or (top / PAGE).read_text() != made:
        found.append(f"{PAGE} does not say what src/floors.txt says; run scripts/check_floors.py --write-page")
    print("\n".join(found) if found else "The floors hold.")
    sys.exit(1 if found else 0)
