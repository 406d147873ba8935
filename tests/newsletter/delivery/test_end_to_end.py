"""The production world for real: PostgreSQL, Celery on Redis, an SMTP server, every process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.service import Service, manage
from tests.sink import Sink, running_sink

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
SUBSCRIBERS = """\
email,confirmed_at,consent_source,frequency,hour,timezone,topics
ada@example.org,2025-03-01T09:00:00Z,conference list,daily,8,Europe/Berlin,cs.CL
grace@example.org,,,daily,8,UTC,
"""


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    server = settings.DATABASES["default"]
    login = f"{server['USER']}:{server['PASSWORD']}".rstrip(":")
    address = f"postgres://{login}@{server['HOST']}:{server['PORT'] or 5432}"
    name = f"paperboy_end_to_end_{time.time_ns()}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{address}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


def test_an_imported_subscriber_gets_one_digest_over_smtp(
    tmp_path: Path, database: str, sink: Sink
) -> None:
    server, _, number = settings.REDIS_URL.rpartition("/")
    broker = f"{server}/{(int(number) + 1) % 16}"
    listing = tmp_path / "subscribers.csv"
    listing.write_text(SUBSCRIBERS)
    with Service(
        tmp_path / "var",
        DATABASE_URL=database,
        REDIS_URL=broker,
        EMAIL_URL=f"smtp://127.0.0.1:{sink.port}",
    ) as service:
        service.wait_for("/readyz")
        imported = manage("import_subscribers", str(listing), env=service.env)
        assert imported.stdout.splitlines()[-1] == (
            "created=2 updated=0 unchanged=0 suppressed=0 refused=0"
        )
        make_due(database)
        deadline = time.monotonic() + 90
        while not sink.accepted and time.monotonic() < deadline:
            time.sleep(0.2)
        await_state(database, "sent", deadline)
        again = manage("send_digests", env=service.env)
        assert "sent=0" in again.stdout
        assert service.stop() == 0
    assert sink.recipients == ["ada@example.org"]
    (message,) = sink.messages
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].startswith(f"<{service.url}/unsubscribe/")
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}
    assert "Traceback" not in service.output


def make_due(database: str) -> None:
    """The hour that Ada chose has come."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE newsletter_subscriber SET next_digest_at = now() WHERE status = 'active'"
        )


def await_state(database: str, state: str, deadline: float) -> None:
    """Until the one digest has reached a state."""
    states: list[tuple[str]] = []
    with psycopg.connect(database, autocommit=True) as connection:
        while states != [(state,)]:
            assert time.monotonic() < deadline, f"digests are {states}"
            states = connection.execute("SELECT state FROM newsletter_digest").fetchall()
            time.sleep(0.1)
