"""``python -m benchmarks``: every benchmark at a small size, one after another.

Each can be run alone and larger: ``python -m benchmarks.NAME [SIZE]``. A module takes part by
having a ``main`` that can be called without arguments.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

HELPER_MODULES = {
    *(
        "__main__",
        "admin_pages",
        "baselines",
        "bulk",
        "crowds",
        "relay",
        "senders",
        "server_cpu",
        "summary_training",
    ),
}


def main() -> None:
    """Run every benchmark, or those named on the command line."""
    wanted = sys.argv[1:]
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name in HELPER_MODULES or (wanted and module.name not in wanted):
            continue
        benchmark = importlib.import_module(f"benchmarks.{module.name}")
        if hasattr(benchmark, "main"):
            print(f"\n== {module.name}: {(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
            benchmark.main()


if __name__ == "__main__":
    main()
