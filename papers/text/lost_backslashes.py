r"""TeX that lost its backslashes on the way, as in abstracts of Hugging Face.

``1.5\times faster`` arrives as ``1.5times faster``, ``{\sim}1K`` as ``{sim}1K``,
``\href{..}{..}`` as ``href{..}{..}``. Only spellings that no English text has are mended.
"""

from __future__ import annotations

import re
from re import Match
from typing import Final

from papers.text import macros

AFTER_NUMBER: Final = re.compile(
    r"(?<=\d)(?P<space> ?)(?P<name>times|sim|approx|cdot|circ)(?![A-Za-z])"
)
BEFORE_NUMBER: Final = re.compile(
    r"(?<![A-Za-z\\])(?P<name>approx|simeq|geq|leq|gtrsim|lesssim)(?=\d)"
)
IN_BRACES: Final = re.compile(
    r"\{(?P<name>times|sim|approx|pm|mp|cdot|circ|leq?|geq?|neq|infty|rightarrow|leftarrow|ldots|dots|ell|nabla|"
    + "|".join(sorted(macros.GREEK, key=len, reverse=True))
    + r")\}"
)
BEFORE_SCRIPT: Final = re.compile(
    r"(?<![A-Za-z\\])(?P<name>"
    + "|".join(sorted(macros.GREEK - {"eta", "nu"}, key=len, reverse=True))
    + r")(?=[_^]\{)"
)
COMMANDS: Final = re.compile(
    r"(?<![A-Za-z\\])(?P<name>text(?:bf|it|sc|tt|rm|sf|sl|up|md|normal|color|superscript|subscript)|emph|underline|overline"
    r"|math(?:cal|bb|bf|rm|sf|it|tt|frak|scr)|operatorname|boldsymbol|href|url|cite[pt]?|footnote|texorpdfstring"
    r"|sqrt|frac|mbox|ensuremath)(?=\{)|(?<![A-Z\\])(?P<joined>text(?:bf|it|sc|tt|rm|sf)?|math(?:cal|bb|bf|rm))(?=\{)"
)
ARROW: Final = re.compile(
    r"(?<=[}\d)])\s*(?P<name>(?:long)?(?:right|left)arrow|mapsto)(?![A-Za-z])"
)
PAIR: Final = re.compile(
    r"(?<!\\)left(?P<open>[(\[|])(?P<inner>[^()\[\]|\n]{0,120}?)\s*right(?P<close>[)\]|])"
)
COLOUR: Final = re.compile(
    r"(?<![A-Za-z\\])(?:(?:soft|dark|light|my|deep)?(?:red|blue|green|orange|teal|magenta|cyan|black|"
    r"purple|violet|brown|gr[ae]y|pink|yellow))(?=\{)"
)


def mended(text: str) -> str:
    """Return the text with a backslash before every word that must have had one."""
    if "{" in text:
        text = COLOUR.sub("", COMMANDS.sub(_command, text))
        text = BEFORE_SCRIPT.sub(r"\\\g<name>", IN_BRACES.sub(r"{\\\g<name>}", text))
    if "left" in text:
        text = PAIR.sub(r"\g<open>\g<inner>\g<close>", text)
    if "arrow" in text or "mapsto" in text:
        text = ARROW.sub(r"\\\g<name>", text)
    return AFTER_NUMBER.sub(_after_number, BEFORE_NUMBER.sub(r"\\\g<name>{}", text))


def _command(match: Match[str]) -> str:
    return "\\" + (match["name"] or match["joined"])


def _after_number(match: Match[str]) -> str:
    """Return ``1.5times`` as a macro; ``5 times`` is English."""
    if match["space"]:
        return match.group()
    return "\\" + match["name"] + "{}"
