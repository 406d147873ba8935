"""TeX as authors type it into titles and abstracts -> plain Unicode.

Such text is half TeX and half not: ``%`` is no comment, ``~`` may mean "about" and a dollar may
be money. So only what is certainly TeX is converted, piece by piece, with pylatexenc; words
are never lost, and converting twice gives the same.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from functools import lru_cache
from re import Match
from typing import Final

from pylatexenc.latex2text import LatexNodes2Text, get_default_latex_context_db

PERHAPS_TEX: Final = re.compile(r"[\\$`~]|--|[\w/^]\{")
NESTING: Final = 8
MATH: Final = re.compile(
    r"(?<!\\)\$\$(?P<display>[^$]{1,2000}?)\$\$"
    # A dollar before a digit may be money, but not after a lone sign: $\sim$10, $>$90.
    r"|(?<![\\$])\$(?P<sign>\\[a-zA-Z]+(?:[^$\\]|\\[^$])*?|[<>=+~/*-]+)\$(?=\d)"
    r"|(?<![\\$])\$(?P<inline>(?:[^$\\]|\\[^$]|\\\$)*?)(?<!\\)\$(?!\d)"
    r"|\\\((?P<parens>.{1,1000}?)\\\)"
    r"|\\\[(?P<brackets>.{1,2000}?)\\\]"
    r"|\\begin\{(?P<name>equation|align|math|displaymath)\*?\}(?P<block>.{1,2000}?)\\end\{(?P=name)\*?\}",
    re.DOTALL,
)
FORMULAS: Final = ("inline", "sign", "display", "parens", "brackets", "block")
FLAT: Final = re.compile(
    r"\\(?:text(?:rm|bf|it|sf|tt|normal)?|mathrm|mathsf|mathtt|mbox|hbox|operatorname\*?|"
    r"ensuremath)\s*\{([^{}]*)\}"
)
NESTED: Final = r"((?:[^{}]|\{[^{}]*\})*)"
FRACTION: Final = re.compile(rf"\\[dtc]?frac\s*\{{{NESTED}\}}\s*\{{{NESTED}\}}")
SCRIPT: Final = re.compile(rf"([_^])\s*\{{{NESTED}\}}(?=([A-Za-z]?))")
SIMPLE_SCRIPT: Final = re.compile(r"[-+−]?(?:\\[a-zA-Z]+|\w+|[*'])")
RELATION: Final = re.compile(r"(\s*)([≤≥≈≠→∈∉≪≫≲≳≡⊂⊆∝↦←↔⇒])(\s*)")
MATH_ALIASES: Final = {
    "ne": "≠", "bmod": " mod ", "lvert": "|", "rvert": "|", "dots": "…", "deg": "°",
    "argmax": "argmax", "argmin": "argmin", "thinspace": " ", "xspace": "", "neg": "¬", "iff": "⇔",
    "boldsymbol": "", "bm": "", "pmb": "", "widetilde": "\\tilde", "widehat": "\\hat",
    "left": "", "right": "", "middle": "", "big": "", "Big": "", "bigg": "", "Bigg": "",
    "bigl": "", "bigr": "", "Bigl": "", "Bigr": "", "limits": "",
    "nolimits": "", "displaystyle": "", "textstyle": "",
}  # fmt: skip

# A letter under an accent, braced or not: \'e  \'{e}  {\'e}  \'{\i}  \v{s}  \c c
ACCENT: Final = re.compile(
    r"\{(?P<braced>\\(?:[\"'`^~=.]|[uvHcdbkr](?=[\s{\\]))\s*(?:\{\\?[A-Za-z]\}|\\[ij]|[A-Za-z]))\s*\}"
    r"|(?P<symbol>\\[\"'`^~=.]\s?(?:\{(?:\\[ij]\s?|[A-Za-z])\}|\\[ij](?![A-Za-z])\s?|(?<!\s)[A-Za-z]))"
    r"|(?P<letter>\\[uvHcdbkr](?:\{(?:\\[ij]|[A-Za-z])\}|\s(?:\\[ij]|[A-Za-z])))"
)
SPECIAL_LETTER: Final = re.compile(
    r"\{\\(?P<braced>[ijlLoO]|ss|ae|AE|oe|OE|aa|AA)\s*\}"
    r"|\\(?P<bare>[ijlLoO]|ss|ae|AE|oe|OE|aa|AA)(?![A-Za-z])(?:\{\}|(?<=\w)[^\S\n](?=[a-z]))?"
)
QUOTED: Final = re.compile(r"(?<!\w)\\([\"'])([^\"'\\\n]+)\\\1(?!\w)")
APOSTROPHE: Final = re.compile(r"(?<=\w\w)\\'(?=(?:s|t|re|ve|ll|d|m)\b)")
# Sources sometimes lose the backslash on the way; such a word before a brace is TeX all the same.
STYLED: Final = re.compile(
    r"(?:\\|\b)(?:text(?:bf|it|sc|tt|rm|sf|sl|up|md|normal)|emph|math(?:cal|bb|bf|rm|sf|it|frak))"
    r"\s*\{([^{}]*)\}"
    r"|\\(?:text(?:superscript|subscript)?|underline|overline|ensuremath|mbox|hbox|uline|url|path"
    r"|paragraph|(?:sub)*section|b|i|t|title)\*?"
    r"\s*\{([^{}]*)\}"
)
BARE_SCRIPT: Final = re.compile(r"(?<=[\w)\]])([_^])\{([^{}]*)\}()")
REFERENCE: Final = re.compile(
    r"[~\s]*\\(?:cite[a-z]*|ref|label|eqref|cref)\*?(?:\[[^\]]*\])*\{[^{}]*\}"
)
HREF: Final = re.compile(r"\\href\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
LOST_HREF: Final = re.compile(r"(https?://[^\s{}]+)\{([^{}]*)\}")
PDF_STRING: Final = re.compile(r"\\texorpdfstring\s*\{[^{}]*\}\s*\{([^{}]*)\}")
FOOTNOTE: Final = re.compile(r"\\(?:footnote|thanks)\s*\{([^{}]*)\}")
COLOURED: Final = re.compile(r"\\textcolor\s*(?:\[\w+\])?\{[^{}]*\}\s*\{([^{}]*)\}")
COLOUR: Final = re.compile(r"\\color\s*(?:\[\w+\])?\{[^{}]*\}")
LIST: Final = re.compile(r"\\(?:begin|end)\{(?:itemize|enumerate|description|quote|center)\}")
DECLARATION: Final = re.compile(
    r"\{\s*\\(?:em|bf|it|sc|tt|rm|sf|sl|bfseries|itshape|small|large|scshape|ttfamily)"
    r"(?:\s+|(?=[^A-Za-z]))([^{}]*)\}"
)
BARE_DECLARATION: Final = re.compile(r"\\(?:em|bf|it|sc|tt|rm|sf|sl|noindent|allowbreak)\b[^\S\n]?")
SYMBOL: Final = re.compile(
    r"(?P<path>\b[A-Za-z]:(?:\\[\w.-]+)+)|\{\\(?P<braced>[A-Za-z]+)\s*\}|\\(?P<name>[A-Za-z]+)(?:\{\})?"
)
TEXT_ALIASES: Final = {
    "LaTeX": "LaTeX", "TeX": "TeX", "BibTeX": "BibTeX", "eg": "e.g.", "ie": "i.e.", "etc": "etc.",
    "etal": "et al.", "cf": "cf.", "deg": "°", "degree": "°", "textgreater": ">", "textless": "<",
    "textasciitilde": "~", "textbackslash": "\\", "textbar": "|", "ne": "≠", "xspace": "",
    "copyright": "©", "textregistered": "®", "texttrademark": "™", "pounds": "£", "euro": "€",
    "checkmark": "✓", "S": "§", "P": "¶", "quad": " ", "qquad": " ", "newline": " ",
    "par": "\n\n", "nobreakdash": "", "textquotesingle": "'", "slash": "/",
}  # fmt: skip
TYPOGRAPHY: Final = re.compile(
    r"(?P<url>https?://\S+|www\.\S+)|``(?P<quoted>[^`]*?)''|(?P<em>---)|(?P<en>(?<=\w)--(?=\w)|(?<=\s)--(?=\s))"
    r"|(?P<tie>(?<=[\w.,;)])~(?=[\w(\[\\$]))"
)

# It reports each unfinished formula; what cannot be read stays as typed, which is no news.
logging.getLogger("pylatexenc").setLevel(logging.ERROR)
_context = get_default_latex_context_db()
_converter = LatexNodes2Text(
    math_mode="text", keep_comments=True, strict_latex_spaces="based-on-source"
)


def untex(text: str) -> str:
    """The text with its TeX written out; whatever is not certainly TeX stays as it is."""
    if not PERHAPS_TEX.search(text):
        return text
    text = _formulas(text)
    text = _accents(text)
    text = _macros(text)
    text = _escapes(text)
    return TYPOGRAPHY.sub(_typography, text)


def _formulas(text: str) -> str:
    """The text with its formulas written out; a dollar that is money begins none."""
    written, rest = "", text
    while match := MATH.search(rest):
        inline = match["inline"]
        if inline is None or _is_formula(inline):
            content = next(found for found in match.group(*FORMULAS) if found is not None)
            written += rest[: match.start()] + formula(content.strip())
            rest = rest[match.end() :]
        else:
            written += rest[: match.start() + 1]
            rest = rest[match.start() + 1 :]
    return written + rest


def _is_formula(content: str) -> bool:
    """Whether what stands between two dollars is a formula rather than the words between prices."""
    if not content.strip() or "\n\n" in content:
        return False
    tight = content[0] not in " \n" and content[-1] not in " \n"
    return (tight and len(content) <= 400) or bool(
        len(content) <= 200 and re.search(r"\\[a-zA-Z]|[_^=]", content)
    )


@lru_cache(maxsize=10_000)
def formula(tex: str) -> str:
    """A formula on one line of Unicode text: ``O(n^2)``, ``10^-3``, ``x_(i+1)``, ``ε ≤ 1/2``.

    A formula that cannot be read as TeX stays as it was typed.
    """
    prepared = re.sub(r"\\(?:left|right)\s*\.", "", tex)
    prepared = prepared.replace("''", "″").replace("\\|", "‖").replace("~", " ").replace("&", " ")
    for _ in range(NESTING):
        before = prepared
        prepared = FLAT.sub(r"\1", prepared)
        prepared = SCRIPT.sub(_script, prepared)
        prepared = FRACTION.sub(lambda found: "/".join(map(_grouped, found.groups())), prepared)
        if prepared == before:
            break
    prepared = re.sub(r"\\p?mod\s*\{([^{}]*)\}", r"(mod \1)", prepared)
    prepared = re.sub(r"\\(\w?binom)\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"binom(\2, \3)", prepared)
    prepared = re.sub(r"\\([A-Za-z]+)", _known_in_math, prepared)
    try:
        written = _converter.latex_to_text(prepared)
    except (ValueError, IndexError, KeyError, AttributeError):
        return tex
    written = "".join(_plain_letter(letter) for letter in written)
    written = RELATION.sub(_spaced, written.replace("^'", "'").replace("^∘", "°"))
    return " ".join(written.split())


def _script(match: Match[str]) -> str:
    content = match[2].strip()
    if not SIMPLE_SCRIPT.fullmatch(content):
        return f"{match[1]}({content})"
    return match[1] + content + (" " if content.startswith("\\") and match[3] else "")


def _grouped(part: str) -> str:
    part = part.strip()
    return f"({part})" if re.search(r"[\s+\-*/=,]", part.lstrip("-")) else part


def _known_in_math(match: Match[str]) -> str:
    """The macro if pylatexenc knows what it looks like, else its bare name: never nothing."""
    name = match[1]
    if name in MATH_ALIASES:
        return MATH_ALIASES[name]
    return match.group() if _context.get_macro_spec(name) else f" {name} "


def _plain_letter(letter: str) -> str:
    """Letters of the mathematical alphabets as letters that every font and search knows."""
    if 0x1D400 <= ord(letter) <= 0x1D7FF or letter in "ℬℰℱℋℐℒℳℛ":
        return unicodedata.normalize("NFKC", letter)
    return letter


def _spaced(match: Match[str]) -> str:
    left, relation, right = match.groups()
    return f" {relation} " if left or right else relation


def _accents(text: str) -> str:
    text = QUOTED.sub(r"\1\2\1", text)
    text = APOSTROPHE.sub("'", text)
    text = ACCENT.sub(lambda found: _accented(next(filter(None, found.groups()))), text)
    return SPECIAL_LETTER.sub(
        lambda found: str(_converter.latex_to_text("\\" + (found["braced"] or found["bare"]))), text
    )


@lru_cache(maxsize=2_000)
def _accented(tex: str) -> str:
    """One accented letter; where Unicode has none of that kind, the letter and its mark."""
    written = unicodedata.normalize("NFC", _converter.latex_to_text(tex).strip())
    return written if len(written) == 1 else tex.replace("\\", "", 1)


def _macros(text: str) -> str:
    for _ in range(NESTING):
        before = text
        text = REFERENCE.sub("", LIST.sub(" ", text))
        text = PDF_STRING.sub(r"\1", HREF.sub(_linked, text))
        text = FOOTNOTE.sub(r" (\1)", COLOUR.sub("", COLOURED.sub(r"\1", text)))
        text = DECLARATION.sub(r"\1", text)
        text = STYLED.sub(lambda found: found[1] or found[2] or "", text)
        text = BARE_SCRIPT.sub(_script, LOST_HREF.sub(_linked, text))
        if text == before:
            break
    return SYMBOL.sub(_symbol, BARE_DECLARATION.sub("", text))


def _linked(match: Match[str]) -> str:
    """The words of a link and its address, once if they are the same."""
    address, words = match.groups()
    return address if words.strip() in {address, ""} else f"{words} ({address})"


def _symbol(match: Match[str]) -> str:
    r"""A macro outside formulas: its sign, or its bare name (authors' own ``\ours``).

    The path of a Windows file is no macro.
    """
    if match["path"]:
        return match["path"]
    name = match["braced"] or match["name"]
    if name in TEXT_ALIASES:
        return TEXT_ALIASES[name]
    if not _context.get_macro_spec(name):
        return str(name)
    try:
        return str(_converter.latex_to_text("\\" + name)).strip() or str(name)
    except (ValueError, IndexError, KeyError, AttributeError):
        return str(name)


def _escapes(text: str) -> str:
    text = re.sub(r"\{([,.=+<>-])\}", r"\1", text)
    text = re.sub(r"\\\\(?:\[[^\]]*\])?", " ", text)
    text = re.sub(r"\\([%&$#_{}])", r"\1", text)
    text = re.sub(r"\\[ ,;:]", " ", text)
    text = re.sub(r"\\[/!@-]", "", text)
    return re.sub(r"(?<![A-Za-z]:)\\(?=[\s\"'`^~=.()\[\]\d]|$)", "", text)


def _typography(match: Match[str]) -> str:
    if match["quoted"] is not None:
        return f"“{match['quoted']}”"
    if match["em"]:
        return "—"
    if match["en"]:
        return "–"
    return " " if match["tie"] else match.group()
