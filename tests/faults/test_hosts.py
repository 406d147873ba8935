"""Two hosts share one PostgreSQL, and one of them, or the network between, is lost.

The second worker is the other host: it is stopped, or reaches the database by a proxy that drops,
delays and cuts. Mail flows again within a minute, and nobody gets two copies.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.faults.namespace import a_namespace
from tests.faults.postgres import Cluster
from tests.faults.world import WORKER, World, a_world, kill
from tests.proxy import Proxy

DIGESTS: Final = 300
SECONDS: Final = 60
ANSWER_SECONDS: Final = 0.1
# Long enough for a transaction of two statements to be caught open.
STATEMENT_SECONDS: Final = 0.02


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    proxy = Proxy("127.0.0.1", cluster.port)
    yield proxy
    proxy.thaw()
    proxy.server.close()


@contextmanager
def far_worker(world: World, proxy: Proxy, cluster: Cluster) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose way to the database is the proxy."""
    url = world.database_url.replace(f":{cluster.port}/", f":{proxy.port}/")
    worker = world.start(*WORKER, DATABASE_URL=url)
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGCONT)
        kill(worker)


def in_transaction(world: World, proxy: Proxy) -> list[int]:
    """The backends of the far worker that hold rows in a transaction and wait for it."""
    ports = ", ".join(map(str, proxy.ports)) or "0"
    rows = world.sql(
        "SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) "
        f"WHERE client_port IN ({ports}) AND state = 'idle in transaction' "
        "AND mode = 'RowExclusiveLock' AND relation = 'newsletter_digest'::regclass"
    )
    return [pid for (pid,) in rows]


def lose_inside_a_transaction(
    world: World, proxy: Proxy, lose: Callable[[], None], find: Callable[[], None]
) -> None:
    """Lose the far worker at an instant at which a transaction of it is open."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        lose()
        time.sleep(0.2)  # What was under way has arrived.
        if in_transaction(world, proxy):
            return
        find()
        time.sleep(0.02)
    raise AssertionError(f"no transaction was ever caught\n{world.log}")


@pytest.mark.parametrize("how", ["frozen", "cut off"])
def test_a_host_lost_inside_a_transaction_stops_nobody_else(
    tmp_path: Path,
    cluster: Cluster,
    postgres_url: str,
    proxy: Proxy,
    how: str,
    figures: Callable[..., None],
) -> None:
    with (
        a_world(tmp_path / "var", postgres_url, DIGESTS) as world,
        far_worker(world, proxy, cluster) as far,
    ):
        world.server.delay = ANSWER_SECONDS
        proxy.delay = STATEMENT_SECONDS
        world.wait_until_at_work()
        world.make_due()
        assert world.server.wait_for(10, SECONDS), world.log
        if how == "frozen":
            lose_inside_a_transaction(
                world,
                proxy,
                lambda: far.send_signal(signal.SIGSTOP),
                lambda: far.send_signal(signal.SIGCONT),
            )
        else:
            lose_inside_a_transaction(world, proxy, proxy.frozen.set, proxy.frozen.clear)
        before = len(world.server.taken)
        near = world.worker()
        try:
            began = time.monotonic()
            assert world.server.wait_for(before + 20, SECONDS), world.log
            flowing = time.monotonic() - began
            took = world.wait_until_settled(DIGESTS, SECONDS * 2)
            proxy.thaw()
            far.send_signal(signal.SIGCONT)
            time.sleep(5)
            assert near.poll() is None, world.log
        finally:
            kill(near)
        measured = world.assert_nobody_was_wronged(DIGESTS)
        figures(flowing_s=round(flowing, 1), settled_s=round(took, 1), **measured)


@pytest.mark.parametrize("accident", ["cut", "half_close"])
def test_a_network_that_delays_and_cuts_costs_no_message(
    tmp_path: Path,
    cluster: Cluster,
    postgres_url: str,
    proxy: Proxy,
    accident: str,
    figures: Callable[..., None],
) -> None:
    with (
        a_world(tmp_path / "var", postgres_url, DIGESTS) as world,
        far_worker(world, proxy, cluster) as far,
    ):
        proxy.delay = 0.01
        world.server.delay = ANSWER_SECONDS
        near = world.worker()
        try:
            world.wait_until_at_work()
            world.make_due()
            for share in range(1, 5):
                world.server.wait_for(DIGESTS * share // 6, SECONDS)
                getattr(proxy, accident)()
            took = world.wait_until_settled(DIGESTS, SECONDS, killed=False)
            assert (far.poll(), near.poll()) == (None, None), world.log
        finally:
            kill(near)
        measured = world.assert_nobody_was_wronged(DIGESTS)
        figures(cuts=4, settled_s=round(took, 1), **measured)


def test_a_worker_is_back_within_a_minute_after_a_failover_in_the_dark(
    tmp_path: Path, cluster: Cluster, postgres_url: str, figures: Callable[..., None]
) -> None:
    """The database host is lost without a word, and another one answers at its address."""
    with (
        a_namespace() as host,
        a_world(tmp_path / "var", postgres_url, DIGESTS) as world,
    ):
        if host is None:
            pytest.skip("needs root and network namespaces")
        database = Proxy("127.0.0.1", cluster.port, listen=host.address)
        mail = Proxy("127.0.0.1", world.server.port, listen=host.address)
        name = postgres_url.rpartition("/")[2]
        worker = world.start(
            *WORKER,
            by=host.command,
            DATABASE_URL=f"postgres://postgres@{host.address}:{database.port}/{name}",
            EMAIL_URL=f"smtp://{host.address}:{mail.port}?timeout=5",
        )
        try:
            world.server.delay = ANSWER_SECONDS
            world.wait_until_at_work()
            world.make_due()
            assert world.server.wait_for(20, SECONDS), world.log
            host.pull()
            cluster.stop("immediate")
            database.cut()
            time.sleep(3)
            cluster.start()
            host.plug()
            before, began = len(world.server.taken), time.monotonic()
            assert world.server.wait_for(before + 20, SECONDS), world.log
            flowing = time.monotonic() - began
            took = world.wait_until_settled(DIGESTS, SECONDS * 2)
            assert worker.poll() is None, world.log
        finally:
            kill(worker)
            for proxy in (database, mail):
                proxy.thaw()
                proxy.server.close()
        measured = world.assert_nobody_was_wronged(DIGESTS)
        figures(flowing_s=round(flowing, 1), settled_s=round(took, 1), **measured)


def test_a_host_whose_clock_is_ahead_leaves_the_mail_to_the_other(
    tmp_path: Path, postgres_url: str, figures: Callable[..., None]
) -> None:
    """Its log says so; the other host sends, once it is there."""
    ahead = tmp_path / "days_away"
    ahead.write_text("1")
    people = 40
    with a_world(tmp_path / "var", postgres_url, people) as world:
        wrong = world.start("-m", "tests.faults.clock", str(ahead), *WORKER)
        try:
            world.make_due()
            deadline = time.monotonic() + SECONDS
            while "sends nothing until that is set right" not in world.log:
                assert time.monotonic() < deadline, world.log
                time.sleep(0.2)
            time.sleep(5)
            assert (world.server.taken, world.states()) == ([], {})
            right = world.worker()
            try:
                took = world.wait_until_settled(people, SECONDS)
            finally:
                kill(right)
            assert wrong.poll() is None, world.log
        finally:
            kill(wrong)
        measured = world.assert_nobody_was_wronged(people)
        assert measured["sent"] == people
        figures(settled_s=round(took, 1), **measured)
