#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds src/ and bench/ to one way for each of a few things that C++ offers many for (CONTRIBUTING.md, "Style").

Prints each deviation with the way to go, and exits with 1 if there is any.

    scripts/check_idioms.py
"""
import dataclasses
import pathlib
import re
import sys


@dataclasses.dataclass
class Rule:
    what: re.Pattern  # Matched within a line.
    instead: str
    exempt: tuple[str, ...]  # Beginnings or ends of paths.

    def find(self, name: str, text: str) -> list[str]:
        if name.startswith(self.exempt) or name.endswith(self.exempt):
            return []
        return [f"{name}:{number}: '{found.group().strip()}': {self.instead}"
                for number, line in enumerate(text.splitlines(), 1) if (found := self.what.search(line))]


RULES = [
    Rule(
        re.compile(r"^\s+TimerId \w+( = 0|\{\})?;"),
        "a member that is a timer is a Timer (base/timer.h), which is cancelled with its owner",
        (
            "src/base/", "src/sim/world/",  # Clocks.
            "src/containers/mesos/",  # The timers of its Poller, which is no Clock.
            # Here the clock is a simulated process, which may be gone before what has waited for it.
            "src/sim/network/", "src/sim/nodes/election.cc", "src/sim/nodes/simulated_containerizer.h",
            "src/sim/cluster/cluster.h",
        )),
    Rule(
        re.compile(r"(shared_ptr|make_shared)<(const )?(bool|char|int|void|std::monostate)>"),
        "a callback that may come after its owner's death is bound to a Lifetime (base/timer.h) or goes through a"
        " Mailbox (base/mailbox.h)",
        ("src/base/timer.h", "_test.cc", "src/containers/mesos/mesos_containerizer.h")),
    Rule(
        re.compile(r"using \w+ = std::function<void\(std::move_only_function<void\(\)>"),
        "the function that runs work on an owner's thread is Poster (base/mailbox.h)",
        ("src/base/mailbox.h",)),
    Rule(
        re.compile(r"Fail\(std::move\([^;]*\.error\(\)\)\)"),
        "an error goes up as Fail(x.error())",
        ()),
]


def check(name: str, text: str) -> list[str]:
    return [problem for rule in RULES for problem in rule.find(name, text)]


def self_test() -> None:
    """The check finds what it is for, and nothing else."""
    bad = {
        "is a Timer": ["  TimerId retry_ = 0;", "    TimerId timer{};", "  TimerId timer_;"],
        "bound to a Lifetime": [
            "  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);",
            "  const std::shared_ptr<const char> token_;",
        ],
        "is Poster": ["using Run = std::function<void(std::move_only_function<void()>)>;"],
        "as Fail(x.error())": ["  if (!made) return Fail(std::move(made.error()));"],
    }
    for expected, lines in bad.items():
        for line in lines:
            found = check("src/client/a.h", f"// First.\n{line}\n")
            assert len(found) == 1 and found[0].startswith("src/client/a.h:2: ") and expected in found[0], (line, found)
    good = [
        "  Timer retry_;", "  const TimerId timer = clock_.After(delay, work);", "  TimerId After(Duration delay, Work work);",
        "  std::shared_ptr<Users> users;", "  const std::weak_ptr<const bool> alive = lifetime_.Alive();",
        "  if (!made) return Fail(made.error());",
    ]
    for line in good:
        assert not check("src/client/a.h", line), line
    assert not check("src/base/timer_queue.h", "  TimerId last_id_ = 0;")
    assert not check("src/client/a_test.cc", "  auto called = std::make_shared<bool>(false);")


if __name__ == "__main__":
    self_test()
    top = pathlib.Path(__file__).parent.parent
    problems = []
    for folder in ("src", "bench"):
        for path in sorted(p for p in (top / folder).rglob("*") if p.suffix in (".h", ".cc")):
            problems += check(path.relative_to(top).as_posix(), path.read_text())
    print("\n".join(problems) if problems else "The idioms hold.")
    sys.exit(1 if problems else 0)
