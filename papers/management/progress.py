"""The progress bar of the library's commands."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def bar(records: Iterable[Any] | None = None, **options: Any) -> tqdm[Any]:
    """Return a progress bar on standard error, invisible unless that is a terminal.

    A terminal that does not tell its size counts as 80 columns by 24 lines.
    """
    size = shutil.get_terminal_size()
    return tqdm(
        records,
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
        ncols=size.columns,
        nrows=size.lines,
        **options,
    )
