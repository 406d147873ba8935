"""Install a file of locked packages and show how far that is; Python's own library only.

.venv/bin/python requirements/install.py requirements/runtime.txt
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

WIDTH = 30
"""Characters of the bar."""


def main(file: str) -> int:
    """Run pip and return its exit code; at a terminal a bar counts the packages.

    The output of pip is shown only if it fails.
    """
    count = len(re.findall(r"^[\w.\[\]-]+==", Path(file).read_text(encoding="utf-8"), re.MULTILINE))
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    command = [*pip, "--progress-bar", "off", "--require-hashes", "-r", file]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    output: list[str] = []
    found = 0
    for line in process.stdout or ():
        output.append(line)
        found += line.startswith(("Collecting ", "Requirement already satisfied"))
        if line.startswith("Installing"):
            show(f"{'#' * WIDTH} {found} packages are here and get installed")
        else:
            done = min(found, count)
            show(f"{'#' * (WIDTH * done // count):.<{WIDTH}} {done} of {count} packages")
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    if code := process.wait():
        sys.stderr.writelines(output)
    return code


def show(text: str) -> None:
    """Write the text over the last one, at a terminal only."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r  {text:<70}")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
