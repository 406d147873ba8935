"""New ids of papers: references by id are rewritten in the transaction that renames a paper.

A paper that was listed without an arXiv id has an id made from its title, and takes the arXiv id
when a source names it. References inside this app are rewritten here; other apps connect to
``papers_renamed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.dispatch import Signal

from papers.models import Edition

papers_renamed: Final = Signal()
"""Sent in the transaction in which papers get new ids, after they are stored.

Receivers get ``ids``, the new id by each old one, and ``since``: nothing older refers to these
papers. A receiver that raises undoes the renaming.
"""
EDITION_MARGIN: Final = timedelta(days=1)


def rewrite_references(ids: Mapping[str, str], since: datetime) -> None:
    """Replace old ids of papers by new ones in everything that refers to them."""
    editions = Edition.objects.filter(day__gte=(since - EDITION_MARGIN).date())
    for edition in editions:
        entries = [
            {**entry, "paper": ids.get(entry["paper"], entry["paper"])} for entry in edition.entries
        ]
        if entries != edition.entries:
            edition.entries = entries
            edition.save(update_fields=["entries"])
    papers_renamed.send(sender=None, ids=ids, since=since)
