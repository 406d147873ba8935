"""Variable envelope return paths (VERP): one address a message, to which its bounces come.

The address is that of the bounce mailbox with a tag, such as ``bounce+d0f3…@papers.example.org``.
The tag holds the public id of the row, 122 random bits, so that nobody can report a bounce of a
message that they have not seen.
"""

from __future__ import annotations

import re
import uuid
from typing import Final, NamedTuple

from django.conf import settings

from newsletter.models import Digest, Notice

KINDS: Final[dict[str, type[Digest] | type[Notice]]] = {"d": Digest, "n": Notice}
TAG: Final = re.compile(r"\+(?P<kind>[dn])(?P<id>[0-9a-f]{32})@", re.I)


class Tag(NamedTuple):
    """The table and the public id of the row that a return path names."""

    model: type[Digest] | type[Notice]
    public_id: uuid.UUID


def return_path_of(row: Digest | Notice) -> str:
    """Return the envelope sender of a row's message; empty without a bounce mailbox."""
    local, at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    if not at:
        return ""
    kind = "d" if isinstance(row, Digest) else "n"
    return f"{local}+{kind}{row.public_id.hex}@{domain}"


def find_tag(text: str) -> Tag | None:
    """Return the tag of the first return path in a text."""
    found = TAG.search(text)
    if found is None:
        return None
    return Tag(KINDS[found["kind"].lower()], uuid.UUID(found["id"]))
