"""The statements of a round: how many there are, and what they change."""

from __future__ import annotations

import re

import pytest
from anymail.message import AnymailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from newsletter.delivery import rendering
from newsletter.delivery.outbox import Attempt, State
from newsletter.delivery.rounds import commit
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.models import Digest
from tests.factories import a_digest

pytestmark = pytest.mark.django_db
STREAM = rendering.DIGESTS
SENT = SendResult(SendStatus.SENT)


def attempt(state: str) -> Attempt[Digest]:
    return Attempt(a_digest(state=state, lease="mine", attempts=1), AnymailMessage())


def changes(size: int) -> list[str]:
    """The statements that change digests in a round of ``size`` results and intents."""
    answered = [attempt(State.SENDING) for _ in range(size)]
    going = [attempt(State.CLAIMED) for _ in range(size)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        done = commit(STREAM, [(each, SENT) for each in answered], going)
    assert done.counts == {State.SENT: size}
    assert done.started == going
    rows = Digest.objects.filter(pk__in=[each.row.pk for each in going])
    assert set(rows.values_list("state", "attempts")) == {(State.SENDING, 2)}
    return [query["sql"] for query in queries if f"UPDATE {STREAM.table}" in query["sql"]]


def test_results_and_intents_are_one_statement_where_the_database_can() -> None:
    assert len(changes(2)) == (1 if connection.vendor == "postgresql" else 2)


def test_a_round_without_results_changes_nothing_else() -> None:
    other = attempt(State.SENDING)
    [going] = [attempt(State.CLAIMED)]
    assert commit(STREAM, [], [going]).started == [going]
    other.row.refresh_from_db()
    assert other.row.state == State.SENDING


def test_rounds_of_any_size_have_one_text_on_postgresql() -> None:
    def text(sql: str) -> str:
        return re.sub(r"'[^']*'|\d+|\s|,", "", sql)

    small, large = text(changes(1)[0]), text(changes(3)[0])
    assert (small == large) == (connection.vendor == "postgresql")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")
def test_subscribers_are_looked_up_row_by_row_in_tables_without_statistics() -> None:
    [statement] = changes(3)
    values = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", statement))))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE of_a_round AS {statement}")
        cursor.execute(f"EXPLAIN EXECUTE of_a_round ({values})")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("DEALLOCATE of_a_round")
    assert "SubPlan" in plan
    assert "Index Scan using newsletter_subscriber_pkey" in plan
