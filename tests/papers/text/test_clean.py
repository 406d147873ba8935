"""Titles and abstracts as they come, and as they are shown."""

from __future__ import annotations

import pytest

from papers.text import clean, identifiers
from papers.text.links import code_link, link, links_in
from tests.papers.source_server import recorded


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (r"$O(n^2)$ time, $O(n \log n)$ space", "O(n^2) time, O(n log n) space"),
        (r"$\varepsilon \leq 1/2$ and $x_{i+1}$", "ε ≤ 1/2 and x_(i+1)"),
        (r"at $10^{-3}$, $\mathcal{O}(1)$, $\frac{a+b}{2}$", "at 10^-3, O(1), (a+b)/2"),
        (r"\(B_j(s) = α_j^{\max}(s)\)", "B_j(s) = α_j^max(s)"),
        (r"$\sim$10 and $>$90\%, $\times$2", "∼10 and >90%, ×2"),
        (r"from $5 to $x$ and $\alpha$", "from $5 to x and α"),
        (r"$\boldsymbol{\theta}$, $\bm{x}$, $\widehat{y}$", "θ, x, ŷ"),
        (r"\ensuremath{x^2} and \overline{o}", "x^2 and ō"),
        (r"\textcolor{red}{a} -- b --c", "a – b --c"),
        (r"Erd\H{o}s--R\'{e}nyi, na\"{\i}ve, Fran\c cois", "Erdős–Rényi, naïve, François"),
        (r"Aya (\"Ust\"un), J\o rgensen, {\L}ukasz", "Aya (Üstün), Jørgensen, Łukasz"),
        (r"the query\'s \"content\"", 'the query\'s "content"'),
        (r"\textbf{Bold \emph{it}}, {\em and} \textsc{Caps}", "Bold it, and Caps"),
        (r"We propose \ours, {\name} and \GitBench{}.", "We propose ours, name and GitBench."),
        (r"54.6\% of Q\&A, C\#, a\_b, \$5", "54.6% of Q&A, C#, a_b, $5"),
        (r"``Quoted''---so", "“Quoted”—so"),
        (r"Fig.~3 shows ~8B", "Fig. 3 shows ~8B"),
        (r"see \href{https://a.org/b}{our page}", "see our page (https://a.org/b)"),
        (r"a \cite{x} b \unknownmacro c", "a b unknownmacro c"),
        ("rate of mathcal{O}(T^{-1/3})", "rate of O(T^(-1/3))"),
        ("It costs $5 and $10, or $5-$10.", "It costs $5 and $10, or $5-$10."),
        ("an unclosed $ here", "an unclosed $ here"),
        ("a < b & c > d, R&D, <10", "a < b & c > d, R&D, <10"),
        (r"C:\Users\me", r"C:\Users\me"),
        ("http://x.edu/~ann/a--b", "http://x.edu/~ann/a--b"),
        ("wrapped\n  line\there", "wrapped line here"),
        ("JosÃ© RaÃºl", "José Raúl"),
        ("Zoë “quoted” €", "Zoë “quoted” €"),
        ("e\u0301", "é"),
        ("evil\u202etxt.exe\u2066\x00\x1b[31m", "eviltxt.exe[31m"),
        ("soft\u00adhyphen and zero\u200bwidth", "softhyphen and zerowidth"),
    ],
)
def test_what_is_typed_becomes_what_is_shown_and_stays_so(typed: str, shown: str) -> None:
    assert clean.line(typed) == shown
    assert clean.line(shown) == shown


def test_paragraphs_are_kept_and_wrapped_lines_are_joined() -> None:
    typed = "  We show\nthat it works.\n  In particular\nit does.\n\nLast\r\nline."
    assert (
        clean.paragraphs(typed) == "We show that it works.\n\nIn particular it does.\n\nLast line."
    )
    assert clean.paragraphs("\n      Pretty.\n      Printed.\n") == "Pretty. Printed."


def test_references_are_decoded_once_and_only_where_they_are_whole() -> None:
    assert (
        clean.unescaped("R&amp;D &amp;lt; &#233; &copy=2 &nosuch;") == "R&D &lt; é &copy=2 &nosuch;"
    )
    assert clean.without_markup('CO<sub>2</sub> <jats:p id="a">x</jats:p> a<b') == "CO2 x a<b"


def test_no_recorded_text_loses_a_word_to_its_markup() -> None:
    assert b"\\textit{stable perplexity}" in recorded("hf-daily/2025-06-18.json.gz")
    assert clean.line(r"\textit{stable perplexity}") == "stable perplexity"


@pytest.mark.parametrize(
    ("typed", "own"),
    [
        ("2503.01234", ("2503.01234", None)),
        ("arXiv:2503.01234v12", ("2503.01234", 12)),
        ("https://arxiv.org/pdf/2503.01234v2.pdf", ("2503.01234", 2)),
        ("http://export.arxiv.org/abs/0704.0001", ("0704.0001", None)),
        ("oai:arXiv.org:hep-th/9901001", ("hep-th/9901001", None)),
        ("math.GT/0309136v1", ("math/0309136", 1)),
        ("https://doi.org/10.48550/arXiv.2503.01234", ("2503.01234", None)),
        ("https://huggingface.co/papers/2503.01234", ("2503.01234", None)),
        ("2513.01234", None),
        ("see arXiv:2503.01234", None),
        ("foo/0309136", None),
        ("10.1103/PhysRevB.74.024520", None),
        ("", None),
    ],
)
def test_an_arxiv_id_is_known_in_every_spelling(
    typed: str, own: tuple[str, int | None] | None
) -> None:
    assert identifiers.arxiv_id(typed) == own


@pytest.mark.parametrize(
    ("pasted", "ids"),
    [
        ("2401.00001, 2401.00002", ["2401.00001", "2401.00002"]),
        ("2401.00001 2401.00002 2401.00001v2", ["2401.00001", "2401.00002"]),
        ("https://arxiv.org/abs/2401.00001.", ["2401.00001"]),
        ("arXiv:2401.00001 [cs.CL]", ["2401.00001"]),
        ("arXiv: 2401.00001v3[cs.CL]", ["2401.00001"]),
        ("arXiv 2401.00001, arXiv 2401.00002", ["2401.00001", "2401.00002"]),
        ("arXiv hep-th/9901001", ["hep-th/9901001"]),
        ("arXiv preprint arXiv:2401.00001", ["2401.00001"]),
        ("＂２４０１.００００１＂", ["2401.00001"]),
        ("- 2401.00001", ["2401.00001"]),
        ("(2401.00001)", ["2401.00001"]),
        ("[1] <https://arxiv.org/pdf/2401.00001.pdf>", ["2401.00001"]),
        ("https://www.alphaxiv.org/abs/2401.00001v2", ["2401.00001"]),
        ("https://ar5iv.labs.arxiv.org/html/hep-th/9901001", ["hep-th/9901001"]),
        ("2401.00001 Beyond 2401.00002", ["2401.00001"]),
        ("\ufeff2401.00001\u200b, \u200e2401.00002", ["2401.00001", "2401.00002"]),
        ("https://papers.cool/arxiv/2401.00001", ["2401.00001"]),
        ("https://www.catalyzex.com/paper/arxiv:2401.00001", ["2401.00001"]),
        ("https://browse.arxiv.org/pdf/2401.00001", ["2401.00001"]),
        ("https://www.emergentmind.com/papers/2401.00001", ["2401.00001"]),
        ("https://inspirehep.net/arxiv/hep-th/9901001", ["hep-th/9901001"]),
        ("https://ui.adsabs.harvard.edu/abs/arXiv:2401.00001/abstract", ["2401.00001"]),
        ("[A title](https://arxiv.org/abs/2401.00001)", ["2401.00001"]),
        ("A title: https://arxiv.org/abs/2401.00001", ["2401.00001"]),
        ("https://www.alphaxiv.org/fr/overview/2401.00001v1", ["2401.00001"]),
        ("https://api.semanticscholar.org/arXiv:2401.00001", ["2401.00001"]),
        ("https://x.example/r?url=https%3A%2F%2Farxiv.org%2Fabs%2F2401.00001", ["2401.00001"]),
        ("https://arxiv.org/abs/2401.00001https://arxiv.org/abs/2401.00002",
         ["2401.00001", "2401.00002"]),
        ("@misc{a, eprint = {2401.00001}, archivePrefix = {arXiv}}", ["2401.00001"]),
        ("https://doi.org/10.1103/x.2401.00001", []),
        ("https://x.example/12401.00001/2413.00001", []),
        ("https://arxiv.org/list/cs.AI/recent", []),
        ("Attention is all you need", []),
    ],
)  # fmt: skip
def test_ids_are_found_in_a_pasted_line(pasted: str, ids: list[str]) -> None:
    assert [own.id for own in identifiers.pasted_arxiv_ids(pasted)] == ids


def test_a_number_in_a_text_is_no_arxiv_id() -> None:
    found = identifiers.mentioned_arxiv_ids("a loss of 1012.3456, see arXiv:2503.01234 and [3]")
    assert [own.id for own in found] == ["2503.01234"]


def test_two_spellings_of_a_title_have_one_key() -> None:
    spellings = ("Déjà-vu:  a Study", "deja vu - A study.")
    assert len(set(map(identifiers.title_key, spellings))) == 1


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("Code is at https://github.com/a/b.", "https://github.com/a/b"),
        ("(see http://github.com/a/b_(c)).", "https://github.com/a/b_(c)"),
        ("Models: huggingface.co/x at https://huggingface.co/org/model, now.",
         "https://huggingface.co/org/model"),
        ("Page https://a.github.io/p and code at https://gitlab.com/a/b",
         "https://gitlab.com/a/b"),
        ("Our project page is https://a.github.io/p.", ""),
        ("The source code is at https://a.github.io/p/.", "https://a.github.io/p/"),
        ("Read https://huggingface.co/papers/2503.01234.", ""),
        ("available at github.com/a/b", "https://github.com/a/b"),
    ],
)  # fmt: skip
def test_the_code_is_where_the_abstract_says_it_is(prose: str, found: str) -> None:
    assert code_link(prose) == found


def test_only_addresses_of_the_web_become_links() -> None:
    assert link("javascript:alert(1)") == link("https://local host/") == link("ftp://a.b/c") == ""
    assert link("http://arxiv.org/abs/1") == "https://arxiv.org/abs/1"
    assert links_in("no link here") == []
