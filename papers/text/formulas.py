"""Formulas of TeX on one line of Unicode text: ``O(n^2)``, ``10^-3``, ``x_(i+1)``, ``ε ≤ 1/2``."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from re import Match
from typing import Final, NamedTuple

from papers.text import macros
from papers.text.commands import COMMANDS, SCRIPT_END, UnsayableError, accented, script
from papers.text.tokens import CHAIN, DEPTH, Tokens

RELATION: Final = re.compile(
    r"(?P<left>\s*)(?:(?P<relation>[≤≥≈≠→∈∉≪≫≲≳≡⊂⊆⊇⊈⊊∌∝↦←↔⇒⇐⇔∼≃≅≍≔≝≟≺≻⪯⪰⟶⟷⟺])|(?P<operator>[±∓×·∩∪⊗⊕⊃∥⊥∖∘∧∨⋉⋊⊎⊔⊓]))(?P<right>\s*)"
)
DOUBLE_STRUCK: Final = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
INFIX: Final = frozenset({"over", "above", "atop", "choose"})
FUNCTION_NAMES: Final = {"limsup": "lim sup", "liminf": "lim inf"}
NO_SPACE_AFTER: Final = macros.GREEK | {
    "partial",
    "nabla",
    "forall",
    "exists",
    "hbar",
    "ell",
    "langle",
    "lvert",
    "lVert",
    "lfloor",
    "lceil",
}


class Piece(NamedTuple):
    """A part of a formula as plain text, the position after it, and its kind.

    ``kind``: ``function`` (a name that stands apart from its neighbours), ``double-struck`` (the
    next letter is), or empty.
    """

    rendered: str
    end: int
    kind: str = ""


class FormulaReader(Tokens):
    """Reads the tokens of formulas."""

    write_script: Callable[[str, str], str] = staticmethod(script)

    @abstractmethod
    def text(self, at: int, last: int, depth: int) -> str:
        """Return the tokens as text outside formulas."""

    def math(self, at: int, last: int, depth: int) -> str:
        """Return the tokens as a formula.

        Raises:
            UnsayableError: The formula has no form on one line of text.
        """
        if depth > DEPTH:
            raise UnsayableError("It is nested too deeply.")
        line = _Line(self.write_script)
        while at < last:
            kind, value = self.kinds[at], self.values[at]
            if kind == "macro" and value in INFIX:
                below = self.math(at + 1, last, depth + 1)
                command = COMMANDS["binom" if value == "choose" else "frac"]
                return command.render(str(line), below)
            if kind in "^_":
                argument, at = self.argument(at + 1, last, depth, math=True)
                if argument is None:
                    raise UnsayableError("A script has no content.")
                line.add_script(kind, argument)
            else:
                piece = self._piece(at, last, depth)
                line.add(piece)
                at = piece.end
        return str(line)

    def command(self, at: int, last: int, depth: int) -> tuple[str, int]:
        """Return a command with its arguments, and the position after it.

        Raises:
            UnsayableError: It lacks an argument, or has no form on one line of text.
        """
        if depth > DEPTH:
            raise UnsayableError("It is nested too deeply.")
        name = self.values[at]
        if mark := macros.ACCENTS.get(name):
            base, at = self.argument(at + 1, last, depth, math=True)
            if not base:
                raise UnsayableError(name)
            return accented(mark, evenly_spaced(base)), at
        command = COMMANDS[name]
        option, at = self.option(at + 1, last) if command.optional else ("", at + 1)
        arguments = []
        for _ in range(command.arity):
            rendered, at = self.argument(at, last, depth, math=command.math)
            if rendered is None:
                raise UnsayableError(name)
            arguments.append(evenly_spaced(rendered) if command.math else rendered)
        if option and command.passes_option:
            if "\\" in option:
                raise UnsayableError(name)
            arguments.append(option)
        return command.render(*arguments), at

    def argument(self, at: int, last: int, depth: int, *, math: bool) -> tuple[str | None, int]:
        """Return the next argument (a group, a macro, one character), and the position after it."""
        if self.is_kind("text", at, last) and not self.values[at].strip():
            at += 1
        if at >= last:
            return None, at
        kind, value = self.kinds[at], self.values[at]
        if end := self.group_end(at, last):
            read = self.math if math else self.text
            return read(at + 1, end, depth + 1), end + 1
        if kind == "text":
            value = value.lstrip()
            self.values[at] = value[1:]
            return value[:1], at if len(value) > 1 else at + 1
        if kind in {"macro", "sign"} and math:
            piece = self._piece(at, last, depth + CHAIN)
            if not piece.rendered and piece.end < last:
                return self.argument(piece.end, last, depth + CHAIN, math=True)
            return piece.rendered, piece.end
        return None, at

    def _piece(self, at: int, last: int, depth: int) -> Piece:
        kind, value = self.kinds[at], self.values[at]
        if depth > DEPTH:
            raise UnsayableError("It is nested too deeply.")
        if kind == "text":
            value = re.sub(r"[\s&~]+", " ", value)
            return Piece(value.replace("''", "″"), at + 1)
        if end := self.group_end(at, last):
            return Piece(self.math(at + 1, end, depth + 1), end + 1)
        if kind == "sign" and value in macros.ACCENT_SIGNS:
            letter, at = self.argument(at + 1, last, depth, math=True)
            return Piece(accented(macros.ACCENT_SIGNS[value], letter or ""), at)
        if kind == "sign":
            return Piece(_sign(value), at + 1)
        if kind == "macro":
            return self._macro(at, last, depth)
        raise UnsayableError(value)

    def _macro(self, at: int, last: int, depth: int) -> Piece:
        name = self.values[at]
        kind = "command" if name in COMMANDS else macros.KINDS.get(name, "")
        if kind == "symbol" and name in macros.SYMBOLS:
            if name in NO_SPACE_AFTER:
                letter_follows = at + 2 < last and self.values[at + 2] in macros.GREEK
                self.drop(r"^\s+$" if letter_follows else r"^\s+(?=[\w(])", at + 1, last)
            return Piece(macros.SYMBOLS[name], at + 1)
        if kind == "command":
            return Piece(*self.command(at, last, depth))
        if kind == "style":
            return self._styled(at, last, depth)
        if kind == "environment":
            return self._environment(at, last, depth)
        if kind == "function":
            return Piece(FUNCTION_NAMES.get(name, name), at + 1, kind)
        return self._silent(kind, at, last)

    def _silent(self, kind: str, at: int, last: int) -> Piece:
        """Return the empty piece of a font, a size, a space or a reference."""
        name, after = self.values[at], at + 1
        if kind == "space":
            return Piece(" ", after)
        if kind == "dropped":
            return Piece("", self.after_arguments(after, last))
        if kind != "declaration":
            raise UnsayableError(name)
        if name in {"left", "right"}:
            return Piece("", self.drop(r"^\s*\.", after, last))
        font = "double-struck" if name in macros.DOUBLE_STRUCK else ""
        return Piece("", self.drop(r"^\*?\s?", after, last), font)

    def _styled(self, at: int, last: int, depth: int) -> Piece:
        name, after = self.values[at], self.drop(r"^\*", at + 1, last)
        kind = "function" if name.startswith("operatorname") else ""
        if (end := self.group_end(after, last)) and not kind:
            return Piece(self.text(after + 1, end, depth + 1), end + 1)
        content, after = self.argument(after, last, depth, math=True)
        if content is None or (name in macros.UNITS and not end):
            raise UnsayableError(name)
        return Piece(content, after, kind)

    def _environment(self, at: int, last: int, depth: int) -> Piece:
        end = self.environment_end(at, last)
        if not end or self.environment(at) not in macros.ENVIRONMENTS:
            raise UnsayableError(self.environment(at))
        rendered = self.math(self.after_group(at + 1, last), end, depth + 1)
        return Piece(rendered, self.after_group(end + 1, last))


class _Line:
    """The pieces of a formula, with spaces where two of them would be read as one word."""

    def __init__(self, write_script: Callable[[str, str], str]) -> None:
        self._write_script = write_script
        self._parts: list[str] = []
        self._end = ""
        self._before = ""

    def __str__(self) -> str:
        return "".join(self._parts)

    def add(self, piece: Piece) -> None:
        rendered = piece.rendered
        if not rendered:
            self._before = piece.kind or self._before
            return
        if self._before == "double-struck":
            rendered = DOUBLE_STRUCK.get(rendered[0], rendered[0]) + rendered[1:]
        elif self._end.isalnum() and rendered[0].isalnum():
            apart = self._before == "script" and (self._end.isalpha() or rendered[0].isdigit())
            if apart or "function" in (self._before, piece.kind):
                rendered = " " + rendered
        self._append(rendered)
        self._before = piece.kind

    def add_script(self, sign: str, content: str) -> None:
        rendered = self._write_script(sign, evenly_spaced(content))
        mass_number = sign == "^" and not self._end
        if rendered:
            self._append(rendered)
            self._before = "" if mass_number else "script"

    def _append(self, rendered: str) -> None:
        self._parts.append(rendered)
        self._end = rendered.rstrip(SCRIPT_END)[-1]


def evenly_spaced(formula: str) -> str:
    """Return a formula with one space at most, on both sides of a relation or on neither."""
    line = " ".join(RELATION.sub(_spaced, formula).split())
    return line.replace("⟨ ", "⟨").replace(" ⟩", "⟩")


def _spaced(match: Match[str]) -> str:
    if operator := match["operator"]:
        return f" {operator} " if match["left"] else operator
    relation = match["relation"]
    return f" {relation} " if match["left"] or match["right"] else relation


def _sign(sign: str) -> str:
    if sign in " ,;:\\\n\t>":
        return " "
    if sign in "!/-":
        return ""
    if sign == "|":
        return "‖"
    if sign in "{}%&#_$":
        return sign
    raise UnsayableError(sign)
