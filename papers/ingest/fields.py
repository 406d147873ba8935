"""The fields of arXiv that the sources follow.

The sources of arXiv's feeds and archive name fields in their address. An empty address is all of
arXiv, and ``ASKED`` the fields that other apps ask for: they connect to ``fields_asked``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from django.db.models import Exists
from django.dispatch import Signal

from papers.models import Source
from papers.text import taxonomy

KINDS: Final = ("arxiv-rss", "arxiv-oai")
"""Kinds of sources whose address names fields."""
ASKED: Final = "asked for"
"""The address of a source that follows what other apps ask for."""

fields_asked: Final = Signal()
"""Sent before a visit to a source that follows ``ASKED``; receivers return a set of fields."""


def named_fields(address: str) -> list[str]:
    """Return the categories and archives that an address names; none for a URL or ``ASKED``."""
    if "://" in address or address == ASKED:
        return []
    return [code for code in map(taxonomy.category, re.split(r"[\s+,]+", address)) if code]


def address_of(source: Source) -> str:
    """Return the address to visit: the source's own, or the fields that are asked for."""
    if source.address != ASKED:
        return source.address
    answers = fields_asked.send(sender=None)
    asked = {field for _, fields in answers if fields for field in fields}
    return "+".join(sorted(asked))


def address_for(fields: Iterable[str]) -> str:
    """Return the shortest address that names these fields: archives for all of their fields."""
    left = set(fields)
    if left >= taxonomy.NAMES.keys():
        return ""
    for archive in taxonomy.ARCHIVES:
        whole = {name for name in taxonomy.NAMES if name.partition(".")[0] == archive}
        if archive in left or left >= whole:
            left = (left - whole) | {archive}
    return "+".join(sorted(left))


def follow(fields: Iterable[str], *, asked: bool = False) -> None:
    """Let all sources of arXiv follow these fields (none: all), or the fields asked for."""
    address = ASKED if asked else address_for(fields)
    sources = Source.objects.filter(kind__in=KINDS).exclude(address__contains="://")
    sources.update(address=address)


def first_fetch_is_awaited() -> bool:
    """Return whether arXiv is to be read and never was: nothing is known of any field yet."""
    sources = Source.objects.filter(kind__in=KINDS, enabled=True)
    read = Exists(sources.filter(last_success_at__isnull=False))
    return sources.filter(~read).exists()


def fed_fields() -> frozenset[str]:
    """Return the categories that enabled sources bring; all where nothing narrows them."""
    addresses = Source.objects.filter(kind__in=KINDS, enabled=True).values_list(
        "address", flat=True
    )
    named = [set(named_fields(address)) for address in addresses]
    if not named or not all(named):
        return frozenset(taxonomy.NAMES)
    codes = set().union(*named)
    return frozenset(name for name in taxonomy.NAMES if {name, name.partition(".")[0]} & codes)
