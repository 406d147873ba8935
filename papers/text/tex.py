r"""TeX as authors type it into titles and abstracts, as plain Unicode.

Such text is half TeX and half not: ``%`` is no comment, ``~`` may mean "about" and a dollar may
be money. It is read once, from left to right, as a tree of groups, formulas and macros, in time
that grows with its length and no faster, ``DEPTH`` levels deep. A formula that has no form on
one line of text stays as its source between its dollars.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from papers.text import macros
from papers.text.commands import COMMANDS, UnsayableError, accented, link, marked_script
from papers.text.formulas import RELATION, FormulaReader, evenly_spaced
from papers.text.spellings import respelt
from papers.text.tokens import DEPTH

FORMULA_LENGTH: Final = 2000
"""Characters of a formula; a longer one is text with two dollars in it."""
LOOSE_LENGTH: Final = 60
"""Characters of a formula without a macro that has spaces inside of its dollars."""
WORDS_IN_FORMULA: Final = 3
TAIL: Final = 300
"""Characters of the text so far that decide how to read on."""
KEPT: Final = re.compile("\ue000(\\d+)\ue001")
"""The place and number of a formula that stays as its source, until the text is typeset."""

PATH: Final = re.compile(r"(?:^|\W)[A-Za-z]:(?:\\[\w.-]+)*$")
ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S{4,}$")
MONEY: Final = re.compile(r"\s*\d")
EVIDENCE: Final = re.compile(r"\\.|[_^=<>]")
WORD: Final = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}")
SET: Final = re.compile(r"[,_^=|:;<>\d∈∉≤≥≠…⋯·]")
PHRASE: Final = re.compile(r"[A-Za-z]{2}")
MEMBERS: Final = re.compile(r"[,=|;<>^_∈∉≤≥≠…⋯·]|^\w\s?:")
LINE_BREAK_LENGTH: Final = r"^\*?(?:\[[\d. ]{1,8}[a-z]{2}\])?"


def untex(text: str, *, marked: bool = False) -> tuple[str, list[str]]:
    """Return the text with its TeX as plain Unicode, and the formulas that stay as their source.

    Each of those is a ``KEPT`` with its number in the text. With ``marked`` each exponent and
    index stands between the marks of ``marked_script``.
    """
    read = _MarkingReader if marked else _TextReader
    reader = read(respelt(text))
    return reader.text(0, len(reader.kinds), 0), reader.kept


class _TextReader(FormulaReader):
    """Reads the tokens of text with formulas in it; each method returns the next position."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.kept: list[str] = []

    def text(self, at: int, last: int, depth: int) -> str:
        """Return the tokens as text."""
        if depth > DEPTH:
            return self.words(at, last)
        read = {"{": self._group, "$": self._dollar, "^": self._script, "_": self._script,
                "sign": self._sign, "macro": self._macro_in_text}  # fmt: skip
        out: list[str] = []
        while at < last:
            kind = self.kinds[at]
            if kind in read:
                at = read[kind](at, last, depth, out)
            else:
                if kind != "}":
                    out.append(self.values[at])
                at += 1
        return "".join(out)

    # Groups, scripts and signs

    def _group(self, at: int, last: int, depth: int, out: list[str]) -> int:
        end = self.group_end(at, last)
        if not end:
            return at + 1
        declared = self.kinds[at + 1] == "macro" and self.values[at + 1] in macros.DECLARATIONS
        before = _tail(out)
        inner = self.text(at + 1, end, depth + 1)
        if inner.strip() and (address := ADDRESS.search(before)):
            out[-1] = out[-1][: -len(address.group())]
            out.append(link(address.group(), inner))
        elif not declared and self._is_set(inner, before, end + 1):
            out += ["{", inner, "}"]
        elif inner:
            out.append(inner)
        return end + 1

    def _is_set(self, inner: str, before: str, after: int) -> bool:
        """Return whether braces in a text are the author's own rather than TeX's."""
        inner = inner.strip()
        if inner.startswith(("http", "www.")) or not inner.strip(",.=+<>-:;"):
            return False
        if SET.search(inner) and not _is_phrase(inner):
            return not (inner.isdecimal() and before[-1:].isalnum())
        follower = self.values[after] if after < len(self.values) else ""
        joined = before[-1:].isalnum() or before.endswith("-") or follower[:1].isalnum()
        return len(inner) == 1 and "a" <= inner <= "z" and not joined

    def _script(self, at: int, last: int, depth: int, out: list[str]) -> int:
        sign, begin = self.kinds[at], at + 1
        end = self.group_end(begin, last)
        if not end:
            out.append(sign)
            return begin
        out.append(self.write_script(sign, self._said(begin + 1, end, depth + 1)))
        return end + 1

    def _said(self, at: int, last: int, depth: int) -> str:
        """Return a piece of a formula that stands outside of dollars, at worst its words."""
        try:
            return evenly_spaced(self.math(at, last, depth))
        except UnsayableError:
            return self.words(at, last)

    def _sign(self, at: int, last: int, depth: int, out: list[str]) -> int:
        sign = self.values[at]
        if sign in "([":
            return self._bracketed(at, last, depth, out)
        if sign in macros.ACCENT_SIGNS:
            return self._accent(at, last, depth, out)
        if sign == "\\":
            self.drop(LINE_BREAK_LENGTH, at + 1, last)
        if sign in "\\ ,;:\n\t":
            out.append(" ")
        elif sign not in "/!@-":
            out.append("‖" if sign == "|" else sign)
        return at + 1

    # Accents

    def _accent(self, at: int, last: int, depth: int, out: list[str]) -> int:
        """Put an accent on the letter that follows; where there is none, keep its sign."""
        sign, begin = self.values[at], at + 1
        mark = macros.ACCENT_SIGNS.get(sign) or macros.ACCENT_LETTERS[sign]
        value = self.values[begin] if begin < last else ""
        if end := self.group_end(begin, last):
            out.append(_accented_group(sign, mark, self.text(begin + 1, end, depth + 1).strip()))
            return end + 1
        if self.is_kind("macro", begin, last) and value in macros.LETTERS:
            self.drop(r"^[^\S\n](?=[a-z])", begin + 1, last)
            letter = value if value in {"i", "j"} else macros.SYMBOLS[value]
            out.append(accented(mark, letter))
            return begin + 1
        if self.is_kind("text", begin, last):
            letters = value[1:] if value[:1].isspace() else value
            spaced = len(letters) < len(value)
            composed = unicodedata.normalize("NFC", letters[:1] + mark)
            # Between two words it is a quotation mark.
            lone = sign in "'\"" and letters[1:2].isspace()
            apart = spaced and not sign.isalpha() and (lone or not _tail(out)[-1:].isalpha())
            if letters[:1].isalpha() and len(composed) == 1 and not apart:
                out.append(composed)
                self.values[begin] = letters[1:]
                return begin
        out.append(sign)
        return begin

    def _takes_accent(self, at: int, last: int) -> bool:
        r"""Return whether an accent written as a letter (``\v s``) has a letter to stand on."""
        if self.is_kind("text", at, last):
            return bool(re.match(r"\s[A-Za-z]", self.values[at]))
        if self.is_kind("macro", at, last):
            return self.values[at] in {"i", "j"}
        return self.group_end(at, last) > 0

    # Macros

    def _macro_in_text(self, at: int, last: int, depth: int, out: list[str]) -> int:
        name, after = self.values[at], at + 1
        if name in macros.ACCENT_LETTERS and self._takes_accent(after, last):
            return self._accent(at, last, depth, out)
        kind = "command" if name in COMMANDS else macros.KINDS.get(name, "")
        end = self.group_end(after, last)
        if kind == "style" or not kind:
            kind = "style" if end and (kind or end > after + 1) else "symbol"
        read = {
            "command": self._command_in_text,
            "declaration": self._declared,
            "environment": self._environment_in_text,
            "style": self._styled_text,
        }
        if kind in read:
            return read[kind](at, last, depth, out)
        if kind == "dropped":
            return self._dropped(at, last, out)
        if kind == "space":
            out.append(" ")
            return after
        return self._symbol(at, end + 1 if end == after + 1 else after, last, out)

    def _declared(self, at: int, last: int, depth: int, out: list[str]) -> int:
        """Leave out a font or size; the braces after it are none of the author's own."""
        begin = self.drop(r"^\*?[^\S\n]?", at + 1, last)
        end = self.group_end(begin, last)
        if not end:
            return begin
        if self.values[at] in macros.DOUBLE_STRUCK | {"ensuremath"}:
            out.append(self._said(at, end + 1, depth + 1))
        else:
            out.append(self.text(begin + 1, end, depth + 1))
        return end + 1

    def _dropped(self, at: int, last: int, out: list[str]) -> int:
        """Leave out a command; of a reference also the brackets around it and the space before."""
        after = self.after_arguments(at + 1, last)
        if self.values[at] in macros.REFERENCES:
            bracket = {"[": "]", "(": ")"}.get(_tail(out)[-1:], "")
            if bracket and self.is_kind("text", after, last) and self.values[after][0] == bracket:
                out[-1] = out[-1][:-1]
                self.values[after] = self.values[after][1:]
            if not bracket or not out[-1].endswith(("[", "(")):
                _strip_right(out)
        return after

    def _command_in_text(self, at: int, last: int, depth: int, out: list[str]) -> int:
        try:
            rendered, after = self.command(at, last, depth)
        except UnsayableError:
            rendered, after = "", at + 1
            while end := self.group_end(after, last):
                rendered += " " + self.words(after + 1, end)
                after = end + 1
        out.append(rendered or self.values[at])
        return after

    def _styled_text(self, at: int, last: int, depth: int, out: list[str]) -> int:
        """Render the argument of a style, or all arguments of an unknown command."""
        known, at = self.values[at] in macros.STYLES, at + 1
        rendered = []
        while end := self.group_end(at, last):
            rendered.append(self.text(at + 1, end, depth + 1))
            at = end + 1
            if known:
                break
        out.append(" ".join(rendered))
        return at

    def _symbol(self, at: int, after: int, last: int, out: list[str]) -> int:
        r"""Render a macro without arguments: its sign, or its name (authors' own ``\ours``)."""
        name, before = self.values[at], _tail(out)
        symbol = macros.WORDS.get(name) or macros.SYMBOLS.get(name, "")
        if name in macros.FUNCTIONS:
            symbol = " " + name if before[-1:].isalnum() else name
        elif not symbol:
            quotient = "∖" if before[-1:] in {")", "]"} and name[:1].isupper() else ""
            symbol = "\\" + name if PATH.search(before) else quotient + _unknown(name)
        if self._is_spaced_script(after, last):
            self.values[after] = ""
        if after == at + 1 and (swallowed := _swallowed(name, symbol, before)):
            self.drop(swallowed, after, last)
        out.append(symbol)
        return after

    def _is_spaced_script(self, at: int, last: int) -> bool:
        r"""Return whether spaces and then an exponent or index follow, as in ``\omega ^2``."""
        spaces = self.is_kind("text", at, last) and self.values[at].isspace()
        return spaces and at + 1 < last and self.kinds[at + 1] in {"^", "_"}

    def _environment_in_text(self, at: int, last: int, depth: int, out: list[str]) -> int:
        name, end = self.environment(at), self.environment_end(at, last)
        if self.values[at] == "end":
            return self.after_group(at + 1, last)
        begin = self.after_group(at + 1, last)
        if end and name in macros.ENVIRONMENTS:
            formula = self._formula(begin, end, self.between(begin, end), depth)
        elif end and name in macros.UNSAYABLE_ENVIRONMENTS:
            after = self.after_group(end + 1, last)
            formula = self._formula(at, after, self.between(at, after), depth)
        else:
            out.append(" ")
            return begin
        out += [" ", formula, " "]
        return self.after_group(end + 1, last)

    # Formulas

    def _dollar(self, at: int, last: int, depth: int, out: list[str]) -> int:
        """Render the formula that begins here; a dollar sign before a sum of money begins none."""
        adjacent = self.is_kind("$", at + 1, last)
        width = 2 if adjacent and self.starts[at + 1] == self.starts[at] + 1 else 1
        begin = end = at + width
        while end < last and self.kinds[end] != "$":
            end += 1
        closed = end < last and (width == 1 or self.is_kind("$", end + 1, last))
        if closed:
            content = self.between(begin, end)
            follower = self.source[self.starts[end] + 1 : self.starts[end] + 2]
            if width == 2 or _is_formula(content, follower):
                out.append(self._formula(begin, end, content, depth))
                return end + width
        out.append("$")
        return at + 1

    def _bracketed(self, at: int, last: int, depth: int, out: list[str]) -> int:
        r"""Render a formula between ``\(`` and ``\)`` or ``\[`` and ``\]``."""
        closing = ")" if self.values[at] == "(" else "]"
        limit = self.starts[at] + FORMULA_LENGTH
        end = at + 1
        while end < last and self.starts[end] < limit:
            if self.kinds[end] == "sign" and self.values[end] in "()[]":
                break
            end += 1
        if self.is_kind("sign", end, last) and self.values[end] == closing:
            out.append(self._formula(at + 1, end, self.between(at + 1, end), depth))
            return end + 1
        out.append(self.values[at])
        return at + 1

    def _formula(self, at: int, end: int, source: str, depth: int) -> str:
        """Return a formula as plain text, or the place where its source will stay."""
        try:
            if len(source) > FORMULA_LENGTH:
                raise UnsayableError("It is too long.")
            written = self.math(at, end, depth + 1)
            rendered = evenly_spaced(written) or written[:1]
            balanced = rendered.count("{") == rendered.count("}") or rendered in {"{", "}"}
            if "\\" in rendered or not balanced:
                raise UnsayableError("Its braces are not paired.")
        except UnsayableError:
            self.kept.append("$" + " ".join(source.replace("$", "").split()) + "$")
            return f"\ue000{len(self.kept) - 1}\ue001"
        return rendered


class _MarkingReader(_TextReader):
    """Reads a text and marks its exponents and indices."""

    write_script = staticmethod(marked_script)


def _is_formula(content: str, follower: str) -> bool:
    """Return whether dollars enclose a formula rather than the words between two prices."""
    stripped = content.strip()
    if not stripped or "\n\n" in content or len(content) > FORMULA_LENGTH:
        return False
    macro, loose = "\\" in content, len(stripped) < len(content)
    words = len(WORD.findall(re.sub(r"\{[^{}]*\}", "", content)))
    script = words == 0 and ("^" in content or "_" in content)
    amount = MONEY.match(content) and not macro and not script
    if amount and (follower.isdigit() or content[-1].isspace()):
        return False
    if EVIDENCE.search(content) and words <= WORDS_IN_FORMULA:
        return True
    if loose:
        spaced = content[0].isspace() and content[-1].isspace()
        return (spaced or macro) and len(stripped) <= LOOSE_LENGTH and words == 0
    return not (follower.isdigit() and (stripped[0].isdigit() or " " in stripped))


def _accented_group(sign: str, mark: str, inner: str) -> str:
    if not inner:
        return sign
    if sign.isalpha() and len(inner) > 1 and not unicodedata.combining(inner[1]):
        return inner
    return accented(mark, inner[0]) + inner[1:]


def _is_phrase(inner: str) -> bool:
    """Return whether braces hold words (``{3D GU}``, ``{Warning: examples}``), and no members."""
    return bool(PHRASE.search(inner)) and not MEMBERS.search(inner)


def _swallowed(name: str, symbol: str, before: str) -> str:
    """Return a pattern of what a macro takes from the text after it, mostly TeX's own space."""
    in_word = before[-1:].isalpha()
    if name in macros.LETTERS:
        return "" if name in {"AA", "aa", "i", "j"} and not in_word else r"^[^\S\n](?=[a-z])"
    if name in macros.WORDS:
        return r"^\."
    if name == "mu":
        return r"^\s+(?=m\b)"
    if name in macros.GREEK:
        return r"^\s+(?=CDM\b|-[A-Za-z]{2})"
    operator = RELATION.fullmatch(symbol) and (before[-1:].isalnum() or before[-1:] in {")", "]"})
    return r"^\s+" if operator or symbol[-1] in "‘“'" else ""


def _unknown(name: str) -> str:
    r"""Return the name of a macro that is not known; ``\LambdaCDM`` was meant as two words."""
    for end in range(len(name) - 1, 1, -1):
        if name[end].isupper() and name[:end] in macros.GREEK:
            return macros.SYMBOLS[name[:end]] + name[end:]
    return name


def _tail(out: list[str]) -> str:
    """Return the end of the text so far, joined to one part."""
    parts: list[str] = []
    length = 0
    while out and length < TAIL:
        parts.append(out.pop())
        length += len(parts[-1])
    tail = "".join(reversed(parts))
    out += [tail[:-TAIL], tail[-TAIL:]] if length > TAIL else [tail]
    return tail[-TAIL:]


def _strip_right(out: list[str]) -> None:
    while out:
        out[-1] = out[-1].rstrip(" ~\n")
        if out[-1]:
            return
        out.pop()
