# SPDX-License-Identifier: Apache-2.0
"""The attacks use the helpers of the end-to-end tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from attacked import Attacked  # noqa: E402


@pytest.fixture
def attacked(tmp_path):
    made = Attacked(tmp_path)
    yield made
    made.stop()
