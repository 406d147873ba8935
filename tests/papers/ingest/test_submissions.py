"""Papers that somebody asks for by their arXiv id: fetched, answered, each for itself."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from papers.ingest import runs
from papers.ingest import service as ingest
from papers.ingest.upsert import Counts
from papers.models import Source, Submission
from tests.papers.ingest.test_runs import Status, source, visit
from tests.papers.source_server import Asked, Reply, SourceServer, recorded

pytestmark = pytest.mark.django_db


def test_a_submission_is_fetched_and_answered(server: SourceServer) -> None:
    found = ingest.submit("https://arxiv.org/abs/1605.08386v1, 2301.00001 nonsense")
    assert found.queued == ["1605.08386", "2301.00001"]
    assert [refused.record for refused in found.refused] == ["nonsense"]
    submissions = Source.objects.get(name="submissions")
    assert submissions.next_run_at <= now()
    submissions.address = server.answer("/api", Reply(recorded("arxiv-api/one-paper.xml")))
    submissions.save()
    visit(submissions, server)
    assert server.asked[0].query["id_list"] == "1605.08386,2301.00001"
    assert dict(Submission.objects.values_list("arxiv_id", "result")) == {
        "1605.08386": "Added: Heat-bath random walks with Markov bases",
        "2301.00001": "arXiv has no paper with this id.",
    }
    assert ingest.submit("1605.08386").known == ["1605.08386"]
    assert visit(submissions, server).status == Status.QUIET
    assert len(server.asked) == 1


def test_an_id_that_arxiv_refuses_costs_no_other_submission(server: SourceServer) -> None:
    def answer(asked: Asked) -> Reply:
        if "2503.0123" in asked.query["id_list"]:
            return Reply(recorded("arxiv-api/error-bad-id.xml"), status=400)
        return Reply(recorded("arxiv-api/one-paper.xml"))

    url = server.answer_by("/api", answer)
    submissions = source("arxiv-api", url)
    Source.objects.filter(pk=submissions.pk).update(name=runs.SUBMISSIONS)
    submissions.refresh_from_db()
    ingest.submit("2503.0123, 1605.08386")
    assert visit(submissions, server).counts == Counts(created=1, rejected=1)
    results = dict(Submission.objects.values_list("arxiv_id", "result"))
    assert results["2503.0123"] == "arXiv has no paper with this id."
    assert results["1605.08386"].startswith("Added: ")


def test_what_is_asked_for_during_a_visit_is_fetched_by_the_next_one_at_once(
    server: SourceServer,
) -> None:
    ingest.submit("1605.08386")
    submissions = Source.objects.get(name=runs.SUBMISSIONS)
    submissions.address = server.answer("/api", Reply(recorded("arxiv-api/one-paper.xml")))
    submissions.save()

    def ask_for_more() -> bool:
        ingest.submit("1706.03762")
        return False

    visit(submissions, server, until=ask_for_more)
    assert submissions.next_run_at <= now()
    visit(submissions, server)
    assert [asked.query["id_list"] for asked in server.asked] == ["1605.08386", "1706.03762"]
    assert submissions.next_run_at > now()
