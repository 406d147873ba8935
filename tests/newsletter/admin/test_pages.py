"""The pages of the admin: times with their zone, plain sentences, no overflow."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client, RequestFactory

from newsletter.models import Digest, Notice, Stream, Subscriber
from papers.admin.base import url_of, url_of_list
from papers.models import Paper, Submission
from tests import factories

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
MORNING = datetime(2026, 12, 4, 3, 30, tzinfo=UTC)


@pytest.fixture
def admin_client(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def words(admin_client: Client, url: str) -> str:
    """What a page says below its header, without markup."""
    html = admin_client.get(url).content.decode()
    content = html[html.index('id="content"') :]
    return " ".join(re.sub(r"<[^>]*>", " ", content).split())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_a_row_holds_two_values_at_most(model: type[Model]) -> None:
    request = RequestFactory().get("/admin/")
    request.user = User(is_superuser=True)
    page = admin.site._registry[model]
    fieldsets = page.get_fieldsets(request, model())

    rows = [row for _, options in fieldsets for row in options["fields"]]

    assert all(isinstance(row, str) or len(row) <= 2 for row in rows)


def test_a_time_names_its_zone_in_lists_and_on_pages(admin_client: Client) -> None:
    reader = factories.a_subscriber(hour=9, timezone="Asia/Kolkata", next_digest_at=MORNING)

    assert "Asia/Kolkata 4 Dec 2026, 03:30 UTC" in words(admin_client, url_of_list(Subscriber))
    assert "Next digest at 4 Dec 2026, 03:30 UTC" in words(admin_client, url_of(reader))


def test_a_time_that_is_typed_says_its_zone(admin_client: Client) -> None:
    assert "for a week from then. In UTC." in words(admin_client, url_of(factories.a_paper()))


@pytest.mark.parametrize(
    ("model", "true"),
    [
        (Stream, "Neither stream was ever stopped: both are running."),
        (Submission, "Nobody has asked for a paper yet."),
        (Paper, "The service fills this list by itself."),
        (Group, "Nothing was added yet. Add group"),
    ],
)
def test_an_empty_list_says_what_is_true_of_it(
    admin_client: Client, model: type[Model], true: str
) -> None:
    page = words(admin_client, url_of_list(model))

    assert f"Nothing here {true}" in page
    assert "Create a new item" not in page


@pytest.mark.parametrize(
    "narrowed", [{"q": "nobody"}, {"state__exact": "sent"}, {"subscriber": "7"}]
)
def test_a_search_without_a_result_leads_back_to_the_whole_list(
    admin_client: Client, narrowed: dict[str, str]
) -> None:
    page = words(admin_client, url_of_list(Digest, **narrowed))

    assert "No results found No row matches what was asked for. Show all" in page
    assert "by itself" not in page


def test_a_digest_says_once_why_each_paper_is_in_it(admin_client: Client) -> None:
    chosen = [
        ("pick", "the editor's pick", "the editor's pick"),
        ("trending", "trending: +42 upvotes in three days", "trending: +42 upvotes in three days"),
        ("trending", "new in the listing of 4 December", "trending: new in the listing of"),
        ("personal", "like “Sparse attention”", "personal: like “Sparse attention”"),
        ("personal", "", "personal"),
    ]
    items = [
        {"paper": f"2612.0000{place}", "slot": slot, "reason": reason, "score": 1}
        for place, (slot, reason, _) in enumerate(chosen)
    ]

    page = words(admin_client, url_of(factories.a_digest(items=items))).replace("&#x27;", "'")

    for place, (_, _, shown) in enumerate(chosen):
        assert f"2612.0000{place} {shown}" in page


def test_two_links_beside_each_other_are_told_apart(admin_client: Client) -> None:
    assert "Sent to them digests and notices" in words(
        admin_client, url_of(factories.a_subscriber())
    )


@pytest.mark.parametrize(
    "query", ["due_at__year=99999", "due_on__year=99999", "q=%00", "id__exact=x", "p=-5"]
)
def test_a_filter_that_means_nothing_does_not_break_the_list(
    admin_client: Client, query: str
) -> None:
    page = admin_client.get(f"{url_of_list(Digest)}?{query}", follow=True)
    assert page.status_code == 200


@pytest.mark.parametrize("model", [Subscriber, Notice], ids=["subscribers", "notices"])
def test_a_year_without_a_calendar_does_not_break_the_list(
    admin_client: Client, model: type[Model]
) -> None:
    url = f"{url_of_list(model)}?created_at__year=99999"
    assert admin_client.get(url, follow=True).status_code == 200
