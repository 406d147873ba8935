"""``python -m benchmarks``: every benchmark at a small size, one after another.

Each can be run alone and larger: ``python -m benchmarks.NAME [SIZE]``. A module takes part by
having a ``main`` that can be called without arguments. Each runs in a process of its own, as it
sets the environment and the database up as it needs them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
PARTS_OF_OTHERS = {"__main__", "admin_pages", "senders", "summary_training"}
"""Modules with a ``main`` that others start."""


def names() -> list[str]:
    """Return the names of all benchmarks."""
    found = sorted(path.stem for path in FOLDER.glob("*.py") if _has_main(path))
    return [name for name in found if name not in PARTS_OF_OTHERS]


def _has_main(path: Path) -> bool:
    defined = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(one, ast.FunctionDef) and one.name == "main" for one in defined)


def description(name: str) -> str:
    """Return the first line of a benchmark's docstring."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def main() -> int:
    """Run every benchmark, or those named on the command line; returns how many failed."""
    failed = []
    for name in sys.argv[1:] or names():
        print(f"\n== {name}: {description(name)}", flush=True)
        start = time.monotonic()
        code = f"from benchmarks.{name} import main; main()"
        if subprocess.run([sys.executable, "-c", code], check=False).returncode:
            failed.append(name)
        print(f"({time.monotonic() - start:.0f} s)", flush=True)
    if failed:
        print(f"\nThese failed: {', '.join(failed)}.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(bool(main()))
