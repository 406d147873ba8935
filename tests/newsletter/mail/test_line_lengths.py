"""No line of a usual digest is so long that it must be written the slow way."""

from __future__ import annotations

import pytest

from newsletter.mail import messages, snapshots
from newsletter.mail.mime import EncodedMessage
from tests.factories import a_digest, a_paper

pytestmark = pytest.mark.django_db


def test_long_summaries_names_and_links_stay_within_998_bytes() -> None:
    paper = a_paper(
        abstract="Größere Modelle lernen mehr über Sprachen und Übersetzungen. " * 6,
        authors=["Jürgen Müller-Lüdenscheidt of a Very Long Affiliation"] * 3,
        pdf_url=f"https://arxiv.org/pdf/{'a' * 120}",
        code_url=f"https://github.com/{'b' * 60}/{'c' * 60}",
    )
    item = {"paper": paper.canonical_id, "reason": "On “Sprachen”", "slot": "personal", "score": 1}
    digest = a_digest(items=[item])
    message = messages.digest_message(digest, snapshots.cards_of(digest))
    assert isinstance(message, EncodedMessage)
    assert message.join_parts() is not None
