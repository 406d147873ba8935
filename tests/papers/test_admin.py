"""The admin of papers: picking, hiding, requesting, running sources, and showing editions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from pytest_django import Settings

from papers.admin.base import url_of, url_of_list
from papers.ingest.fields import ASKED
from papers.ingest.service import ensure_sources
from papers.models import Edition, IngestRun, Paper, Source, Submission, Turn
from papers.text import taxonomy
from papers.trending import reasons


@pytest.fixture
def admin_client(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def paper(db: None) -> Paper:
    return Paper.objects.create(
        canonical_id="2503.01234",
        title_key="k",
        title="Attention <script>",
        announced_at=datetime(2025, 3, 10, tzinfo=UTC),
    )


@pytest.fixture
def source(db: None) -> Source:
    return Source.objects.create(
        name="arxiv", kind="arxiv-rss", next_run_at=now() + timedelta(hours=5)
    )


def act(admin_client: Client, action: str, row: Paper | Source) -> None:
    form = {"action": action, "_selected_action": str(row.pk)}
    assert admin_client.post(url_of_list(type(row)), form).status_code == 302


def test_a_paper_is_picked_hidden_and_shown_again_and_the_log_says_so(
    admin_client: Client, paper: Paper
) -> None:
    for action in ("pick", "hide", "unhide", "unpick"):
        act(admin_client, action, paper)
        paper.refresh_from_db()
        assert (bool(paper.picked_at), paper.hidden) == {
            "pick": (True, False),
            "hide": (True, True),
            "unhide": (True, False),
            "unpick": (False, False),
        }[action]

    actions = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(actions) == ["picked", "hidden", "shown again", "no longer picked"]


def test_a_pick_that_has_ended_stays_in_the_history_when_the_paper_is_picked_again(
    admin_client: Client, paper: Paper
) -> None:
    first = now() - timedelta(days=30)
    Paper.objects.update(picked_at=first, editor_note="The first to do it.")
    act(admin_client, "pick", paper)
    paper.refresh_from_db()
    assert paper.is_picked(now())
    assert paper.ended_picks(now()) == [(first, "The first to do it.")]


def test_a_pick_in_force_that_is_taken_back_leaves_no_history(
    admin_client: Client, paper: Paper
) -> None:
    for action in ("pick", "unpick"):
        act(admin_client, action, paper)
    paper.refresh_from_db()
    assert paper.ended_picks(now()) == []


def test_another_time_of_the_pick_in_the_form_keeps_the_one_that_has_ended(
    admin_client: Client, paper: Paper
) -> None:
    first = now() - timedelta(days=30)
    Paper.objects.update(picked_at=first, editor_note="The first to do it.")
    again = now() - timedelta(days=1)
    form = {
        "picked_at_0": f"{again:%Y-%m-%d}",
        "picked_at_1": f"{again:%H:%M:%S}",
        "editor_note": "Used by everybody now.",
        "signals-TOTAL_FORMS": "0",
        "signals-INITIAL_FORMS": "0",
    }
    assert admin_client.post(url_of(paper), form).status_code == 302
    paper.refresh_from_db()
    assert paper.editor_note == "Used by everybody now."
    assert paper.ended_picks(now()) == [(first, "The first to do it.")]


def test_the_editor_writes_a_note_and_nothing_that_a_source_wrote(
    admin_client: Client, paper: Paper
) -> None:
    inline = {"signals-TOTAL_FORMS": "0", "signals-INITIAL_FORMS": "0"}
    form = {"editor_note": "Read this.", "title": "Mine", "trending": "99"}

    admin_client.post(url_of(paper), form | inline)

    paper.refresh_from_db()
    assert paper.editor_note == "Read this."
    assert paper.title == "Attention <script>"
    assert paper.trending == 0


def test_the_editor_s_own_sentence_is_cleaned_and_shown_at_once(
    admin_client: Client, paper: Paper
) -> None:
    Paper.objects.update(abstract="We propose a method.")
    inline = {"signals-TOTAL_FORMS": "0", "signals-INITIAL_FORMS": "0"}

    admin_client.post(url_of(paper), {"editor_summary": " Attention\u202e  helps. "} | inline)
    paper.refresh_from_db()
    assert (paper.editor_summary, paper.summary) == ("Attention helps.", "Attention helps.")
    assert paper.summary_source == "editor"

    admin_client.post(url_of(paper), {"editor_summary": ""} | inline)
    paper.refresh_from_db()
    assert (paper.summary, paper.summary_source) == ("We propose a method.", "abstract")


@pytest.mark.parametrize(
    ("picked", "warned"),
    [({}, True), ({"picked_at_0": "2025-03-03", "picked_at_1": "12:00"}, False)],
)
def test_a_note_without_a_pick_is_not_shown_and_the_editor_is_told(
    admin_client: Client, paper: Paper, picked: dict[str, str], warned: bool
) -> None:
    inline = {"signals-TOTAL_FORMS": "0", "signals-INITIAL_FORMS": "0"}
    page = admin_client.post(
        url_of(paper), {"editor_note": "Read this."} | inline | picked, follow=True
    )
    assert ("shown once the paper is picked" in page.content.decode()) is warned


RANKED = {
    "age": 0,
    "new": 3.0,
    "votes": 42.0,
    "vote_weight": 1.04,
    "attention": 0.8,
    "gains": [{"source": "hf-daily", "name": "upvotes", "gain": 42.0, "days": 3.0, "weight": 42.0}],
}


def test_a_score_is_shown_as_the_table_of_the_public_page(
    admin_client: Client, paper: Paper
) -> None:
    Paper.objects.update(trending=4.67067871, trending_parts=RANKED)

    html = admin_client.get(url_of(paper)).content.decode()

    table = html[html.index('<table class="plain-table score-table">') :]
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', table)
    assert rows == [*reasons.explain(RANKED), ("Score", "4.67")]
    assert "4.67067871" not in html
    assert "&quot;gains&quot;" not in html


def test_a_paper_that_is_not_ranked_says_so(admin_client: Client, paper: Paper) -> None:
    assert "0.00: the paper is not ranked." in admin_client.get(url_of(paper)).content.decode()


def test_categories_and_keywords_are_lists_in_plain_words(
    admin_client: Client, paper: Paper
) -> None:
    Paper.objects.update(categories=["cs.CL", "stat.ML"], keywords=["<b>bold</b>", "waiting"])

    html = admin_client.get(url_of(paper)).content.decode()

    assert "cs.CL, stat.ML" in html
    assert "&lt;b&gt;bold&lt;/b&gt;, waiting" in html


def test_links_of_a_paper_lead_to_the_web_and_nowhere_else(
    admin_client: Client, paper: Paper
) -> None:
    Paper.objects.update(
        url="https://arxiv.org/abs/2503.01234?a=1&b=2",
        pdf_url='https://x.org/"><script>',
        code_url="javascript:alert(1)",
    )

    html = admin_client.get(url_of(paper)).content.decode()

    addresses = re.findall(r'<a class="text-link" href="(.*?)">', html)
    assert addresses[:2] == [
        "https://arxiv.org/abs/2503.01234?a=1&amp;b=2",
        "https://x.org/&quot;&gt;&lt;script&gt;",
    ]
    assert "javascript:alert(1)" in html
    assert 'href="javascript:' not in html


def test_an_edition_lists_its_papers_by_title_and_escapes_them(
    admin_client: Client, paper: Paper
) -> None:
    entries = [
        {"paper": "2503.01234", "score": 1.5, "parts": {}, "reason": "rising"},
        {"paper": "2503.09999", "score": 1.0, "parts": {}, "reason": "new"},
    ]
    edition = Edition.objects.create(day="2025-03-10", entries=entries, formula_version="1")

    html = admin_client.get(url_of(edition)).content.decode()

    assert "Attention &lt;script&gt;</a><br>1.50, rising" in html
    assert "2503.09999<br>1.00, new" in html


def test_an_empty_edition_says_so(admin_client: Client) -> None:
    edition = Edition.objects.create(day="2025-03-09", entries=[], formula_version="1")

    assert "Nothing was announced" in admin_client.get(url_of(edition)).content.decode()


def test_a_source_asked_to_ingest_is_due_at_once_even_when_the_broker_is_dead(
    admin_client: Client, source: Source, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    act(admin_client, "ingest_now", source)

    source.refresh_from_db()
    assert source.next_run_at <= now()


@pytest.mark.parametrize(
    ("enabled", "hours", "words"),
    [
        (False, -5, "none while disabled"),
        (True, -5, "due now"),
        (True, 5, "10 Mar 2025, 17:00 UTC"),
    ],
)
def test_the_next_visit_is_no_time_of_the_past(
    admin_client: Client, source: Source, enabled: bool, hours: int, words: str
) -> None:
    noon = datetime(2025, 3, 10, 12, tzinfo=UTC)
    Source.objects.update(enabled=enabled, next_run_at=noon + timedelta(hours=hours))

    with time_machine.travel(noon, tick=False):
        pages = [
            admin_client.get(url).content.decode() for url in (url_of(source), url_of_list(Source))
        ]

    assert all(words in page for page in pages)
    assert not any("07:00" in page for page in pages)


def test_a_disabled_source_is_not_asked_and_the_page_says_so(
    admin_client: Client, source: Source
) -> None:
    Source.objects.update(enabled=False)
    form = {"action": "ingest_now", "_selected_action": str(source.pk)}

    html = admin_client.post(url_of_list(Source), form, follow=True).content.decode()

    assert "1 source disabled and left out; enable first." in html
    source.refresh_from_db()
    assert source.next_run_at > now()


def test_pasted_ids_and_addresses_are_asked_for_and_nonsense_is_refused(
    admin_client: Client, paper: Paper
) -> None:
    pasted = "<https://arxiv.org/abs/2503.04321v2> (2503.01234), <b>nonsense</b>"

    response = admin_client.post(
        reverse("admin:papers_paper_submit"), {"papers": pasted}, follow=True
    )

    html = response.content.decode()
    assert "Asked for 2503.04321" in html
    assert "Here already: 2503.01234" in html
    assert "&lt;b&gt;nonsense&lt;/b&gt;: This is no arXiv id or address." in html
    assert list(Submission.objects.values_list("arxiv_id", flat=True)) == ["2503.04321"]
    assert LogEntry.objects.get().change_message == "asked for"


def test_asking_for_papers_takes_a_post_and_the_permission(
    admin_client: Client, client: Client
) -> None:
    url = reverse("admin:papers_paper_submit")
    assert admin_client.get(url).status_code == 405

    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.post(url, {"papers": "2503.04321"}).status_code == 403
    assert not Submission.objects.exists()


def test_a_new_source_is_of_a_kind_that_can_be_read(admin_client: Client) -> None:
    url = f"{url_of_list(Source)}add/"
    form = {"name": "mine", "kind": "jsonl", "address": "https://x.org/", "interval_minutes": "60"}

    assert (
        "Select a valid choice" in admin_client.post(url, form | {"kind": "fax"}).content.decode()
    )
    admin_client.post(url, form | {"last_status": "ok"})

    assert Source.objects.get().last_status == Source.Status.NEVER


def test_the_fields_of_arxiv_are_chosen_from_a_list_for_all_its_sources(
    admin_client: Client,
) -> None:
    ensure_sources()
    url = url_of(Source.objects.get(name="arxiv-rss"))
    html = admin_client.get(url).content.decode()
    options = re.findall(r'<option value="([a-z-]+(?:\.[A-Za-z-]+)?)"', html)
    assert set(options) >= set(taxonomy.NAMES)
    assert 'name="address"' not in html

    form = {"enabled": "on", "interval_minutes": "60", "followed_fields": ["math.AG", "cs.CL"]}
    assert admin_client.post(url, form).status_code == 302
    arxiv = Source.objects.filter(kind__in=("arxiv-rss", "arxiv-oai"))
    assert set(arxiv.values_list("address", flat=True)) == {"cs.CL+math.AG"}
    assert admin_client.get(url).content.decode().count(" selected") >= 2

    left_out = {"cs.AI", "math.AG", "physics.optics", "astro-ph.CO", "cond-mat.soft", "q-bio.BM"}
    most = [name for name in taxonomy.NAMES if name not in left_out]
    refused = admin_client.post(url, form | {"followed_fields": most}).content.decode()
    assert "Choose fewer fields, or none for all of arXiv." in refused
    admin_client.post(url, form | {"asked": "on"})
    assert set(arxiv.values_list("address", flat=True)) == {ASKED}
    admin_client.post(url, {"enabled": "on", "interval_minutes": "60"})
    assert set(arxiv.values_list("address", flat=True)) == {""}


def test_a_visit_shows_what_was_left_out_and_why(admin_client: Client, source: Source) -> None:
    rejections = [{"record": "2503.1", "reason": "It has no title."}]
    run = IngestRun.objects.create(source=source, name="arxiv", rejections=rejections)

    assert "2503.1: It has no title." in admin_client.get(url_of(run)).content.decode()


def test_host_locks_have_the_name_of_their_menu_item_on_their_page(admin_client: Client) -> None:
    text = admin_client.get(url_of_list(Turn)).content.decode()
    assert re.search(r"<title>\s*Select host lock to view", text)
