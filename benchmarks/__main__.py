"""``python -m benchmarks``: every benchmark at a small size, one after another.

Each can be run alone and larger: ``python -m benchmarks.NAME [SIZE]``. A module takes part by
having a ``main`` that can be called without arguments.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

CHILDREN = {"__main__", "senders"}  # Run by others.


def main() -> None:
    wanted = sys.argv[1:]
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name in CHILDREN or (wanted and module.name not in wanted):
            continue
        question = importlib.import_module(f"benchmarks.{module.name}")
        if hasattr(question, "main"):
            print(f"\n== {module.name}: {(question.__doc__ or '').splitlines()[0]}", flush=True)
            question.main()


if __name__ == "__main__":
    main()
