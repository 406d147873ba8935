"""Visits to the sources: what is kept, what is said of it, and when the next one is due."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils.timezone import now
from pytest_django import Settings

from papers.ingest import runs
from papers.ingest import service as ingest
from papers.ingest.upsert import Counts
from papers.models import IngestRun, Paper, Signal, Source
from tests.papers.source_server import JSON, Asked, Reply, SourceServer, recorded

pytestmark = pytest.mark.django_db
Status = Source.Status

TUESDAY = datetime(2025, 8, 19, 14, tzinfo=UTC)
WEDNESDAY = datetime(2025, 8, 20, 14, tzinfo=UTC)
SATURDAY = datetime(2025, 8, 23, 14, tzinfo=UTC)
FEED = recorded("arxiv-rss/derived-cs.AI-rss2-short.xml")
EMPTY_FEED = recorded("arxiv-rss/derived-weekend-empty-rss2.xml")
SEARCH = recorded("arxiv-api/search-page-0-10.xml")


def source(kind: str, address: str, **values: object) -> Source:
    return Source.objects.create(name=kind, kind=kind, address=address, **values)


def visit(found: Source, server: SourceServer, **options: object) -> runs.VisitResult:
    outcome = runs.run(found, client=server.client(), **options)  # type: ignore[arg-type]
    found.refresh_from_db()
    return outcome


def oai(*ids: str, token: str = "", day: str = "2025-08-20", created: str = "2025-08-18") -> bytes:
    """A page of arXiv's archive."""
    records = "".join(
        f"<record><header><identifier>oai:arXiv.org:{own}</identifier><datestamp>{day}</datestamp>"
        f'</header><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{own}</id>'
        f"<created>{created}</created><title>Paper {own}</title><categories>cs.AI</categories>"
        "<abstract>Words.</abstract></arXiv></metadata></record>"
        for own in ids
    )
    return (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>'
        f"{records}<resumptionToken>{token}</resumptionToken></ListRecords></OAI-PMH>"
    ).encode()


def test_a_visit_keeps_papers_and_says_how_it_went(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED, headers={"ETag": '"1"'})))
    with time_machine.travel(WEDNESDAY):
        assert visit(feed, server).status == Status.OK
    assert Paper.objects.count() == feed.created_count == 7
    assert feed.last_result == "7 new, 0 updated, 0 unchanged papers."
    assert (feed.etag, feed.consecutive_failures) == ('"1"', 0)
    assert feed.last_success_at
    assert feed.next_run_at == feed.last_success_at + timedelta(minutes=60)
    run = IngestRun.objects.get()
    assert (run.source, run.status, run.created_count) == (feed, "ok", 7)
    assert run.finished_at


def test_nothing_is_read_twice_when_nothing_has_changed(server: SourceServer) -> None:
    url = server.answer("/rss", Reply(FEED, headers={"ETag": '"1"'}), Reply(status=304))
    feed = source("arxiv-rss", url)
    with time_machine.travel(WEDNESDAY):
        visit(feed, server)
        outcome = visit(feed, server)
    assert (outcome.status, outcome.counts) == (Status.QUIET, Counts())
    assert server.asked[1].headers["if-none-match"] == '"1"'


def test_an_empty_feed_is_a_quiet_day(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(EMPTY_FEED)))
    with time_machine.travel(SATURDAY):
        outcome = visit(feed, server)
    assert outcome.status == feed.last_status == Status.QUIET
    assert "quiet day" in feed.last_result


def test_yesterday_s_batch_on_a_weekday_is_suspect_and_repaired(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED)))
    archive = source("arxiv-oai", "cs.AI", next_run_at=WEDNESDAY + timedelta(days=1))
    with time_machine.travel(TUESDAY):
        visit(feed, server)
    with time_machine.travel(WEDNESDAY):
        outcome = visit(feed, server)
        assert outcome.status == feed.last_status == Status.SUSPECT
        assert "7 of the 7 papers were known before" in feed.last_result
        assert feed.next_run_at <= now() + timedelta(minutes=30)
        archive.refresh_from_db()
        assert archive.next_run_at <= now()


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (WEDNESDAY, WEDNESDAY + timedelta(hours=5)),
        (WEDNESDAY - timedelta(hours=13), WEDNESDAY),
        (WEDNESDAY, SATURDAY),
        (TUESDAY, WEDNESDAY - timedelta(hours=8)),
    ],
)
def test_the_same_batch_is_in_order_on_its_day_and_before_the_next(
    server: SourceServer, first: datetime, again: datetime
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED)))
    with time_machine.travel(first):
        visit(feed, server)
    with time_machine.travel(again):
        assert visit(feed, server).status == Status.OK


def test_a_missed_week_is_made_up_for(server: SourceServer) -> None:
    daily = recorded("hf-daily/2025-08-13.json.gz")
    papers = source("hf-daily", server.answer("/daily", Reply(daily, JSON)))
    with time_machine.travel(TUESDAY - timedelta(days=9)):
        visit(papers, server)
    server.asked.clear()
    with time_machine.travel(TUESDAY):
        outcome = visit(papers, server)
    assert [asked.query["date"] for asked in server.asked] == [
        f"2025-08-{day}" for day in range(11, 20)
    ]
    assert outcome.status == Status.OK
    assert papers.cursor["day"] == "2025-08-19"


def test_votes_become_a_time_series(server: SourceServer) -> None:
    def answer(asked: Asked) -> Reply:
        paper = {"id": "2508.00001", "title": "A", "summary": "B", "upvotes": len(server.asked)}
        return Reply(json.dumps([{"paper": paper}]).encode(), JSON)

    papers = source("hf-daily", server.answer_by("/daily", answer), cursor={"day": "2025-08-18"})
    for hour in range(3):
        with time_machine.travel(TUESDAY + timedelta(hours=hour)):
            visit(papers, server)
    values = list(Signal.objects.order_by("observed_at").values_list("value", flat=True))
    assert len(values) == 3
    assert values == sorted(set(values))
    assert Paper.objects.count() == 1


def test_a_day_whose_list_cannot_be_read_does_not_hold_up_the_others(server: SourceServer) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.query["date"] == "2025-08-12":
            return Reply(b'{"error": "No papers on holidays"}', JSON, 400)
        paper = {"id": f"2508.000{asked.query['date'][-2:]}", "title": "Paper of the day"}
        return Reply(json.dumps([{"paper": paper}]).encode(), JSON)

    url = server.answer_by("/daily", answer)
    papers = source("hf-daily", url, cursor={"day": "2025-08-10", "address": url})
    with time_machine.travel(TUESDAY):
        outcome = visit(papers, server)
    assert outcome.counts == Counts(created=8, rejected=1)
    assert "holidays" in IngestRun.objects.get().rejections[0]["reason"]


def test_when_no_list_can_be_read_no_day_is_passed_over(server: SourceServer) -> None:
    url = server.answer("/daily", Reply(b'{"papers": 3}', JSON))
    cursor = {"day": "2025-08-10", "address": url}
    papers = source("hf-daily", url, cursor=cursor)
    with time_machine.travel(TUESDAY):
        assert visit(papers, server).status == Status.FAILED
    assert papers.cursor == cursor


def test_a_day_that_has_no_list_yet_is_quiet(server: SourceServer) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.query["date"] == "2025-08-19":
            return Reply(b'{"error": "date is in the future"}', JSON, 400)
        return Reply(b"[]", JSON)

    papers = source("hf-daily", server.answer_by("/daily", answer))
    with time_machine.travel(TUESDAY):
        assert visit(papers, server).status == Status.QUIET
    assert papers.cursor["day"] == "2025-08-19"


def test_the_archive_is_read_by_its_tokens_from_where_the_last_visit_ended(
    server: SourceServer,
) -> None:
    url = server.answer(
        "/oai",
        Reply(oai("2508.00001", "2508.00002", token="2|x")),
        Reply(oai("2508.00003", day="2025-08-19")),
    )
    archive = source("arxiv-oai", url, cursor={"from": "2025-08-12"})
    with time_machine.travel(WEDNESDAY):
        assert visit(archive, server).counts == Counts(created=3)
    first, second = (asked.query for asked in server.asked)
    assert (first["from"], first["metadataPrefix"]) == ("2025-08-12", "arXiv")
    assert second == {"verb": "ListRecords", "resumptionToken": "2|x"}
    assert archive.cursor["from"] == "2025-08-20"


def test_a_visit_that_was_killed_goes_on_from_its_cursor(server: SourceServer) -> None:
    class Killed(BaseException):
        pass

    def killed(_: float) -> None:
        raise Killed

    url = server.answer(
        "/oai",
        Reply(oai("2508.00001", token="next")),
        Reply(status=503),
        Reply(oai("2508.00002")),
    )
    archive = source("arxiv-oai", url)
    with time_machine.travel(WEDNESDAY):
        with pytest.raises(Killed):
            runs.run(archive, client=server.client(sleep=killed))
        assert Paper.objects.count() == 1
        archive = Source.objects.get()
        assert visit(archive, server).counts == Counts(created=1)
    assert server.asked[-1].query["resumptionToken"] == "next"
    assert Paper.objects.count() == 2


def test_a_visit_that_is_asked_to_stop_ends_after_its_page_and_goes_on_at_once(
    server: SourceServer,
) -> None:
    url = server.answer("/oai", Reply(oai("2508.00001", token="next")), Reply(oai("2508.00002")))
    archive = source("arxiv-oai", url)
    with time_machine.travel(WEDNESDAY, tick=False):
        assert "the next visit goes on" in visit(archive, server, until=lambda: True).result
        assert archive.next_run_at == WEDNESDAY
        visit(archive, server)
    assert [asked.query.get("resumptionToken") for asked in server.asked] == [None, "next"]


def test_a_killed_backfill_goes_on_with_the_day_it_had_reached(server: SourceServer) -> None:
    class Killed(BaseException):
        pass

    def killed(_: float) -> None:
        raise Killed

    replies = [Reply(b"[]", JSON), Reply(b"[]", JSON), Reply(status=503), Reply(b"[]", JSON)]
    papers = source("hf-daily", server.answer("/daily", *replies), cursor={"day": "2025-08-09"})
    with time_machine.travel(TUESDAY):
        with pytest.raises(Killed):
            runs.run(papers, client=server.client(sleep=killed))
        papers.refresh_from_db()
        visit(papers, server)
    days = [asked.query["date"][-2:] for asked in server.asked]
    assert days == ["10", "11", "12", *(str(day) for day in range(12, 20))]


def test_a_token_that_expired_begins_anew(server: SourceServer) -> None:
    error = (
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        b'<error code="badResumptionToken">expired</error></OAI-PMH>'
    )
    url = server.answer("/oai", Reply(error), Reply(oai("2508.00001")))
    cursor = {"from": "2025-08-12", "token": "old", "address": url}
    archive = source("arxiv-oai", url, cursor=cursor)
    with time_machine.travel(WEDNESDAY):
        assert visit(archive, server).counts == Counts(created=1)
    assert server.asked[1].query["from"] == "2025-08-12"


def test_the_archive_updates_old_papers_and_adds_none(server: SourceServer) -> None:
    url = server.answer("/oai", Reply(oai("1908.00001", created="2019-08-01")))
    archive = source("arxiv-oai", url)
    with time_machine.travel(WEDNESDAY):
        visit(archive, server)
    assert not Paper.objects.exists()


def test_a_query_is_read_down_to_where_the_last_visit_began(server: SourceServer) -> None:
    pages = [recorded(f"arxiv-api/search-page-{start}-10.xml") for start in (0, 10, 20)]
    url = server.answer("/api", *map(Reply, pages))
    cursor = {"since": "2025-07-02T15:14:48+00:00"}
    query = source("arxiv-api", url + "?search_query=all:testing", cursor=cursor)
    with time_machine.travel(WEDNESDAY):
        visit(query, server)
    assert server.asked[0].query["search_query"] == "all:testing"
    assert len(server.asked) == 1
    assert Paper.objects.count() == 10


def test_an_empty_page_in_the_middle_is_asked_for_again(server: SourceServer) -> None:
    empty = recorded("arxiv-api/zero-results.xml").replace(
        b"<opensearch:totalResults>0", b"<opensearch:totalResults>10"
    )
    url = server.answer("/api", Reply(empty), Reply(SEARCH), Reply(empty))
    query = source("arxiv-api", url)
    with time_machine.travel(WEDNESDAY):
        assert visit(query, server).status == Status.OK
    assert Paper.objects.count() == 10


def test_a_total_that_is_never_reached_hides_no_new_paper(server: SourceServer) -> None:
    def answer(asked: Asked) -> Reply:
        body = SEARCH if asked.query["start"] == "0" else recorded("arxiv-api/zero-results.xml")
        total = re.compile(rb"(totalResults[^>]*>)\d+")
        return Reply(total.sub(rb"\g<1>5000", body))

    url = server.answer_by("/api", answer)
    query = source("arxiv-api", url, cursor={"since": "2000-01-01T00:00:00Z", "address": url})
    with time_machine.travel(WEDNESDAY):
        assert "empty page at 10 of 5000" in visit(query, server).result
        Paper.objects.all().delete()
        assert visit(query, server).counts.created == 10


def test_a_truncated_answer_keeps_what_is_whole_and_comes_again_soon(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED, stop_after=6000)))
    with time_machine.travel(WEDNESDAY):
        outcome = visit(feed, server)
        assert feed.next_run_at < now() + timedelta(minutes=31)
    assert outcome.status == Status.SUSPECT
    assert 0 < outcome.counts.created < 7
    assert "etag" not in feed.cursor
    assert IngestRun.objects.get().rejections[-1]["reason"] == "It was cut off."


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=503), "answered 503"),
        (Reply(b"<html>Log in</html>", "text/html"), "text/html; xml was expected"),
        (Reply(b"<html>Log in</html>", "text/plain"), "web page"),
        (Reply(b"<channels><thing/></channels>"), "a feed of arXiv"),
        (Reply(b""), "empty"),
    ],
)
def test_a_failure_is_said_in_words_and_tried_again(
    server: SourceServer, reply: Reply, words: str
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", reply))
    with time_machine.travel(WEDNESDAY):
        outcome = visit(feed, server)
        assert feed.next_run_at <= now() + timedelta(minutes=5)
    assert outcome.status == feed.last_status == Status.FAILED
    assert words in feed.last_result
    assert feed.consecutive_failures == 1


def test_failures_in_a_row_wait_longer_and_longer(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(status=404)), consecutive_failures=20)
    visit(feed, server)
    assert now() + timedelta(hours=2) < feed.next_run_at <= now() + timedelta(hours=6)


def test_the_source_s_own_wait_is_the_next_due_date(server: SourceServer) -> None:
    reply = Reply(status=429, headers={"Retry-After": "3600"})
    feed = source("arxiv-rss", server.answer("/rss", reply))
    visit(feed, server)
    assert feed.next_run_at > now() + timedelta(minutes=55)


def test_one_broken_record_in_a_thousand_is_left_out_with_its_reason(server: SourceServer) -> None:
    papers = [{"id": f"2508.{number:05}", "title": f"Paper {number}"} for number in range(1, 1000)]
    broken = {"id": "2508.00000", "title": " "}
    body = json.dumps([{"paper": paper} for paper in [broken, *papers]]).encode()
    daily = source("hf-daily", server.answer("/daily", Reply(body, JSON)))
    daily.cursor = {"next": "2025-08-20", "of": "2025-08-20"}
    with time_machine.travel(WEDNESDAY):
        outcome = visit(daily, server)
    assert outcome.status == Status.OK
    assert outcome.counts.created == 999
    assert IngestRun.objects.get().rejections[0] == {
        "record": "2508.00000",
        "reason": "The record has no title.",
    }


def test_one_source_never_stops_the_next(server: SourceServer) -> None:
    wrong = source("nonsense", "x")
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED)))
    broken = source("arxiv-api", server.answer("/api", Reply(SEARCH)), cursor={"start": "x"})
    with time_machine.travel(WEDNESDAY):
        outcomes = [visit(found, server).status for found in (wrong, broken, feed)]
    assert outcomes == [Status.FAILED, Status.FAILED, Status.OK]
    assert "Something unforeseen" in broken.last_result
    assert "kind 'nonsense' is unknown" in wrong.last_result


def test_a_dry_run_writes_nothing(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED)))
    with time_machine.travel(WEDNESDAY):
        assert visit(feed, server, dry_run=True).counts == Counts(created=7)
    assert not Paper.objects.exists()
    assert not IngestRun.objects.exists()
    assert (feed.last_status, feed.cursor) == (Status.NEVER, {})


def test_a_due_source_is_claimed_once() -> None:
    due = source("arxiv-rss", "cs.AI")
    source("hf-daily", "", next_run_at=now() + timedelta(hours=1))
    source("arxiv-oai", "cs.AI", enabled=False)
    assert runs.claim_due() == [due.pk]
    assert runs.claim_due() == []


def test_a_changed_address_begins_anew(server: SourceServer) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED, headers={"ETag": '"1"'})))
    with time_machine.travel(WEDNESDAY):
        visit(feed, server)
        feed.address = server.answer("/other", Reply(FEED))
        feed.save()
        visit(feed, server)
    assert "if-none-match" not in server.asked[1].headers


def test_citations_are_asked_for_what_is_recent(server: SourceServer, settings: Settings) -> None:
    settings.SEMANTIC_SCHOLAR_API_KEY = "key"
    moment = now()
    for number, age in enumerate((1, 400)):
        Paper.objects.create(
            canonical_id=f"2508.0000{number}", title="A", announced_at=moment - timedelta(days=age)
        )
    answer = [{"title": "A", "externalIds": {"ArXiv": "2508.00000"}, "citationCount": 4}]
    scholar = source(
        "semantic-scholar", server.answer("/batch", Reply(json.dumps(answer).encode(), JSON))
    )
    assert visit(scholar, server).status == Status.OK
    asked = server.asked[0]
    assert json.loads(asked.body) == {"ids": ["ARXIV:2508.00000"]}
    assert asked.headers["x-api-key"] == "key"
    assert Signal.objects.get().value == 4
    assert visit(scholar, server).result == "Nothing to ask for."


def openalex_work(number: int, **values: object) -> dict[str, object]:
    doi = f"https://doi.org/10.48550/arxiv.2508.0000{number}"
    return {"doi": doi, "title": None, "cited_by_count": number, **values}


def openalex_source(server: SourceServer, *replies: Reply) -> Source:
    for number in range(3):
        Paper.objects.create(
            canonical_id=f"2508.0000{number}", title=f"Paper {number}", announced_at=now()
        )
    return source("openalex", server.answer("/works", *replies))


def test_a_preprint_that_openalex_merged_is_asked_for_singly(
    server: SourceServer, settings: Settings
) -> None:
    settings.OPENALEX_API_KEY = "key"
    listed = {"results": [openalex_work(0), openalex_work(2)]}
    works = openalex_source(server, Reply(json.dumps(listed).encode(), JSON))
    merged = openalex_work(5, doi="https://doi.org/10.1000/published")
    single = "/works/doi:10.48550/arxiv.2508.00001"
    server.answer(single, Reply(json.dumps(merged).encode(), JSON))
    assert visit(works, server).status == Status.OK
    assert {asked.path for asked in server.asked} == {"/works", single}
    assert {asked.query["api_key"] for asked in server.asked} == {"key"}
    found = dict(Signal.objects.values_list("paper__canonical_id", "value"))
    assert found == {"2508.00000": 0.0, "2508.00001": 5.0, "2508.00002": 2.0}
    assert Paper.objects.get(canonical_id="2508.00001").title == "Paper 1"


def test_a_paper_that_openalex_does_not_know_is_no_failure(server: SourceServer) -> None:
    works = openalex_source(server, Reply(b'{"results": []}', JSON))
    assert visit(works, server).status == Status.QUIET
    assert len(server.asked) == 4


def test_papers_that_openalex_does_not_know_yet_do_not_keep_it_from_older_ones(
    server: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papers.ingest.runs.IDS_ENRICHED_AT_ONCE", 2)
    monkeypatch.setattr("papers.sources.openalex.SINGLES_PER_VISIT", 0)
    works = openalex_source(server, Reply(b'{"results": []}', JSON))
    for _ in range(3):
        visit(works, server)
    lists = [asked.query["filter"].count("|") + 1 for asked in server.asked]
    assert lists == [2, 1, 2]
    assert "2508.00000" in server.asked[1].query["filter"]


def test_what_openalex_listed_is_kept_when_a_single_request_fails(server: SourceServer) -> None:
    listed = {"results": [openalex_work(0), openalex_work(2)]}
    works = openalex_source(server, Reply(json.dumps(listed).encode(), JSON))
    server.answer("/works/doi:10.48550/arxiv.2508.00001", Reply(status=403))
    assert visit(works, server).status == Status.FAILED
    assert Signal.objects.count() == 2


def test_a_day_s_budget_that_is_used_up_already_is_waited_for(server: SourceServer) -> None:
    spent = Reply(b"{}", JSON, 429, headers={"X-RateLimit-Reset": "7200"})
    works = openalex_source(server, spent)
    with time_machine.travel(WEDNESDAY, tick=False):
        assert visit(works, server).retry_at == WEDNESDAY + timedelta(hours=2)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("headers", "resumes"),
    [
        ({"X-RateLimit-Remaining-USD": "0", "X-RateLimit-Reset": "7200"}, True),
        ({"X-RateLimit-Remaining-USD": "-0.1"}, True),
        ({"X-RateLimit-Remaining-USD": "unlimited", "X-RateLimit-Remaining": "0"}, True),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000000"}, True),
        ({"X-RateLimit-Remaining": "nan"}, False),
        ({"X-RateLimit-Remaining-USD": "0.00005", "X-RateLimit-Cost-USD": "0.0001"}, True),
        ({"X-RateLimit-Remaining": "5", "X-RateLimit-Credits-Used": "10"}, True),
        ({"X-RateLimit-Remaining-USD": "0.9", "X-RateLimit-Cost-USD": "0.0001"}, False),
        ({}, False),
    ],
)
def test_the_budget_of_openalex_is_kept(
    server: SourceServer,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    resumes: bool,
) -> None:
    monkeypatch.setattr("papers.sources.openalex.IDS_PER_REQUEST", 2)
    listed = {"results": [openalex_work(number) for number in range(3)]}
    works = openalex_source(server, Reply(json.dumps(listed).encode(), JSON, headers=headers))
    with time_machine.travel(WEDNESDAY, tick=False):
        outcome = visit(works, server)
    assert [asked.path for asked in server.asked] == ["/works"] * (1 if resumes else 2)
    wait = int(headers.get("X-RateLimit-Reset", 3600))
    wait = wait if wait <= 86_400 else 3600
    assert outcome.retry_at == (WEDNESDAY + timedelta(seconds=wait) if resumes else None)
    assert ("the source has more" in outcome.result) is resumes


def test_a_fresh_start_has_its_sources_and_keeps_what_the_operator_changed() -> None:
    ingest.ensure_sources()
    Source.objects.filter(name="hf-daily").update(enabled=False, interval_minutes=5)
    ingest.ensure_sources()
    assert Source.objects.get(name="hf-daily").interval_minutes == 5
    enabled = set(Source.objects.filter(enabled=True).values_list("name", flat=True))
    assert enabled == {"arxiv-rss", "arxiv-oai", "submissions"}
