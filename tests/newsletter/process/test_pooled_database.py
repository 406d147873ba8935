"""A morning through PgBouncer in transaction mode, whose server connections take turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.pooler import PROGRAM, running_pooler
from tests.service import environment, manage
from tests.sink import free_port

pytestmark = pytest.mark.postgres
READERS = 120
FILL = f"""
from datetime import timedelta
from django.utils.timezone import now
from newsletter.models import Subscriber
Subscriber.objects.bulk_create(
    Subscriber(
        email=f"r{{i}}@example.org", email_key=f"r{{i}}@example.org", status="active",
        confirmed_at=now(), next_digest_at=now() - timedelta(minutes=1),
    )
    for i in range({READERS})
)
"""


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that leads to a new database by way of PgBouncer."""
    if not PROGRAM:
        pytest.skip("pgbouncer is not installed")
    database = settings.DATABASES["default"]
    host, user, password = database["HOST"], database["USER"], database["PASSWORD"]
    port, name = int(database["PORT"] or 5432), f"pooled_{free_port()}"
    access = {"host": host, "user": user, "port": port, "password": password}
    with psycopg.connect(dbname="postgres", autocommit=True, **access) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            with running_pooler(name, host, port, user, password) as pooler:
                url = f"postgres://{user}@127.0.0.1:{pooler.port}/{name}"
                yield environment(tmp_path / "var", DATABASE_URL=url, DATABASE_POOLED="true")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_everybody_gets_a_digest_through_a_pool_of_transactions(pooled: dict[str, str]) -> None:
    assert manage("run", "--prepare-only", env=pooled).returncode == 0
    filled = manage("shell", "-v", "0", "-c", FILL, env=pooled)
    assert filled.returncode == 0, filled.stderr
    sent = manage("send_digests", env=pooled)
    assert sent.stdout.splitlines()[-1].startswith(f"due={READERS} sent={READERS} failed=0")
    exported = manage("export_subscribers", env=pooled)
    assert exported.stdout.count("@example.org") == READERS
