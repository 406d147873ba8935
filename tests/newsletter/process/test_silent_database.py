"""The site while its PostgreSQL server accepts connections and says nothing."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.proxy import Proxy
from tests.service import Service

pytestmark = pytest.mark.postgres


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    database = settings.DATABASES["default"]
    proxy = Proxy(database["HOST"], int(database["PORT"] or 5432))
    yield proxy
    proxy.server.close()


@pytest.fixture
def service(proxy: Proxy, tmp_path: Path) -> Iterator[Service]:
    database = settings.DATABASES["default"]
    name = f"silent_{proxy.port}"
    access = {"host": database["HOST"], "port": database["PORT"] or 5432}
    access |= {"user": database["USER"], "password": database["PASSWORD"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **access) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        credentials = f"{database['USER']}:{database['PASSWORD']}".rstrip(":")
        url = f"postgres://{credentials}@127.0.0.1:{proxy.port}/{name}"
        try:
            with Service(tmp_path / "var", DATABASE_URL=url) as running:
                running.wait_for("/readyz")
                yield running
                proxy.thaw()
        finally:
            proxy.thaw()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def answer(url: str) -> tuple[int, str | None, float]:
    """The status, Retry-After and how long it took."""
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=30) as page:
            return page.status, page.headers["Retry-After"], time.monotonic() - begun
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"], time.monotonic() - begun


def test_pages_answer_503_and_the_health_page_answers_at_once(
    service: Service, proxy: Proxy
) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(answer, [f"{service.url}/"] * 20))
        proxy.frozen.set()
        pages = [pool.submit(answer, f"{service.url}/archive/") for _ in range(8)]
        time.sleep(1)
        status, _, seconds = answer(f"{service.url}/healthz")
        assert (status, seconds < 1) == (200, True)
        for page in pages:
            status, retry, seconds = page.result()
            assert (status, retry) == (503, "30")
            assert seconds < 10
        status, _, seconds = answer(f"{service.url}/readyz")
        assert (status, seconds < 10) == (503, True)
