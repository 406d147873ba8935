"""``manage.py explain``: why a subscriber would, or would not, get a paper now."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from newsletter.digests import assembly
from newsletter.models import Interest
from papers.models import Paper
from tests.factories import a_paper, a_subscriber

pytestmark = pytest.mark.django_db


def explained(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("explain", *arguments, "--format", "json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_a_paper_that_would_be_sent_has_its_place() -> None:
    paper, person = a_paper(), a_subscriber()
    assert explained(person.email, paper.canonical_id) == {
        "paper": paper.canonical_id,
        "included": True,
        "rank": 1,
        "rule": "trending",
        "value": 1.0,
        "threshold": None,
        "change": None,
    }


def test_a_muted_word_is_the_rule_and_removing_it_the_change() -> None:
    a_paper(title="Coral reefs from space")
    paper, person = a_paper(title="Blockchains of today"), a_subscriber()
    Interest.objects.create(subscriber=person, kind="mute", value="blockchain")
    found = explained(person.email, paper.canonical_id)
    assert (found["included"], found["rule"], found["value"]) == (False, "muted", "blockchain")
    assert found["change"] == {"field": "muted", "add": [], "remove": ["blockchain"]}
    Interest.objects.all().delete()
    assert explained(person.email, paper.canonical_id)["included"]


def test_what_was_sent_or_withdrawn_has_no_remedy() -> None:
    sent, person = a_paper(title="Coral reefs"), a_subscriber()
    withdrawn = a_paper(title="Variable stars", withdrawn=True)
    assembly.assemble(now())
    for paper, rule in ((sent, "sent"), (withdrawn, "withdrawn")):
        found = explained(person.email, paper.canonical_id)
        assert (found["included"], found["rule"], found["change"]) == (False, rule, None)


def test_an_old_paper_is_too_old() -> None:
    a_paper(title="Coral reefs")
    old, person = a_paper(title="Variable stars"), a_subscriber()
    long_ago = "2020-01-01T00:00:00+00:00"
    Paper.objects.filter(pk=old.pk).update(announced_at=long_ago, published_at=long_ago)
    assert explained(person.email, old.canonical_id)["rule"] == "too old"


def test_in_words_it_says_who_what_and_why() -> None:
    paper, person = a_paper(), a_subscriber()
    out = io.StringIO()
    call_command("explain", person.email, paper.canonical_id, stdout=out)
    assert out.getvalue() == (
        f"{person.email} would get {paper.canonical_id}: it trends more than 100% of the recent "
        "papers. Its rank in the digest is 1.\n"
    )


@pytest.mark.parametrize(
    ("email", "paper", "said"),
    [
        ("nobody@example.org", "x", "Nobody with the address 'nobody@example.org' is subscribed."),
        ("no address", "x", "'no address'"),
        ("", "2603.99999", "No paper has the id '2603.99999'."),
    ],
)
def test_an_unknown_address_or_paper_is_named(email: str, paper: str, said: str) -> None:
    person = a_subscriber()
    with pytest.raises(CommandError, match=said.replace("'", ".")) as caught:
        call_command("explain", email or person.email, paper)
    assert caught.value.returncode == 2
