"""The tokens of a text with TeX in it, and how its groups and environments nest."""

from __future__ import annotations

import re
from typing import Final

DEPTH: Final = 40
"""Levels of nesting that are read; of deeper ones only the words are kept."""
CHAIN: Final = 10
"""Levels that a macro counts for when it is the argument of another without braces."""
OPTION_LENGTH: Final = 200
"""Characters of an argument in brackets."""

TOKEN: Final = re.compile(
    r"\\verb\*?(?P<fence>[^\w\s*])(?P<verbatim>[^\n]{0,200}?)(?P=fence)"
    r"|\\(?P<macro>[A-Za-z]+)|\\(?P<sign>[^A-Za-z])|(?P<mark>[{}$^_])"
    r"|(?P<text>(?:[^\\{}$^_]+|\\$)+)",
    re.DOTALL,
)


class Tokens:
    r"""The tokens of a text in parallel lists, read once from left to right.

    Kinds: ``text``, ``verbatim`` (the content of ``\verb``), ``macro`` (its name), ``sign`` (the
    character after a backslash) and the marks ``{ } $ ^ _``. The value of a text token is
    shortened as parts of it are consumed. ``closing`` maps the position of a ``{`` to that of
    its ``}``, and of a ``\begin`` to that of its ``\end``.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.kinds: list[str] = []
        self.values: list[str] = []
        self.starts: list[int] = []
        self.closing: dict[int, int] = {}
        open_groups: list[int] = []
        for match in TOKEN.finditer(source):
            kind = str(match.lastgroup)
            value = match[kind]
            if kind == "mark":
                kind = value
                if value == "{":
                    open_groups.append(len(self.kinds))
                elif value == "}" and open_groups:
                    self.closing[open_groups.pop()] = len(self.kinds)
            self.kinds.append(kind)
            self.values.append(value)
            self.starts.append(match.start())
        self.starts.append(len(source))
        self._pair_environments()

    def _pair_environments(self) -> None:
        opened: dict[str, list[int]] = {}
        for at, value in enumerate(self.values):
            if self.kinds[at] == "macro" and value in {"begin", "end"}:
                name = self.environment(at)
                if value == "begin":
                    opened.setdefault(name, []).append(at)
                elif begun := opened.get(name):
                    self.closing[begun.pop()] = at

    def environment(self, at: int) -> str:
        r"""Return the name that a ``\begin`` or ``\end`` has as its argument; empty for none."""
        if at + 2 < len(self.kinds) and self.kinds[at + 1] == "{" and self.kinds[at + 2] == "text":
            return self.values[at + 2].strip().rstrip("*")
        return ""

    def is_kind(self, kind: str, at: int, last: int) -> bool:
        """Return whether a token of this kind stands before ``last``."""
        return at < last and self.kinds[at] == kind

    def group_end(self, at: int, last: int) -> int:
        """Return the position of the brace that closes the group beginning here, or 0."""
        if not self.is_kind("{", at, last):
            return 0
        end = self.closing.get(at, 0)
        return end if end < last else 0

    def environment_end(self, at: int, last: int) -> int:
        r"""Return the position of the ``\end`` of the environment beginning here, or 0."""
        end = self.closing.get(at, 0)
        return end if end < last else 0

    def between(self, at: int, end: int) -> str:
        """Return the source of the tokens from ``at`` until ``end``."""
        return self.source[self.starts[at] : self.starts[end]]

    def words(self, at: int, last: int) -> str:
        """Return the plain text among the tokens, without its macros and marks."""
        kept = (self.values[i] for i in range(at, last) if self.kinds[i] in {"text", "verbatim"})
        return "".join(kept)

    def drop(self, pattern: str, at: int, last: int) -> int:
        """Remove what matches at the beginning of a text token; return ``at``."""
        if self.is_kind("text", at, last):
            self.values[at] = re.sub(pattern, "", self.values[at], count=1)
        return at

    def after_group(self, at: int, last: int) -> int:
        """Return the position after the group that begins here, if any, spaces before it or not."""
        spaced = self.is_kind("text", at, last) and not self.values[at].strip(" *")
        if end := self.group_end(at + spaced, last):
            return end + 1
        return at

    def after_arguments(self, at: int, last: int) -> int:
        """Return the position after a command's options and its group."""
        for _ in range(2):
            _, at = self.option(at, last)
        return self.after_group(at, last)

    def option(self, at: int, last: int) -> tuple[str, int]:
        """Return the source of the argument in brackets that begins here, and the next position."""
        if not self.is_kind("text", at, last) or not self.values[at].lstrip(" *").startswith("["):
            return "", at
        begin = self.source.find("[", self.starts[at + 1] - len(self.values[at]))
        close = self.source.find("]", begin, begin + OPTION_LENGTH)
        if close < 0 or close >= self.starts[last]:
            return "", at
        while self.starts[at + 1] <= close:
            at += 1
        self.kinds[at] = "text"
        self.values[at] = self.source[close + 1 : self.starts[at + 1]]
        return self.source[begin + 1 : close], at
