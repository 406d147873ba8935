"""The ``hf-daily`` format: Hugging Face's daily papers, with their votes, comments and stars.

``GET /api/daily_papers?date=&limit=`` gives a JSON list. Over the years its counts moved between
the outer and the nested object; both are read. A feed that others make of it is read as well.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from lxml.etree import LxmlError, _Element
from lxml.html import fragment_fromstring

from papers.sources import xml
from papers.sources.dates import midnight, moment
from papers.sources.protocol import Step, Visit, read
from papers.sources.record import (
    Listing,
    ListingError,
    Measurement,
    PaperRecord,
    RecordError,
    Rejection,
    build,
    total,
)
from papers.sources.xml import child
from papers.text import clean, identifiers

# A signal's name, and the names it goes by in the answers, best first.
TOTALS: Final = {
    "upvotes": ("upvotes", "numUpvotes"),
    "comments": ("numComments", "comments"),
    "stars": ("githubStars", "githubStargazers"),
}
BETWEEN_ITEMS: Final = re.compile(r"[ \t\r\n,]*")
TIME: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
BASE: Final = "https://huggingface.co/api/daily_papers"
PAPERS_PER_PAGE: Final = 100
MOST_PAGES: Final = 5
TOO_MANY: Final = "The list of the day is longer than what is read of it."
POLLED_DAYS: Final = 4
"""Days whose lists are read again at each visit, because votes keep coming in."""
FIRST_DAYS: Final = 7
BACKFILL_DAYS: Final = 60
"""Days that are made up for after an absence."""


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:
    """Return the papers of one day, each with its upvotes, comments and stars.

    An answer has no time of its own; its latest time-stamp stands for it, so that reading it
    again adds no measurement. ``day`` dates records without a date.
    """
    if body.lstrip()[:1] == b"<":
        return _parse_feed(body)
    listing = Listing(day=day)
    observed_at = _latest(body) or midnight(day or today)
    listing.collect(
        _items(body, listing), lambda item: _record(_object(item), observed_at), _called
    )
    dates = [record.announced_at or record.published_at for record in listing.records]
    listing.day = day or max((at.date() for at in dates if at), default=None)
    if not listing.records and not listing.rejections:
        listing.note = "A quiet day: Hugging Face lists no paper."
    return listing


def _items(body: bytes, listing: Listing) -> list[Any]:
    """Return the entries of an answer; of one that was cut off, the whole ones."""
    if not body.strip():
        raise ListingError("The answer is empty; a JSON list of daily papers was expected.")
    try:
        answer = json.loads(body)
    except RecursionError as error:
        raise ListingError("The answer is nested too deeply to be daily papers.") from error
    except ValueError as error:
        listing.damage = f"The answer is not whole JSON ({error})."
        listing.rejections.append(Rejection("the rest", "It was cut off."))
        if not (answer := _whole_items(body.decode("utf-8", "replace").strip())):
            raise ListingError(listing.damage) from error
    if isinstance(answer, dict) and "error" in answer:
        raise ListingError(
            f"Hugging Face answered with an error: {clean.line(str(answer['error']))}."
        )
    if not isinstance(answer, list):
        raise ListingError("The answer is JSON, but no list of daily papers.")
    return answer


def _whole_items(answer: str) -> list[Any]:
    found: list[Any] = []
    decoder = json.JSONDecoder()
    at = 1 if answer.startswith("[") else len(answer)
    while (begin := BETWEEN_ITEMS.match(answer, at)) and begin.end() < len(answer):
        try:
            item, at = decoder.raw_decode(answer, begin.end())
        except (ValueError, RecursionError):
            break
        found.append(item)
    return found


def _object(item: Any) -> dict[str, Any]:
    """Return an entry as a mapping; some recordings hold it as the text of a Python literal."""
    if isinstance(item, str):
        try:
            item = json.loads(item) if item[:2] == '{"' else ast.literal_eval(item)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise RecordError("The entry is a text that holds no record.") from error
    if not isinstance(item, dict):
        raise RecordError("The entry is no JSON object.")
    return item


def _record(outer: dict[str, Any], observed_at: datetime) -> PaperRecord:
    nested = outer.get("paper")
    paper = nested if isinstance(nested, dict) else outer
    own = identifiers.arxiv_id(_word(paper.get("id") or outer.get("id")))
    if own is None:
        raise RecordError("The entry has no arXiv id.")
    both = (outer, paper)
    submitted = moment(_word(paper.get("publishedAt")))
    return build(
        clean.unescaped(_word(paper.get("title") or outer.get("title"))),
        clean.unescaped(_word(paper.get("summary") or outer.get("summary"))),
        own,
        authors=_names(paper.get("authors") or outer.get("authors") or []),
        keywords=_keywords(_first(both, "ai_keywords", "aiKeywords") or []),
        summary=clean.unescaped(_word(_first(both, "ai_summary", "aiSummary"))),
        published_at=submitted,
        announced_at=_listed_at(both, submitted),
        code_url=_word(_first(both, "githubRepo")),
        measurements=tuple(_measurements(paper, outer)),
        observed_at=observed_at,
    )


def _listed_at(both: tuple[dict[str, Any], ...], submitted: datetime | None) -> datetime | None:
    """Return when the paper came onto the list.

    Old answers have it as the outer ``publishedAt``; in newer ones that is the submission in
    another time zone, earlier than the nested one.
    """
    listed = moment(_word(_first(both, "submittedOnDailyAt")))
    outer = moment(_word(both[0].get("publishedAt")))
    if listed is None and outer and (submitted is None or outer > submitted):
        listed = outer
    return listed


def _measurements(paper: dict[str, Any], outer: dict[str, Any]) -> Iterable[Measurement]:
    for name, keys in TOTALS.items():
        counts = [total(place.get(key)) for key in keys for place in (paper, outer)]
        if known := [count for count in counts if count is not None]:
            yield Measurement(name, max(known))


def _first(places: Iterable[dict[str, Any]], *keys: str) -> Any:
    return next((place[key] for place in places for key in keys if place.get(key)), None)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _names(authors: Any) -> list[str]:
    if not isinstance(authors, list):
        return []
    names = (author.get("name") if isinstance(author, dict) else author for author in authors)
    return [clean.unescaped(name) for name in names if isinstance(name, str)]


def _keywords(keywords: Any) -> list[str]:
    words = keywords.split(",") if isinstance(keywords, str) else keywords
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _latest(body: bytes) -> datetime | None:
    return max(
        (found for stamp in TIME.findall(body) if (found := moment(stamp.decode()))), default=None
    )


def _called(position: int, item: Any) -> str:
    if not isinstance(item, dict):
        return f"entry {position}"
    nested = item.get("paper")
    paper = nested if isinstance(nested, dict) else item
    names = (clean.line(_word(paper.get(key))) for key in ("title", "id"))
    return clean.shortened(next(filter(None, names), f"entry {position}"), 120)


def _parse_feed(body: bytes) -> Listing:
    """Return the daily papers of an RSS feed with authors, upvotes and summary in HTML."""
    what = "a feed of daily papers"
    document = xml.read(body, record="item", roots=frozenset({"rss"}), what=what)
    if any(child(item, "announce_type") for item in document.records):
        raise ListingError("This is arXiv's announcement feed; its format is arxiv-rss.")
    listing = Listing(rejections=document.rejections, damage=document.damage)
    built = moment(child(document.root, "channel/lastBuildDate"))
    listing.collect(
        document.records,
        lambda item: _feed_record(item, built),
        lambda _, item: xml.described(item, child(item, "title")),
    )
    return listing


def _labelled(description: str) -> dict[str, str]:
    """Return the values of ``<p><b>Authors:</b> ...</p>`` by label."""
    try:
        fragment = fragment_fromstring(description, create_parent=True)
    except (ValueError, LxmlError) as error:
        raise RecordError("Its description is no HTML.") from error
    texts = ("".join(map(str, part.itertext())) for part in fragment.iter("p"))
    return {
        label.strip().lower(): value.strip()
        for label, _, value in (found.partition(":") for found in texts)
    }


def _feed_record(item: _Element, built: datetime | None) -> PaperRecord:
    own = identifiers.arxiv_id(child(item, "link")) or identifiers.arxiv_id(child(item, "guid"))
    if own is None:
        raise RecordError("The entry has no arXiv id.")
    fields = _labelled(child(item, "description"))
    upvotes = total(fields.get("upvotes"))
    return build(
        child(item, "title"),
        fields.get("summary", ""),
        own,
        authors=fields.get("authors", "").split(", "),
        published_at=moment(child(item, "pubDate")),
        announced_at=built,
        measurements=() if upvotes is None else (Measurement("upvotes", upvotes),),
        observed_at=built,
    )


def fetch(visit: Visit) -> Iterator[Step]:
    """Yield the lists of the last days, and of days missed since the last visit, oldest first.

    The cursor: ``day``, the last day that was read, and while a visit is under way the ``next``
    one with the day (``of``) of the visit. A day without a list of its own repeats the one before
    it, or is refused; both count as a day without news. Another list that cannot be read is left
    out.
    """
    cursor = visit.cursor
    today = visit.today
    last = _day(cursor.get("day")) or today - timedelta(days=FIRST_DAYS)
    missed = max(last + timedelta(days=1), today - timedelta(days=BACKFILL_DAYS))
    day = min(missed, today - timedelta(days=POLLED_DAYS - 1))
    if cursor.get("of") == today.isoformat():
        day = max(day, _day(cursor.get("next")) or day)
    days = (today - day).days + 1
    unread: list[ListingError] = []
    found = 0
    for number in range(days):
        listing = _of_day(visit, day + timedelta(days=number), unread)
        found += len(listing.records)
        if unread and not found and number + 1 == days:
            raise unread[0]
        listing.records = [replace(kept, observed_at=visit.now) for kept in listing.records]
        following = (day + timedelta(days=number + 1)).isoformat()
        under_way = cursor | {"next": following, "of": today.isoformat()}
        reached = {"day": today.isoformat()} if number + 1 == days else under_way
        yield Step(listing, cursor if unread and not found else reached, (number + 1) / days)


def _of_day(visit: Visit, day: date, unread: list[ListingError]) -> Listing:
    try:
        return _pages_of(visit, day)
    except ListingError as error:
        if day >= visit.today or day.weekday() >= 5:
            return Listing(day=day, note=f"Hugging Face has no list of {day} yet.")
        unread.append(error)
        return Listing(day=day, rejections=[Rejection(f"the list of {day}", str(error))])


def _pages_of(visit: Visit, day: date) -> Listing:
    """Return the whole list of a day; one of as many papers as a page holds has another page."""
    whole = Listing(day=day)
    for page in range(MOST_PAGES):
        more = {"p": str(page)} if page else {}
        url = visit.url(BASE, date=day.isoformat(), limit=PAPERS_PER_PAGE, **more)
        listing = read(parse, visit.ask(url, accept="json"), visit)
        size = len(listing.records) + len(listing.rejections)
        known = {record.arxiv_id for record in whole.records}
        listing.records = [one for one in listing.records if one.arxiv_id not in known]
        new = bool(listing.records)
        listing.records = whole.records + listing.records
        listing.rejections = whole.rejections + listing.rejections
        listing.damage = whole.damage or listing.damage
        whole = listing
        if not new or size < PAPERS_PER_PAGE:
            return whole
    whole.rejections.append(Rejection(f"papers of {day} after {len(whole.records)}", TOO_MANY))
    return whole


def _day(written: Any) -> date | None:
    found = moment(written) if isinstance(written, str) else None
    return found.date() if found else None
