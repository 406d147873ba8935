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
    r"(?<=[\d°])(?P<space> ?)"
    r"(?P<name>(?:times|sim|approx|cdot|circ)(?![A-Za-z])|times(?=[A-Z]|sim\d))"
)
BEFORE_NUMBER: Final = re.compile(
    r"(?<![A-Za-z\\])(?:(?P<name>approx|simeq|gtrsim|lesssim)(?=\d)"
    # "sim2real" is a word.
    r"|(?P<about>sim)(?!2[\s-])(?=\d[\d.,]*(?:[kKMBGT]|ms|pp)?(?![A-Za-z\d]))"
    r"|(?<!\d)(?P<by>times)(?=\d[\d.]*(?![A-Za-z\d])))"
)
ALONE: Final = re.compile(
    r"(?<![A-Za-z\\])(?P<name>propto|[gln]eq|infty|varepsilon|cdot|[lr](?:ceil|floor|angle)"
    r"|su[bp]seteq|notin|oplus|otimes|(?:ell|nabla)(?=[_^]))(?![A-Za-z{])"
)
"""Names that are no English words."""
DEGREES: Final = re.compile(r"(?<=\d)\s?\^\s?circ(?![A-Za-z])|(?<=\d)\^circ(?=times\d)")
HALF: Final = re.compile(r"(?<![A-Za-z\\])frac(\d)(\d)(?!\d)")
BOLD_WORD: Final = re.compile(r"(?<![A-Za-z\\])textbf(?=[A-Z])")
BETWEEN_DECIMALS: Final = re.compile(r"(?<=\d)(?:(?P<to>to)|\s?(?P<pm>pm)\s?)(?=\d+\.\d)")
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
    r"(?<![a-z\\])(?<!\\[A-Z])(?P<name>(?:long)?(?:leftright|right|left)arrow)(?![a-z])"
    r"|(?<=[}\d)])\s*(?P<other>mapsto)(?![A-Za-z])"
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
        text = ARROW.sub(_arrow, text)
    text = DEGREES.sub("°", HALF.sub(r"\1/\2 ", BOLD_WORD.sub("", text)))
    text = ALONE.sub(r"\\\g<name>{}", BETWEEN_DECIMALS.sub(_between_decimals, text))
    return BEFORE_NUMBER.sub(_before_number, AFTER_NUMBER.sub(_after_number, text))


def _arrow(match: Match[str]) -> str:
    joined = match.string[match.end() : match.end() + 1].isalpha()
    return f"\\{match['name'] or match['other']}" + "{}" * joined


def _between_decimals(match: Match[str]) -> str:
    whole = match.string[: match.start()].rpartition(" ")[2]
    return ("→" if match["to"] else "±") if "." in whole else match.group()


def _before_number(match: Match[str]) -> str:
    return "\\" + (match["name"] or match["about"] or match["by"]) + "{}"


def _command(match: Match[str]) -> str:
    return "\\" + (match["name"] or match["joined"])


def _after_number(match: Match[str]) -> str:
    """Return ``1.5times`` as a macro; ``5 times`` is English."""
    if match["space"]:
        return match.group()
    return "\\" + match["name"] + "{}"
