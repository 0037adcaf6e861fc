# SPDX-License-Identifier: Apache-2.0
"""How the checks beside this file (check_*.py) test themselves."""
import pathlib
import tempfile


def expect(check, base, trees):
    """Asserts what `check` finds in directories that it is given one by one.

    `trees` are pairs of a text and the files of a tree by name, which are added to those of `base`; None leaves a file
    out. One problem that is found must have the text in it; if the text is empty, there must be no problem.
    """
    for expected, tree in trees:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name, text in {**base, **tree}.items():
                if text is not None:
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_text(text)
            found = check(root)
            right = any(expected in problem for problem in found) if expected else not found
            assert right, (expected, tree, found)
