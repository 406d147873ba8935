"""The sign-up form: one answer for every address, a clear sentence for what is none."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Final

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.models import Consent, Notice, RateLimit, Subscriber, Suppression
from newsletter.security import throttle
from newsletter.subscriptions import suppressions
from newsletter.web import forms
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db

NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)
Status = Subscriber.Status


def subscribe(client: Client, email: str = "ada@example.org", **fields: object) -> tuple[int, str]:
    response = client.post("/subscribe/", {"email": email, **fields})
    return response.status_code, response.content.decode()


def test_a_plain_post_without_cookies_is_enough() -> None:
    status, page = subscribe(Client(enforce_csrf_checks=True))
    assert status == 200
    assert "Check your inbox" in page
    # Whoever had a digest today gets none at once, and the page may not tell who that is.
    assert "a new reader gets the first digest at once" in page
    assert Subscriber.objects.get().status == Status.PENDING


def test_nobody_can_tell_from_the_answer_who_is_subscribed(client: Client) -> None:
    for status in Status.values:
        a_subscriber(email=f"{status}@example.org", status=status)
    suppressions.suppress("erased@example.org", Suppression.Reason.ERASED)
    addresses = [f"{name}@example.org" for name in ("new", "erased", *Status.values, "new")]
    answers = set()
    for address in addresses:
        code, page = subscribe(client, address)
        assert page.count(address) == 1
        answers.add((code, page.replace(address, "")))
    assert len(answers) == 1


def test_the_answer_repeats_the_address_as_it_was_typed(client: Client) -> None:
    _, page = subscribe(client, " Ada.<b>@example.org")
    assert "Check your inbox" not in page
    _, page = subscribe(client, "Ada.L&M@Example.org ")
    assert '<strong class="address">Ada.L&amp;M@Example.org</strong>' in page
    assert "Did you mean" not in page


def test_a_mistyped_domain_is_asked_about_with_the_same_choices(client: Client) -> None:
    _, page = subscribe(client, "ada@gmial.com", topics=["cs.CL", "math.PR"])
    assert "Did you mean" in page
    assert '<input type="hidden" name="email" value="ada@gmail.com">' in page
    assert '<input type="hidden" name="topics" value="math.PR">' in page
    assert page.count('name="timezone"') == page.count('name="started"') == 1
    assert Subscriber.objects.get().email == "ada@gmial.com"


def test_only_a_laptop_leads_to_its_inbox(client: Client, settings: Settings) -> None:
    inbox = 'href="/inbox/"'
    settings.EMAIL_BACKEND = "newsletter.mail.backends.file.EmailBackend"
    assert inbox in subscribe(client)[1]
    settings.LOCAL = False
    assert inbox not in subscribe(client, "eve@example.org")[1]


def test_the_database_does_the_same_for_every_address(client: Client) -> None:
    a_subscriber(email="active@example.org")
    a_subscriber(email="suppressed@example.org", status=Status.SUPPRESSED)
    subscribe(client, "first@example.org")
    counts = set()
    for name in ("new", "active", "suppressed"):
        with CaptureQueriesContext(connection) as queries:
            subscribe(client, f"{name}@example.org")
        counts.add(tuple(query["sql"].split()[0] for query in queries))
    assert len(counts) == 1


@pytest.mark.parametrize("email", ["", "ada", "ada@", "ada@localhost", "a@b.c\r\nBcc: x@y.org"])
def test_a_malformed_address_brings_the_form_back_with_one_sentence(
    client: Client, email: str
) -> None:
    status, page = subscribe(client, email)
    assert status == 400
    assert page.count("<li>") - page.count("<li><a") == 1
    assert not Subscriber.objects.exists()


def test_choices_are_kept_with_the_request_until_it_is_confirmed(client: Client) -> None:
    subscribe(
        client,
        frequency="weekly",
        weekday="friday",
        hour="7",
        size="5",
        timezone="Europe/Berlin",
        topics=["cs.CL", "math.PR"],
        interests="graph learning; protein folding",
    )
    assert Consent.objects.get().choices == {
        "frequency": "weekly",
        "weekday": 4,
        "hour": 7,
        "size": 5,
        "timezone": "Europe/Berlin",
        "topics": ["cs.CL", "math.PR"],
        "interests": ["graph learning", "protein folding"],
    }
    assert Subscriber.objects.get().frequency == Subscriber.Frequency.DAILY


@pytest.mark.parametrize(
    ("field", "value"),
    [("hour", "24"), ("size", "0"), ("frequency", "hourly"), ("topics", "cs.XX"), ("weekday", "7")],
)
def test_a_choice_that_cannot_be_met_is_refused_with_a_sentence(
    client: Client, field: str, value: str
) -> None:
    status, page = subscribe(client, **{field: value})
    assert status == 400
    assert f"“{value}” is not a" in page
    assert not Subscriber.objects.exists()


def test_a_time_zone_that_a_script_guessed_wrong_does_not_matter(client: Client) -> None:
    assert subscribe(client, timezone="Mars/Olympus")[0] == 200
    assert Consent.objects.get().choices == {}


def test_a_robot_that_fills_in_every_field_believes_it_succeeded(client: Client) -> None:
    assert subscribe(client, website="https://spam.example") == subscribe(client)
    assert Subscriber.objects.count() == 1
    assert Notice.objects.count() == 1


def crowd_out() -> None:
    """Let requests without a stamp be too many."""
    throttle.allow(throttle.UNSTAMPED, "", now())
    RateLimit.objects.filter(name=throttle.UNSTAMPED.name).update(count=throttle.UNSTAMPED.count)


def solution_of(page: str) -> str:
    """Solve the challenge of a page as its script does."""
    sent = dict(re.findall(r'data-(\w+)="([^"]*)"', page))
    number = next(
        number
        for number in range(int(sent["maxnumber"]) + 1)
        if hashlib.sha256(f"{unescape(sent['salt'])}{number}".encode()).hexdigest()
        == sent["challenge"]
    )
    words = {
        "algorithm": sent["algorithm"],
        "challenge": sent["challenge"],
        "number": number,
        "salt": unescape(sent["salt"]),
        "signature": sent["signature"],
    }
    return base64.b64encode(json.dumps(words).encode()).decode()


def test_too_many_from_one_network_are_asked_for_a_proof_of_work(
    client: Client, settings: Settings
) -> None:
    settings.LOCAL = False
    for number in range(30):
        assert subscribe(client, f"r{number}@example.org")[0] == 200
    status, page = subscribe(client, "late@example.org", topics=["cs.CL", "math.PR"])
    assert status == 429
    assert 'name="topics" value="math.PR"' in page
    assert not Subscriber.objects.filter(email="late@example.org").exists()
    solution = solution_of(page)
    assert subscribe(client, "late@example.org", topics="cs.CL", altcha=solution)[0] == 200
    assert Subscriber.objects.filter(email="late@example.org").exists()


def test_a_solution_serves_one_address_once_and_its_repetition_looks_like_success(
    client: Client,
) -> None:
    crowd_out()
    status, page = subscribe(client, "ada@example.org")
    assert status == 429
    solution = solution_of(page)
    assert subscribe(client, "eve@example.org", altcha=solution)[0] == 429
    first = subscribe(client, "ada@example.org", altcha=solution)
    assert first[0] == 200
    assert subscribe(client, "ada@example.org", altcha=solution) == first
    assert Notice.objects.count() == 1


def test_a_solution_that_is_old_forged_or_odd_opens_nothing(client: Client) -> None:
    crowd_out()
    page = subscribe(client, "ada@example.org")[1]
    good = json.loads(base64.b64decode(solution_of(page)))
    with time_machine.travel(now() + timedelta(minutes=11)):
        crowd_out()
        assert subscribe(client, "ada@example.org", altcha=_encode(good))[0] == 429
    for change in (
        {"number": good["number"] + 1},
        {"signature": "0" * 64},
        {"algorithm": "MD5"},
        {"salt": good["salt"].replace("expires=", "expires=9")},
        {"number": "x"},
        {"number": None},
        {"salt": 5},
    ):
        assert subscribe(client, "ada@example.org", altcha=_encode(good | change))[0] == 429
    for text in ("x", "{}", _encode([]), _encode(1), "é" * 10, "W" * 100_000):
        assert subscribe(client, "ada@example.org", altcha=text)[0] == 429
    assert not Subscriber.objects.exists()


def _encode(words: object) -> str:
    return base64.b64encode(json.dumps(words).encode()).decode()


def test_even_proofs_of_work_have_a_limit(client: Client, settings: Settings) -> None:
    settings.LOCAL = False
    for number in range(30):
        subscribe(client, f"r{number}@example.org")
    page = subscribe(client, "ada@example.org")[1]
    limit = throttle.PER_NETWORK[0][2].times(throttle.SOLVED_FACTOR, " solved")
    throttle.allow(limit, throttle.network_of("127.0.0.1"), now())
    RateLimit.objects.filter(name=limit.name).update(count=limit.count)
    status, page = subscribe(client, "ada@example.org", altcha=solution_of(page))
    assert status == 429
    assert "try again in an hour" in page


class TestStamps:
    """A form's stamp is good for one address, for an hour."""

    def test_under_pressure_only_requests_from_a_form_of_ours_are_served(
        self, client: Client
    ) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            started = forms.started_stamp()
            clock.shift(timedelta(seconds=5))
            crowd_out()
            assert subscribe(client, "robot@example.org")[0] == 429
            assert subscribe(client, "forger@example.org", started="x:y:z")[0] == 429
            assert subscribe(client, "person@example.org", started=started)[0] == 200

    @pytest.mark.parametrize(
        ("age", "status"), [(1, 429), (3, 200), (3599, 200), (3601, 429), (-5, 429)]
    )
    def test_a_stamp_is_good_from_two_seconds_to_an_hour(
        self, client: Client, age: int, status: int
    ) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            started = forms.started_stamp()
            clock.shift(timedelta(seconds=age))
            crowd_out()
            assert subscribe(client, "ada@example.org", started=started)[0] == status

    def test_a_stamp_serves_one_address(self, client: Client) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            started = forms.started_stamp()
            clock.shift(timedelta(seconds=5))
            crowd_out()
            assert subscribe(client, "ada@example.org", started=started)[0] == 200
            assert subscribe(client, "eve@example.org", started=started)[0] == 429

    def test_a_double_click_is_answered_as_success(self, client: Client) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            started = forms.started_stamp()
            clock.shift(timedelta(seconds=5))
            first = subscribe(client, "ada@example.org", started=started)
            crowd_out()
            assert subscribe(client, "ada@example.org", started=started) == first
        assert Notice.objects.count() == 1

    def test_two_forms_of_one_second_have_stamps_of_their_own(self) -> None:
        with time_machine.travel(NOON, tick=False):
            assert forms.started_stamp() != forms.started_stamp()


def test_looking_at_the_form_does_nothing(client: Client) -> None:
    response = client.get("/subscribe/", {"email": "ada@example.org"})
    assert response.status_code == 200
    assert b'name="started"' in response.content
    assert not Subscriber.objects.exists()
    assert not RateLimit.objects.exists()
