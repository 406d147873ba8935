"""Tables of TeX's macros: what each stands for in plain Unicode text.

The single symbols are pylatexenc's. The rest is the vocabulary of titles and abstracts as arXiv
and Hugging Face list them, among it old plain TeX and AASTeX
(https://journals.aas.org/aastex-package-for-manuscript-preparation/).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from pylatexenc.latex2text import get_default_latex_context_db


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _pylatexenc_symbols() -> dict[str, str]:
    known = get_default_latex_context_db()
    found: dict[str, str] = {}
    for category in ("latex-base", "advanced-symbols"):
        for name, macro in known.d[category]["macros"].items():
            rendered = macro.simplify_repl
            if isinstance(rendered, str) and name.isalpha() and len(rendered.strip()) == 1:
                found.setdefault(name, _plain(rendered))
    return found


def _plain(rendered: str) -> str:
    """Return letters of the mathematical alphabets as letters that every font has."""
    return "".join(
        unicodedata.normalize("NFKC", letter)
        if 0x1D400 <= ord(letter) <= 0x1D7FF or letter in "ℬℰℱℋℐℒℳℛ"
        else letter
        for letter in rendered
    )


SYMBOLS: Final = {
    **_pylatexenc_symbols(),
    "AA": "Å", "And": "&", "angstrom": "Å", "arcdeg": "°", "arcmin": "′", "arcsec": "″",
    "backslash": "∖", "Bbbk": "𝕜", "BibTeX": "BibTeX", "bigstar": "★", "blacksquare": "■",
    "bmod": " mod ", "Box": "□", "C": "ℂ", "celsius": "°C", "centi": "c", "checkmark": "✓",
    "colon": ":", "coloneqq": "≔", "copyright": "©", "cubed": "^3", "dag": "†", "ddag": "‡",
    "deg": "°", "degr": "°", "degree": "°", "degrees": "°", "DH": "Ð", "dh": "ð", "DJ": "Đ",
    "dj": "đ", "dots": "…", "dotsb": "⋯", "dotsc": "…", "dprime": "″", "electronvolt": "eV",
    "eps": "ε", "euro": "€", "farcm": ".′", "farcs": ".″",
    "fdg": ".°", "femto": "f", "ga": "≳", "gapprox": "≳", "gets": "←", "giga": "G",
    "gram": "g", "gsim": "≳", "gt": ">", "gtsim": "≳", "hertz": "Hz", "iff": "⇔", "Im": "Im",
    "impliedby": "⇐", "implies": "⇒", "item": "•", "joule": "J", "jpsi": "J/ψ", "Jpsi": "J/ψ",
    "kelvin": "K", "kilo": "k", "la": "≲", "lam": "λ", "lambdabar": "ƛ", "lapprox": "≲",
    "LaTeX": "LaTeX", "lbrace": "{", "lbrack": "[", "ldots": "…", "lq": "‘", "lsim": "≲",
    "lsun": "L_⊙", "Lsun": "L_⊙", "lt": "<", "ltsim": "≲", "lvert": "|", "lVert": "‖",
    "mega": "M", "meter": "m", "metre": "m", "micro": "μ", "micron": "μm", "mid": " | ",
    "milli": "m", "mod": " mod ", "msun": "M_⊙", "Msun": "M_⊙", "mum": "μm", "N": "ℕ",
    "nano": "n", "ne": "≠", "neg": "¬", "newton": "N", "NG": "Ŋ", "ng": "ŋ", "ohm": "Ω", "P": "¶",
    "parsec": "pc", "pascal": "Pa", "per": "/", "percent": "%", "pico": "p", "pim": "π^-",
    "pip": "π^+", "piz": "π^0", "pounds": "£", "prime": "′", "psiprime": "ψ′", "Q": "ℚ",
    "qed": "∎", "R": "ℝ", "rbrace": "}", "rbrack": "]", "Re": "Re", "rq": "’", "rsun": "R_⊙",
    "Rsun": "R_⊙", "rvert": "|", "rVert": "‖", "S": "§", "second": "s", "simgreat": "≳",
    "simgt": "≳", "simless": "≲", "simlt": "≲", "slash": "/", "square": "□", "squared": "^2",
    "star": "⋆", "sun": "⊙", "tera": "T", "tesla": "T", "TeX": "TeX", "textasciicircum": "^",
    "textasciitilde": "~", "textbackslash": "∖", "textbar": "|", "textdegree": "°",
    "textellipsis": "…", "textemdash": "—", "textendash": "–", "textgreater": ">",
    "textless": "<", "textmu": "μ", "textquotedblleft": "“", "textquotedblright": "”",
    "textquoteleft": "‘", "textquoteright": "’", "textquotesingle": "'", "textregistered": "®",
    "texttimes": "×", "texttrademark": "™", "textunderscore": "_", "TH": "Þ", "th": "þ",
    "thicksim": "∼", "to": "→", "today": "today", "upmu": "μ", "veps": "ε", "vert": "|",
    "Vert": "‖", "volt": "V", "vphi": "φ", "watt": "W", "Z": "ℤ",
}  # fmt: skip
"""Macros without arguments and the sign that each stands for."""

WORDS: Final = {
    "eg": "e.g.", "ie": "i.e.", "etc": "etc.", "etal": "et al.", "cf": "cf.", "vs": "vs.",
    "wrt": "w.r.t.", "iid": "i.i.d.", "aka": "a.k.a.",
}  # fmt: skip
"""Macros of CVPR's style file and its kind that stand for a short word."""

GREEK: Final = _names("""
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu
    nu xi pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma
    Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
""")
LETTERS: Final = _names("""
    o O l L ss ae AE oe OE aa AA i j DJ dj TH th DH dh NG ng
""")
"""Letters of alphabets; TeX drops the space between such a macro and the rest of the word."""

FUNCTIONS: Final = _names("""
    arccos arcosh arcsin arctan arg argmax argmin artanh codim coker cos cosh cot coth Cov
    cov csc det diag diam dim dist div erf exp gcd grad Hom hom inf ker lcm lg lim liminf
    limsup ln log max min plim Pr rank rk sech sec sgn sign sin sinc sinh span spec sup supp
    tan tanh Tr tr Var var
""")
"""Names of functions, written apart from what stands before and after them."""

DOUBLE_STRUCK: Final = frozenset({"mathbb", "Bbb", "mathds", "bb", "mathbbm"})
DECLARATIONS: Final = _names("""
    rm bf it sl sc sf tt em cal mit frak scr Bbb bfseries mdseries itshape slshape scshape
    upshape rmfamily sffamily ttfamily normalfont tiny scriptsize footnotesize small
    normalsize large Large LARGE huge Huge displaystyle textstyle scriptstyle
    scriptscriptstyle bold mathbb mathbf mathcal mathfrak mathit mathrm mathscr mathsf
    mathtt boldsymbol bm pmb mathds bb left right middle big Big bigg Bigg bigl bigr Bigl
    Bigr biggl biggr Biggl Biggr bigm Bigm limits nolimits noindent indent allowbreak
    nobreak protect relax xspace nonumber notag centering hfill hfil null strut nobreakdash
    mathstrut sloppy raggedright boldmath unboldmath unskip ignorespaces leavevmode bigskip
    medskip smallskip mathop mathrel mathbin mathord mathopen mathclose mathpunct mathinner
    ensuremath maketitle itemsep footnotemark expandafter
""")
"""Fonts, sizes and layout: they add no text. In front of a group they are as
good as the command of one argument, since the braces add no text either."""

SPACES: Final = _names("""
    quad qquad thinspace enspace enskip medspace thickspace space break newline linebreak
    par pagebreak newpage hss hrulefill
""")
STYLES: Final = _names("""
    text textrm textbf textit textsf texttt textsc textsl textup textmd textnormal emph mbox
    hbox vbox fbox framebox makebox underline uline ul overbar url path nolinkurl section
    subsection subsubsection paragraph chapter title author textquote enquote caption rlap
    llap smash clap mathclap mathrlap mathllap operatorname operatornamewithlimits hl so st
    sout uwave cancel bcancel boxed ce chem cee unit si num ang MakeUppercase MakeLowercase
    uppercase lowercase nohyphens acs ac acl gls textlangle mathchoice selectlanguage
    foreignlanguage objectname object astrobj anchor textsubscript
""")
"""Commands of one argument that render as their argument."""

DROPPED: Final = _names("""
    cite citep citet citealt citealp citeauthor citeyear citeyearpar citenum nocite
    onlinecite Cite Citet Citep parencite textcite footcite autocite ref label eqref cref
    Cref autoref pageref vref tag vspace hspace vskip hskip color phantom hphantom vphantom
    includegraphics bibliography bibliographystyle index pagestyle thispagestyle definecolor
    usepackage input setlength footnotetext noopsort newcommand def pacs keywords
""")
"""Commands of one argument that render as nothing."""
UNITS: Final = frozenset({"ang", "num", "si", "unit"})
"""Commands of siunitx among the styles; without an argument they are authors' own."""
REFERENCES: Final = frozenset(
    name for name in DROPPED if "cit" in name.lower() or name.endswith("ref")
)
"""Those whose space before them goes as well."""

ENVIRONMENTS: Final = _names("""
    equation align alignat gather multline eqnarray displaymath math flalign split aligned
    gathered alignedat dmath subequations
""")
"""Environments that hold formulas, rendered one after another."""
UNSAYABLE_ENVIRONMENTS: Final = _names("""
    matrix pmatrix bmatrix vmatrix Vmatrix Bmatrix smallmatrix psmallmatrix array cases
    dcases rcases CD tikzcd tikzpicture xy picture diagram
""")

ACCENT_SIGNS: Final = {
    "'": "\u0301", '"': "\u0308", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304",
    ".": "\u0307",
}  # fmt: skip
ACCENT_LETTERS: Final = {
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331",
    "k": "\u0328", "r": "\u030a", "t": "\u0361",
}  # fmt: skip
ACCENTS: Final = {
    "acute": "\u0301", "grave": "\u0300", "hat": "\u0302", "widehat": "\u0302",
    "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304", "overline": "\u0305",
    "breve": "\u0306", "dot": "\u0307", "ddot": "\u0308", "dddot": "\u20db", "check": "\u030c",
    "widecheck": "\u030c", "mathring": "\u030a", "vec": "\u20d7", "overrightarrow": "\u20d7",
    "undertilde": "\u0330", "utilde": "\u0330", "underbar": "\u0332",
}  # fmt: skip
"""Accents over a letter of a formula, as the combining mark that follows the letter."""


def _kinds() -> dict[str, str]:
    kinds = dict.fromkeys((*SYMBOLS, *WORDS), "symbol")
    for kind, names in (
        ("function", FUNCTIONS),
        ("style", STYLES),
        ("command", ACCENTS.keys()),
        ("dropped", DROPPED),
        ("space", SPACES),
        ("declaration", DECLARATIONS),
        ("environment", ("begin", "end")),
    ):
        kinds.update(dict.fromkeys(names, kind))
    return kinds


KINDS: Final = _kinds()
"""What each known macro is; the commands of ``papers.text.commands`` are not among them."""
