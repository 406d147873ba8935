"""TeX's commands with arguments, as functions of their rendered arguments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


class UnsayableError(ValueError):
    """A formula, or a part of one, has no form on one line of Unicode text."""


_RELATIONS: Final = {
    ("?", "="): "≟", ("def", "="): "≝", ("△", "="): "≜", ("Δ", "="): "≜", ("∘", "="): "≗",
    ("⋆", "="): "≛", ("m", "="): "≞", ("∼", "<"): "≲", ("∼", ">"): "≳", ("<", "∼"): "≲",
    (">", "∼"): "≳",
}  # fmt: skip
_ALONE: Final = re.compile(
    r"[-+−±∓]?(?:[^\W_]|\.)+[′″]*|\d+[-+−±]|[-+−±∓*'†‡⊥∥⊙⋆∗∘×⊕⊤#∨∧°]{1,2}|\([^()]*\)|\[[^\[\]]*\]|\|[^|]*\|"
    r"|\w[\u0300-\u036f\u20d0-\u20ff]+"
)


SCRIPT: Final = "\ue010"
"""The mark before a script whose content is already complete plain text."""
PARENTHESISED: Final = "\ue011"
"""The mark before a script whose content was put into parentheses."""
SCRIPT_END: Final = "\ue012"


def script(sign: str, content: str) -> str:
    """Return a subscript (``_``) or superscript (``^``): in parentheses where it needs them."""
    content = content.strip().lstrip("_^")
    if not content:
        return ""
    if sign == "^" and content == "∘":
        return "°"
    if sign == "^" and not content.strip("′″' "):
        return content.replace(" ", "").replace("′′′", "‴").replace("′′", "″")
    alone = len(content) == 1 or _ALONE.fullmatch(content)
    return sign + (content if alone else f"({content})")


def marked_script(sign: str, content: str) -> str:
    """Return a script between marks for its end and for the owner of its parentheses.

    Scripts in its content lose their marks.
    """
    content = unmarked(content)
    written = script(sign, content)
    if not written.startswith(sign):
        return written
    added = written != sign + content.strip().lstrip("_^")
    return f"{PARENTHESISED if added else SCRIPT}{written}{SCRIPT_END}"


def unmarked(text: str) -> str:
    """Return a text without the marks of its scripts."""
    return text.translate(dict.fromkeys(map(ord, (SCRIPT, PARENTHESISED, SCRIPT_END))))


def accented(mark: str, base: str) -> str:
    """Return a letter with a combining mark. Raises UnsayableError for anything but a letter."""
    base = base.strip()
    base = {"ı": "i", "ȷ": "j"}.get(base, base)
    letters = unicodedata.normalize("NFC", base)
    marked = [letter for letter in letters if not unicodedata.combining(letter)]
    if mark == "\u0305" and base.isalnum():
        mark = "\u0304" if len(marked) == 1 else mark
        return "".join(unicodedata.normalize("NFC", letter + mark) for letter in letters)
    if len(marked) == 1:
        return unicodedata.normalize("NFC", base + mark)
    if marked and base[1:2] in {"_", "^", "′", "'", SCRIPT, PARENTHESISED}:
        return unicodedata.normalize("NFC", base[0] + mark) + base[1:]
    raise UnsayableError(base)


def fraction(above: str, below: str) -> str:
    """Return ``above/below``, either in parentheses where it is more than one term."""
    return f"{_term(above)}/{_term(below)}"


def root(radicand: str, index: str = "") -> str:
    """Return a root; of another index than 2, 3 and 4 as a power."""
    radicand, index = radicand.strip(), index.strip()
    alone = re.fullmatch(r"\w+(?:\.\w+)?|\([^()]*\)", unmarked(radicand))
    inner = radicand if alone else f"({radicand})"
    if sign := {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(index):
        return sign + inner
    return f"{inner}^(1/{index})"


def _term(part: str) -> str:
    part = part.strip()
    alone = not re.search(r"[\s+\-−*/=,·×±∓<>≤≥]", part.lstrip("-−"))
    return part if alone or re.fullmatch(r"\([^()]*\)", part) else f"({part})"


def _over(above: str, base: str) -> str:
    above, base = above.strip(), base.strip()
    return _RELATIONS.get((above, base)) or base + script("^", above)


def _arrow(sign: str) -> Callable[..., str]:
    return lambda above, below="": f"{sign}{script('_', below)}{script('^', above)}"


def _negated(symbol: str) -> str:
    return unicodedata.normalize("NFC", symbol.strip()[:1] + "\u0338") + symbol.strip()[1:]


def _ion(element: str, stage: str) -> str:
    numerals = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]
    stage = stage.strip()
    stage = stage.upper() if re.fullmatch(r"[ivx]+", stage) else stage
    known = stage.isdecimal() and 0 < int(stage) <= len(numerals)
    return f"{element.strip()} {numerals[int(stage) - 1] if known else stage}"


def _isotope(element: str, mass: str = "") -> str:
    return script("^", mass) + element.strip()


def _superscript(content: str) -> str:
    return script("^", content) if re.fullmatch(r"[-+−\d]+", content.strip()) else content


def link(address: str, words: str) -> str:
    """Return the words of a link and its address, once if they are the same."""
    address, words = address.strip(), words.strip()
    same = {"", address, address.partition("://")[2], address.partition("://")[2].rstrip("/")}
    return address if words in same else f"{words} ({address})"


@dataclass(frozen=True, slots=True)
class Command:
    """The plain-text rendering of a command with arguments.

    ``math``: its arguments are formulas, wherever it stands. ``optional``: it may have one
    argument in brackets. ``passes_option``: that one is given to ``render``, as the last.
    """

    arity: int
    render: Callable[..., str]
    math: bool = True
    optional: bool = False
    passes_option: bool = False


_FRACTION: Final = Command(2, fraction)
_BINOMIAL: Final = Command(2, lambda n, k: f"binom({n.strip()}, {k.strip()})")
_OVER: Final = Command(2, _over)
_SECOND: Final = Command(2, lambda _, kept: kept, math=False, optional=True)
_ASIDE: Final = Command(1, lambda note: f" ({note.strip()})", math=False, optional=True)

COMMANDS: Final[dict[str, Command]] = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"), _FRACTION),
    "flatfrac": _FRACTION,
    **dict.fromkeys(("binom", "dbinom", "tbinom"), _BINOMIAL),
    **dict.fromkeys(("overset", "stackrel"), _OVER),
    **dict.fromkeys(("texorpdfstring", "textcolor", "colorbox", "foreignlanguage"), _SECOND),
    **dict.fromkeys(("raisebox", "parbox", "scalebox"), _SECOND),
    **dict.fromkeys(("footnote", "thanks"), _ASIDE),
    "sqrt": Command(1, root, optional=True, passes_option=True),
    "underset": Command(2, lambda below, base: base.strip() + script("_", below)),
    "xrightarrow": Command(1, _arrow("→"), optional=True, passes_option=True),
    "xleftarrow": Command(1, _arrow("←"), optional=True, passes_option=True),
    "pmod": Command(1, lambda n: f" (mod {n.strip()})"),
    "not": Command(1, _negated),
    "ket": Command(1, lambda x: f"|{x.strip()}⟩"),
    "Ket": Command(1, lambda x: f"|{x.strip()}⟩"),
    "bra": Command(1, lambda x: f"⟨{x.strip()}|"),
    "Bra": Command(1, lambda x: f"⟨{x.strip()}|"),
    "braket": Command(1, lambda x: f"⟨{x.strip()}⟩"),
    "expval": Command(1, lambda x: f"⟨{x.strip()}⟩"),
    "ev": Command(1, lambda x: f"⟨{x.strip()}⟩"),
    "avg": Command(1, lambda x: f"⟨{x.strip()}⟩"),
    "abs": Command(1, lambda x: f"|{x.strip()}|"),
    "norm": Command(1, lambda x: f"‖{x.strip()}‖"),
    "ceil": Command(1, lambda x: f"⌈{x.strip()}⌉"),
    "floor": Command(1, lambda x: f"⌊{x.strip()}⌋"),
    "set": Command(1, lambda x: f"{{{x.strip()}}}"),
    "order": Command(1, lambda x: f"O({x.strip()})"),
    "bigO": Command(1, lambda x: f"O({x.strip()})"),
    "href": Command(2, link, math=False, optional=True),
    "ion": Command(2, _ion, math=False),
    "SI": Command(2, lambda n, unit: f"{n.strip()} {unit.strip()}", optional=True),
    "qty": Command(2, lambda n, unit: f"{n.strip()} {unit.strip()}", optional=True),
    "SIrange": Command(
        3, lambda low, high, unit: f"{low.strip()}–{high.strip()} {unit.strip()}", optional=True
    ),
    "qtyrange": Command(
        3, lambda low, high, unit: f"{low.strip()}–{high.strip()} {unit.strip()}", optional=True
    ),
    "numrange": Command(2, lambda low, high: f"{low.strip()}–{high.strip()}", optional=True),
    "textsuperscript": Command(1, _superscript, math=False),
    "isotope": Command(1, _isotope, optional=True, passes_option=True),
}  # fmt: skip
