"""The entries of a reader's lists as rows of a page: what each is called and what it brings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from newsletter import display
from newsletter.subscriptions import preferences
from newsletter.web.forms import ChoicesForm
from newsletter.web.lists import field_name, path_of
from papers.models import Paper
from papers.recommend.rates import Choice, WeeklyRates
from papers.text.identifiers import arxiv_id

PAPER_LISTS: Final = ("likes", "dislikes")
PROFILE_LISTS: Final = {"interests": "texts"}
"""The names of lists that ``Profile`` calls otherwise."""
WEEKS_A_MONTH: Final = 30 / 7


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: the value that the form sends, its title with an address, and what it brings.

    ``is_author`` says of a subject that it is the name of an author.
    """

    value: str
    title: str
    url: str = ""
    detail: str = ""
    brings: str = ""
    is_author: bool = False


def entries_of(
    form: ChoicesForm, rates: WeeklyRates, authors: Collection[str] = ()
) -> dict[str, list[Entry]]:
    """Return the rows of every list of a form by its name.

    Args:
        form: The form.
        rates: How many papers the choices bring.
        authors: The subjects that are names of authors.
    """
    lists = {name: form.chosen(name) for name in preferences.LISTS if name in form.fields}
    papers = _papers({paper for name in PAPER_LISTS for paper in lists.get(name, ())})
    return {
        name: [
            replace(
                _entry(name, value, papers, brings_of(name, value, rates)),
                is_author=name == "interests" and value in authors,
            )
            for value in values
        ]
        for name, values in lists.items()
    }


def _papers(ids: Iterable[str]) -> dict[str, Paper]:
    found = Paper.objects.filter(canonical_id__in=list(ids), hidden=False)
    return {paper.canonical_id: paper for paper in found}


def _entry(name: str, value: str, papers: Mapping[str, Paper], brings: str) -> Entry:
    if name == "topics":
        return Entry(value, field_name(value), path_of(value, "week"), value, brings)
    if name not in PAPER_LISTS:
        return Entry(value, value, brings=brings)
    paper = papers.get(value)
    if paper is not None:
        byline = display.byline(paper.authors)
        return Entry(value, paper.title, paper.get_absolute_url(), byline, brings)
    known = arxiv_id(value)
    title = f"arXiv:{known.id}" if known else "A paper that is gone"
    return Entry(value, title, "", "Its title is still to be fetched." if known else "", brings)


def brings_of(name: str, value: str, rates: WeeklyRates) -> str:
    """Return in words how many papers a choice brings; empty where nothing was counted."""
    rate = rates.rates.get(Choice(PROFILE_LISTS.get(name, name), value))
    if rate is None:
        return ""
    if rate >= 0.95:
        return f"{_papers_in_words(round(rate))} a week"
    if rate > 0:
        return f"{_papers_in_words(max(1, round(rate * WEEKS_A_MONTH)))} a month"
    days = round(rates.days)
    return f"none in {days} days" if days > 1 else "none today"


def _papers_in_words(count: int) -> str:
    return "1 paper" if count == 1 else f"{count:,} papers"
