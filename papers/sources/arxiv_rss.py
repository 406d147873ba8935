"""The ``arxiv-rss`` format: arXiv's daily announcement, as RSS 2.0 or Atom.

Description: https://info.arxiv.org/help/rss.html. An entry's date is that of the announcement;
its type says whether the paper is new, cross-listed or replaced. On days without announcement
the feed is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from lxml.etree import _Element

from papers.sources import xml
from papers.sources.arxiv import ANNOUNCEMENT, ARXIV_ZONE, is_withdrawn
from papers.sources.dates import midnight, moment
from papers.sources.protocol import Step, Visit, one_page, read
from papers.sources.record import (
    RAW_LENGTH,
    Listing,
    ListingError,
    PaperRecord,
    RecordError,
    build,
)
from papers.sources.xml import child, children
from papers.text import clean, identifiers, taxonomy
from papers.text.author_names import split_names
from papers.text.identifiers import ArxivId

FORMAT: Final = "a feed of arXiv (RSS 2.0 or Atom)"
# Until 2024 the title ended in the id and the category.
TITLE_END: Final = re.compile(r"\.?\s*\((arXiv:\S+)\s*\[[\w.-]+\](?:\s+[A-Z ]+)?\)\s*$")
PREAMBLE: Final = re.compile(
    r"^\s*(?:arXiv:\s*(?P<id>\S+)\s+)?(?:Announce Type:\s*(?P<type>[\w-]+)\s*)?(?:Abstract:\s*)?"
)
# A cross-list comes with its paper or later; the last ids of a month come out in the next.
CROSSING_MONTHS: Final = timedelta(days=5)
BASE: Final = "https://rss.arxiv.org/rss/"
# The feed follows the announcement at midnight in New York, or some hours later.
FEED_HOUR: Final = 4
ITEMS_PER_FEED: Final = 2000
"""The limit of https://info.arxiv.org/help/rss.html; a feed of so many items may lack some."""
ALL_FEEDS: Final = (
    "cs",
    "econ+eess+math+math-ph+nlin+q-bio+q-fin+stat",
    "astro-ph+cond-mat+gr-qc+hep-ex+hep-lat+hep-ph+hep-th+nucl-ex+nucl-th+physics+quant-ph",
)
"""All of arXiv in feeds that stay below the limit on most days."""


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:
    """Return the announcement of one day; ``day`` dates entries without a date of their own."""
    entry_name = "entry" if re.search(rb"<(?:[\w.-]+:)?feed[\s>]", body[:2000]) else "item"
    roots = frozenset({"feed", "rss", "RDF"})
    document = xml.read(body, record=entry_name, roots=roots, what=FORMAT)
    feed = document.root.find("{*}channel")
    feed = document.root if feed is None else feed
    about = " ".join(children(feed, "title") + children(feed, "link") + children(feed, "id"))
    if "arxiv" not in about.lower():
        raise ListingError(f"This feed is not arXiv's but {clean.line(about)[:100]!r}.")
    if child(feed, "totalResults"):
        raise ListingError("This is an answer of arXiv's query interface; its format is arxiv-api.")
    dated = moment(child(feed, "pubDate") or child(feed, "updated") or child(feed, "lastBuildDate"))
    listing = Listing(rejections=document.rejections, damage=document.damage)
    listing.day = day or (dated.date() if dated else None)
    listing.collect(
        document.records,
        lambda entry: _record(entry, listing.day or today),
        lambda _, entry: xml.described(entry, child(entry, "guid") or child(entry, "id")),
    )
    if not listing.records and not listing.rejections:
        listing.note = _why_empty(feed, listing.day or today)
    return listing


def _why_empty(feed: _Element, day: date) -> str:
    """Return the note on a feed without entries."""
    skipped = children(feed, "skipDays/day")
    if day.strftime("%A") in (skipped or ["Saturday", "Sunday"]):
        return f"A quiet day: arXiv announces nothing on a {day:%A}."
    return f"A quiet day: arXiv's feed of {day} is empty, as on weekends and holidays."


def _record(entry: _Element, day: date) -> PaperRecord:
    description = child(entry, "description") or child(entry, "summary")
    preamble = PREAMBLE.match(description)
    abstract = description[preamble.end() :] if preamble else description
    title = " ".join(child(entry, "title")[:RAW_LENGTH].split())
    ending = TITLE_END.search(title)
    own = _own_id(entry, (preamble and preamble["id"]) or (ending and ending[1]) or "")
    kind = child(entry, "announce_type").strip() or (preamble and preamble["type"]) or "new"
    announced = moment(child(entry, "pubDate") or child(entry, "published")) or midnight(day)
    categories = children(entry, "category") or [""]
    terms = [str(found.get("term")) for found in entry.findall("{*}category") if found.get("term")]
    comment = child(entry, "comment")
    return build(
        TITLE_END.sub("", title),
        clean.without_markup(abstract) if abstract.lstrip().startswith("<p>") else abstract,
        own,
        child(entry, "DOI") or child(entry, "doi"),
        [name for names in children(entry, "creator") for name in split_names(names)]
        or children(entry, "author/name"),
        comment,
        categories=terms or categories,
        announced_at=first_announced(own, kind, announced),
        journal_ref=child(entry, "journal_reference") or child(entry, "journal_ref"),
        license=child(entry, "rights"),
        withdrawn=True if is_withdrawn(comment) else None,
    )


def _own_id(entry: _Element, named: str) -> ArxivId:
    """Return the id of an entry, with its version where one of its elements names it."""
    places = [child(entry, "guid"), child(entry, "id"), named, child(entry, "link")]
    places += [str(found.get("href")) for found in entry.findall("{*}link")]
    found = [own for own in map(identifiers.arxiv_id, filter(None, places)) if own]
    if not found:
        raise RecordError("The record has no arXiv id.")
    return next((own for own in found if own.version and own.id == found[0].id), found[0])


def first_announced(own: ArxivId, kind: str, listed_at: datetime) -> datetime:
    """Return the earliest day on which a paper can have been announced, by the kind of its entry.

    A new paper: that day. A new version: the month of its id. A cross-list: that day if the id
    is of this month, for then it came out with the paper, else the month of its id.
    """
    if kind.startswith("replace"):
        return min(listed_at, own.month)
    recent = (listed_at - CROSSING_MONTHS).date().replace(day=1)
    if kind == "cross" and own.month.date() < recent:
        return min(listed_at, own.month)
    return listed_at


def fetch(visit: Visit) -> Iterator[Step]:
    """Yield today's announcement of the categories in the source's address (``cs.AI+cs.CL``).

    Without an address all of arXiv is read, in as few feeds as the limit of their items allows.
    A feed that reached the limit is read again in halves, then and ever after.

    The cursor: ``feeds``, and of each feed the ``validators`` of its last answer.
    """
    if "://" in visit.address:
        yield from one_page(parse, accept="xml")(visit)
        return
    named = [code for code in re.split(r"[\s+,]+", visit.address) if code]
    waiting = list(visit.cursor.get("feeds") or (["+".join(named)] if named else ALL_FEEDS))
    known = dict(visit.cursor.get("validators", {}))
    feeds: list[str] = []
    validators: dict[str, list[str]] = {}
    while waiting:
        feed = waiting.pop(0)
        etag, modified = known.get(feed, ["", ""])
        answer = visit.ask(BASE + feed, accept="xml", etag=etag, last_modified=modified)
        listing = Listing(note="Nothing has changed since the last visit.")
        if not answer.unchanged:
            listing = read(parse, answer, visit)
        full = len(listing.records) + len(listing.rejections) >= ITEMS_PER_FEED
        if full and (halves := _halves(feed)):
            waiting[:0] = halves
        else:
            feeds.append(feed)
            validators[feed] = (
                known[feed] if answer.unchanged else [answer.etag, answer.last_modified]
            )
        cursor = {"feeds": feeds + waiting, "validators": known | validators}
        if not waiting:
            cursor = {"feeds": feeds, "validators": validators}
        yield Step(listing, cursor, len(feeds) / (len(feeds) + len(waiting)))


def _halves(feed: str) -> list[str]:
    """Return two feeds for one: of half its archives, or half the categories of its archive."""
    codes = feed.split("+")
    if len(codes) == 1:
        codes = [code for code in taxonomy.NAMES if code.startswith(f"{feed}.")]
    middle = len(codes) // 2
    return ["+".join(codes[:middle]), "+".join(codes[middle:])] if middle else []


def announced_since(at: datetime) -> datetime | None:
    """Return when the papers of the feed at that time were announced: 20:00 the evening before.

    Return None when no new feed is expected: on weekends and in the first hours of a day.
    """
    home = at.astimezone(ARXIV_ZONE)
    if home.weekday() >= 5 or home.hour < FEED_HOUR:
        return None
    evening = datetime.combine(home.date() - timedelta(days=1), ANNOUNCEMENT, ARXIV_ZONE)
    return evening.astimezone(UTC)
