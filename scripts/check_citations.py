#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds citations and links to what they cite (docs/reference/README.md, "How to cite").

Each citation of the reference in code, tests and pages leads to an anchor of docs/reference; each relative link of a
page leads to a file, and to a heading or an anchor of it. Prints each problem as `file:line: what is wrong and what to
do`, and exits with 1 if there is any.

    scripts/check_citations.py         checks the tree that the script is part of
    scripts/check_citations.py ROOT    checks the tree below ROOT
"""
import functools
import pathlib
import re
import sys

import check_testing

REFERENCE = "docs/reference"
FOLDERS = ("src", "include", "proto", "tests", "bench", "docs", "scripts", "packaging")
CITING = {".h", ".cc", ".proto", ".py", ".sh", ".md", ".txt", ".cmake"}

# A number, a range of numbers, an appendix or a trap.
NUMBER = r"\d{1,2}(?:\.\d{1,2})?(?![\w%])"
ITEM = rf"(?:trap \d+|{NUMBER}(?:-{NUMBER})?|[A-Z]\b(?![.'\w]))"
CITATION = re.compile(rf'\b[Rr]eference (?P<items>{ITEM}(?:, {ITEM})*)(?:, "(?P<part>[^"]+)")?')
# What is meant as a citation and written in another form.
MALFORMED = (
    (re.compile(r"\b[Rr]eference(?:, |: |s |s: )\s*(?:traps? )?\d"), "write 'reference 2.7' or 'reference trap 5'"),
    (re.compile(r"\b[Rr]eference, (?:section|chapter)\b"), "write 'reference 2.7'"),
    (re.compile(r"\b[Rr]eference:? docs/"), "name the page alone: 'docs/page.md'"),
    (re.compile(r"\b[Rr]eference (?:section|chapter|part|§) ?\d"), "write 'reference 2.7'"),
    (re.compile(r"\btraps \d"), "write 'reference trap 3, trap 4'"),
)
TRAP = re.compile(r"\btrap \d+")
COMMENT = re.compile(r"^\s*(?://+|#+|\*+|>)?\s*")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
# A part that is named without quotes: "reference 3, sorters)", "reference 3, drf: ...", "reference 2.6, KILLED".
UNQUOTED = re.compile(r"^, (?:[a-z][\w' -]{0,45}[):]|[A-Z][A-Z_]{2,}\b)")
# A number behind words, "reference 2.2 MULTI_ROLE, 2.11": nothing would check it.
STRAY = re.compile(r"^[^.,:;()]{1,60}, \d{1,2}\.\d{1,2}\b")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *#*$")


class Reference:
    """The sections of docs/reference: their anchors, and the names of the parts in each."""

    def __init__(self, root: pathlib.Path):
        self.parts: dict[str, set[str]] = {}
        self.problems: list[str] = []
        for path in sorted((root / REFERENCE).glob("*.md")):
            open_sections: list[str] = []
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for anchor in ANCHOR.findall(line):
                    if anchor in self.parts:
                        self.problems.append(f"{name}:{number}: the anchor {anchor} exists already; give each one name")
                    # A chapter is open until the page ends, a section until the next one begins.
                    open_sections = [s for s in open_sections if anchor.startswith(s + ".")] + [anchor]
                    self.parts.setdefault(anchor, set())
                names = re.findall(r"\*\*([^*]+)\*\*", line) + [
                    re.sub(r"^(?:[\d.]+|Trap \d+:) ", "", heading) for heading in HEADING.findall(line)
                ]
                for section in open_sections:
                    self.parts[section].update(n.strip(" .:").lower() for n in names)

    def check(self, items: str, part: str | None) -> list[str]:
        problems = []
        for item in items.split(", "):
            if item.startswith("trap "):
                anchors = [item.replace(" ", "-")]
            else:
                anchors = ["s" + number for number in item.split("-")]
            for anchor in anchors:
                if anchor not in self.parts:
                    shown = anchor.replace("-", " ") if anchor.startswith("trap") else anchor[1:]
                    problems.append(f"reference {shown} does not exist; see {REFERENCE}/README.md for those that do")
            if len(anchors) == 2 and not rising(*item.split("-")):
                problems.append(f"the range {item} does not rise within a chapter; list its sections")
        last = items.split(", ")[-1]
        anchor = last.replace(" ", "-") if last.startswith("trap ") else "s" + last
        if part and anchor in self.parts and part.lower() not in self.parts[anchor]:
            problems.append(f'reference {last} has no heading or bold term "{part}"; name one that it has')
        return problems


def rising(first: str, last: str) -> bool:
    a, b = ([int(n) for n in text.split(".")] for text in (first, last))
    return len(a) == len(b) and a[:-1] == b[:-1] and a[-1] < b[-1]


def running_text(text: str) -> tuple[str, list[int]]:
    """The text with each line end and the next line's comment mark as one space; and where each line begins in it."""
    pieces, begins, length = [], [], 0
    for line in text.splitlines():
        piece = COMMENT.sub("", line.rstrip()) + " "
        begins.append(length)
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces), begins


def line_of(begins: list[int], position: int) -> int:
    return sum(1 for begin in begins if begin <= position)


def check_citations(name: str, text: str, reference: Reference) -> list[str]:
    running, begins = running_text(text)
    problems, cited = [], []

    def report(position: int, what: str) -> None:
        problems.append(f"{name}:{line_of(begins, position)}: {what}")

    for pattern, advice in MALFORMED:
        for match in pattern.finditer(running):
            if not any(begin <= match.start() < end for begin, end in cited):
                cited.append(match.span())
                report(match.start(), f"'{match[0]}' is no citation that can be checked; {advice}")
    for match in CITATION.finditer(running):
        cited.append(match.span())
        for problem in reference.check(match["items"], match["part"]):
            report(match.start(), problem)
        rest = running[match.end():]
        if not match["part"] and UNQUOTED.match(rest) and not re.match(r", traps \d", rest):
            report(match.start(), f"'{match[0]}' goes on with a comma; put the name of a part into quotes, or write a"
                                  " colon or a full stop")
        if STRAY.match(rest):
            report(match.start(), f"'{match[0]}' has a number behind words; write the numbers first:"
                                  " 'reference 2.2, 2.11'")
    for match in TRAP.finditer(running):
        if not any(begin <= match.start() < end for begin, end in cited) and not name.startswith(REFERENCE):
            report(match.start(), f"'{match[0]}' does not say of what; write 'reference {match[0]}'")
    return problems


def slug(heading: str) -> str:
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@functools.cache
def anchors_of(path: pathlib.Path) -> set[str]:
    found: set[str] = set()
    counts: dict[str, int] = {}
    for line in prose_lines(path.read_text()):
        found.update(ANCHOR.findall(line))
        if match := HEADING.match(line):
            name = slug(match[1])
            seen = counts.get(name, 0)
            counts[name] = seen + 1
            found.add(f"{name}-{seen}" if seen else name)
    return found


def prose_lines(text: str) -> list[str]:
    """The lines, those of code blocks emptied."""
    lines, code = [], False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        lines.append("" if code or fence else line)
        code ^= fence
    return lines


def check_links(root: pathlib.Path, path: pathlib.Path) -> list[str]:
    name = path.relative_to(root).as_posix()
    problems = []
    for number, line in enumerate(prose_lines(path.read_text()), 1):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line) if "](" in line else ""):
            if re.match(r"[a-z][a-z+.-]*:", target):
                continue
            file, _, anchor = target.partition("#")
            page = (path.parent / file).resolve() if file else path
            if not page.exists():
                problems.append(f"{name}:{number}: the link to {target} leads to no file; correct or remove it")
            elif anchor and page.suffix == ".md" and anchor not in anchors_of(page):
                problems.append(f"{name}:{number}: {target} names no heading or anchor of that page; correct it")
    return problems


def check(root: pathlib.Path) -> list[str]:
    root = root.resolve()
    reference = Reference(root)
    if not reference.parts:
        return [f"{REFERENCE}:1: there is no anchor in it; citations lead nowhere"]
    problems = list(reference.problems)
    paths = [p for folder in FOLDERS for p in (root / folder).rglob("*")] + list(root.glob("*"))
    for path in sorted(p for p in set(paths) if p.is_file() and p.suffix in CITING):
        name = path.relative_to(root).as_posix()
        # This script and the page about the forms hold examples.
        if name not in ("scripts/check_citations.py", f"{REFERENCE}/README.md"):
            problems += check_citations(name, path.read_text(), reference)
        if path.suffix == ".md":
            problems += check_links(root, path)
    return problems


def self_test() -> None:
    """The check finds what it is for, and nothing else."""
    page = ('<a id="s2"></a>\n# 2. Model\n\n<a id="s2.6"></a>\n## 2.6 States\n\n<a id="s2.7"></a>\n## 2.7 Updates\n'
            '\n- **Stage 2**: text\n\n<a id="s2.8"></a>\n## 2.8 End\n')
    files = {"docs/reference/2.md": page, "docs/reference/traps.md": '<a id="trap-5"></a>\n## Trap 5\n',
             "docs/page.md": "# The page\n\n## One part\n"}
    cases = {
        "a.cc:1: reference 2.9 does not exist": ["// Reference 2.9.\n", "x();  // (reference 2.6, 2.9)\n"],
        "a.cc:2: reference 2.9 does not exist": ["//\n// (reference 2.6, 2.9).\n", "// x\n// (reference\n// 2.9)\n"],
        "reference 3 does not exist": ["// (reference 3)\n", "// (reference 2, 3)\n"],
        "reference B does not exist": ["// (reference B)\n"],
        "reference trap 6 does not exist": ["// Reference trap 6.\n", "// (reference 2.7, trap 5, trap 6)\n"],
        "does not rise": ["// (reference 2.8-2.6)\n", "// (reference 2.7-2.7)\n"],
        "reference 2.10 does not exist": ["// (reference 2.6-2.10)\n"],
        'has no heading or bold term "sorters"': ['// (reference 2.7, "sorters")\n', '// (reference 2, "sorters")\n'],
        'has no heading or bold term "stage 2"': ['// (reference 2.8, "stage 2")\n',
                                                    '// (reference 2.6, "stage 2")\n'],
        "goes on with a comma": ["// (reference 2.7, sorters)\n", "// Reference 2.7, drf: text\n",
                                "// Seen: reference 2.7, KILLED.\n"],
        "number behind words": ["// (reference 2.6 STATES, 2.9).\n", "// (reference 2.6\n// STATES, 2.7).\n"],
        "is no citation": ["// Reference, trap 5.\n", "// (reference 2.7, traps 3 and 4)\n", "// References 2.7, 2.8\n",
                           "// (reference: docs/page.md)\n", "// (reference section 2.7)\n", "// (reference, 2.7)\n",
                           "// (reference, section 2.7)\n"],
        "does not say of what": ["// exact (trap 5).\n"],
        "": ["// Reference 2.7.\n", "// (reference 2.6-2.8, 2, trap 5): x\n", '// (reference 2.7, "stage 2")\n',
             "// (reference\n// 2.7)\n", "// By reference to 2 things; a reference A's owner has.\n",
             '// (reference 2, "Updates")\n', "// Reference 2.7: 50 frameworks.\n", "// reference (trapped 5 times)\n",
             "# (reference 2.6;\n# page)\n"],
    }
    pages = {
        "leads to no file": ["[x](none.md)\n", "![x](none.png)\n", "[x](../docs/none.md#a)\n"],
        "names no heading": ["[x](page.md#two)\n", "[x](#two)\n", "[x](reference/2.md#s2.9)\n"],
        "b.md:3: ": ["\n\n[x](none.md)\n"],
        "": ["[x](page.md)\n", "[x](page.md#one-part)\n", "# A `b` c\n[x](#a-b-c)\n", "[x](reference/2.md#s2.7)\n",
             "[x](https://example.org/none.md#a)\n", "```\n[x](none.md)\n```\n", "`[x](none.md)`\n"],
    }
    trees = [(expected, {"src/a.cc": text}) for expected, texts in cases.items() for text in texts]
    trees += [(expected, {"docs/b.md": text}) for expected, texts in pages.items() for text in texts]
    trees += [("exists already", {"docs/reference/3.md": '<a id="s2.7"></a>\n'}),
              ("citations lead nowhere", {"docs/reference/2.md": "", "docs/reference/traps.md": ""})]
    trees += [("reference 2.9 does not exist", {name: "reference 2.9\n"})
              for name in ("include/a.h", "proto/a.proto", "tests/a.py", "bench/a.cc", "docs/a.md", "scripts/a.sh",
                           "README.md", "CMakeLists.txt", "packaging/a.cmake", "src/x/README.md", "docs/reference/4.md")]
    check_testing.expect(check, files, trees)


if __name__ == "__main__":
    self_test()
    top = pathlib.Path(sys.argv[1]) if sys.argv[1:] else pathlib.Path(__file__).resolve().parent.parent
    found = check(top)
    print("\n".join(found) if found else "The citations and links lead somewhere.")
    sys.exit(1 if found else 0)
