"""``make bench`` can start every benchmark."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.__main__ import description, names
from tests.conftest import ROOT

START = """
import importlib, inspect
for name in {names}:
    inspect.signature(importlib.import_module("benchmarks." + name).main).bind()
"""


def test_every_benchmark_can_be_imported_before_django_is_set_up_and_has_a_sample_size() -> None:
    code = START.format(names=names())
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_benchmark_says_what_it_measures() -> None:
    assert len(names()) > 15
    assert all(map(description, names()))
