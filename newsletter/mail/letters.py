"""The editor's letter above the papers of a digest, rendered once for all its readers."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.timezone import now

from newsletter import display
from newsletter.mail.mime import EncodedText, encode_text
from newsletter.models import Digest, FrozenLetter

CACHED_LETTERS: Final = 16


class Letter(NamedTuple):
    """A letter as pieces of the two parts of a mail; both are empty without one."""

    html: EncodedText
    text: EncodedText


EMPTY: Final = Letter(EncodedText(b"", False), EncodedText(b"", False))


def letter_of(digest: Digest) -> Letter:
    """Return the letter of a digest."""
    if not digest.letter:
        return EMPTY
    markdown = _markdown(digest.letter)
    return _rendered(markdown, settings.EDITOR_NAME) if markdown else EMPTY


_known: dict[str, str] = {}


def _markdown(key: str) -> str:
    """Return the Markdown with this key; that of a digest that is not stored is an edition's."""
    if key not in _known:
        row = FrozenLetter.objects.filter(key=key).first()
        if row is None:
            letters = (letter for _, letter in display.recent_letters(now()))
            return next((one for one in letters if display.letter_key(one) == key), "")
        while len(_known) >= CACHED_LETTERS:
            _known.pop(next(iter(_known)))
        _known[key] = row.markdown
    return _known[key]


@lru_cache(maxsize=CACHED_LETTERS)
def _rendered(markdown: str, editor: str) -> Letter:
    context = {"editor": editor, "letter": mark_safe(display.letter_html(markdown))}
    plain = {"editor": editor, "letter": display.letter_text(markdown)}
    return Letter(
        encode_text(render_to_string("emails/letter.html", context)),
        encode_text(render_to_string("emails/letter.txt", plain, using="text")),
    )
