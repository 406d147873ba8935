"""The one way to the network: polite, bounded, and nowhere else than to public addresses."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Thread

import pytest
import time_machine
from django.conf import settings
from django.db import connections
from django.utils.timezone import now
from pytest_django import Settings

from papers.http import host_lock
from papers.http.client import ATTEMPTS, Client, retry_after
from papers.http.decompression import SIZE
from papers.http.public_network import is_public
from papers.models import Turn
from papers.sources.protocol import FetchError
from tests.papers.source_server import JSON, Reply, SourceServer

FEED = b"<feed>" + b"x" * 2000 + b"</feed>"


def test_an_answer_comes_with_what_the_next_visit_needs(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(FEED, headers={"ETag": '"1"', "Last-Modified": "today"}))
    with server.client() as client:
        answer = client.ask(url, accept="xml")
    assert (answer.body, answer.etag, answer.last_modified) == (FEED, '"1"', "today")
    agent = server.asked[0].headers["user-agent"]
    assert agent.startswith("Paperboy/")
    assert settings.SITE_URL in agent
    assert f"mailto:{settings.CONTACT_EMAIL}" in agent


def test_an_answer_is_asked_for_only_when_it_has_changed(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(status=304))
    with server.client() as client:
        assert client.ask(url, accept="xml", etag='"1"', last_modified="today").unchanged
    headers = server.asked[0].headers
    assert (headers["if-none-match"], headers["if-modified-since"]) == ('"1"', "today")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
def test_compressed_answers_are_read(server: SourceServer, coding: str) -> None:
    packed = gzip.compress(FEED) if coding == "gzip" else zlib.compress(FEED)
    packed = packed[2:-4] if coding == "raw deflate" else packed
    headers = {"Content-Encoding": coding.rpartition(" ")[2]}
    url = server.answer("/feed", Reply(packed, headers=headers))
    with server.client() as client:
        assert client.ask(url, accept="xml").body == FEED


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_temporary_failure_is_waited_out(server: SourceServer, status: int) -> None:
    url = server.answer("/feed", Reply(status=status), Reply(status=status), Reply(FEED))
    client = server.client()
    with client:
        assert client.ask(url, accept="xml").body == FEED
    assert len(server.asked) == 3


def test_attempts_come_to_an_end_and_grow_apart(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(status=503))
    naps: list[float] = []
    with (
        server.client(sleep=naps.append) as client,
        pytest.raises(FetchError, match="answered 503"),
    ):
        client.ask(url, accept="xml")
    assert len(server.asked) == ATTEMPTS
    assert len(naps) == ATTEMPTS - 1
    assert all(0 <= nap <= 4 * 2**number for number, nap in enumerate(naps))


def test_the_wait_that_is_asked_for_is_kept(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(status=429, headers={"Retry-After": "30"}), Reply(FEED))
    naps: list[float] = []
    with server.client(sleep=naps.append) as client:
        client.ask(url, accept="xml")
    assert naps[0] >= 30


def test_a_long_wait_is_left_to_the_schedule(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(status=503, headers={"Retry-After": "7200"}))
    with server.client() as client, pytest.raises(FetchError) as failure:
        client.ask(url, accept="xml")
    assert len(server.asked) == 1
    assert failure.value.retry_at
    assert failure.value.retry_at > now() + timedelta(hours=1, minutes=55)


def test_a_wait_may_be_a_date_and_is_never_longer_than_a_day() -> None:
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        assert retry_after("Mon, 23 Nov 2026 12:01:00 GMT") == 60
        assert retry_after("Mon, 23 Nov 2020 12:01:00 GMT") == 0
    assert retry_after("99999999") == 86400
    assert retry_after("soon") == retry_after("") == 0


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_permanent_failure_is_not_repeated(server: SourceServer, status: int) -> None:
    url = server.answer("/feed", Reply(status=status))
    with server.client() as client, pytest.raises(FetchError, match=str(status)):
        client.ask(url, accept="xml")
    assert len(server.asked) == 1


def test_the_wrong_kind_of_content_is_refused(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(b"<p>Log in to the hotel</p>", "text/html"))
    with server.client() as client, pytest.raises(FetchError, match="text/html; xml was expected"):
        client.ask(url, accept="xml")


def test_an_answer_that_was_cut_off_is_asked_for_again(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(FEED, stop_after=100), Reply(FEED))
    with server.client() as client:
        assert client.ask(url, accept="xml").body == FEED


@pytest.mark.parametrize("packed", [False, True])
def test_what_came_before_every_cut_is_kept(server: SourceServer, *, packed: bool) -> None:
    noise = bytes(range(256)) * 40
    body = gzip.compress(noise, 0) if packed else noise
    headers = {"Content-Encoding": "gzip"} if packed else {}
    url = server.answer("/feed", Reply(body, headers=headers, stop_after=5000))
    with server.client() as client:
        answer = client.ask(url, accept="xml")
    assert answer.cut_off
    assert noise.startswith(answer.body)
    assert len(answer.body) > 1000


def test_a_drip_is_cut_off_at_the_deadline(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(FEED, drip=0.02))
    began = time.monotonic()
    with server.client(deadline=0.25) as client:
        assert client.ask(url, accept="xml").cut_off
    assert time.monotonic() - began < ATTEMPTS * 0.25 + 1


def test_a_bomb_is_refused_before_it_unfolds(server: SourceServer) -> None:
    bomb = gzip.compress(bytes(1024 * 1024 * 1024 // 4), 9)
    url = server.answer("/feed", Reply(bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    with server.client() as client, pytest.raises(FetchError, match="more than 10 MB"):
        client.ask(url, accept="xml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 1024 * 1024
    assert len(server.asked) == 1


def test_a_large_answer_is_refused_by_its_size(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(bytes(SIZE + 1)))
    with server.client() as client, pytest.raises(FetchError, match="more than 10 MB"):
        client.ask(url, accept="xml")


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip"])
def test_damaged_or_unknown_compression_is_no_answer(server: SourceServer, coding: str) -> None:
    url = server.answer("/feed", Reply(b"not gzip", headers={"Content-Encoding": coding}))
    with server.client() as client, pytest.raises(FetchError, match="damaged answer"):
        client.ask(url, accept="xml")


def test_redirects_are_followed_three_times(server: SourceServer) -> None:
    for number in range(4):
        server.answer(f"/{number}", Reply(status=302, headers={"Location": f"/{number + 1}"}))
    server.answer("/4", Reply(FEED))
    with server.client() as client:
        assert client.ask(server.url("/1"), accept="xml").body == FEED
        with pytest.raises(FetchError, match="more than 3 times"):
            client.ask(server.url("/0"), accept="xml")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://example.org/feed", "https only"),
        ("https://127.0.0.1/feed", "not a public address"),
        ("https://localhost/feed", "not a public address"),
        ("https://[::ffff:10.0.0.1]/feed", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://example.org:6379/", "port 6379"),
        ("file:///etc/passwd", "https only"),
        ("https://user:secret@example.org/", "https only"),
    ],
)
def test_no_redirect_leads_inside(server: SourceServer, location: str, words: str) -> None:
    url = server.answer("/feed", Reply(status=301, headers={"Location": location}))
    with server.client() as client, pytest.raises(FetchError, match=words):
        client.ask(url, accept="xml")
    assert len(server.asked) == 1


def test_no_address_inside_is_asked_without_an_opening(server: SourceServer) -> None:
    with Client(sleep=lambda _: None) as client, pytest.raises(FetchError, match="https only"):
        client.ask(server.answer("/feed", Reply(FEED)), accept="xml")
    assert not server.asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::",
        "fe80::1%eth0", "fc00::1",
        "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:192.168.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::1",
        "64:ff9b:1::808:808", "::ffff:0:7f00:1", "fec0::1",
        "2002:c0a8:101::1", "2001:0:1::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_known_in_every_form(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "151.101.3.42", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"],
)
def test_addresses_outside_are_open(address: str) -> None:
    assert is_public(address)


def test_a_key_does_not_follow_a_redirect_to_another_host(server: SourceServer) -> None:
    server.answer("/end", Reply(b"[]", JSON))
    other = server.url("/end").replace("127.0.0.1", "localhost")
    url = server.answer("/start", Reply(status=302, headers={"Location": other}))
    opening = server.opening | {("localhost", server.port)}
    with server.client(opening=opening) as client:
        client.ask(url, accept="json", headers={"x-api-key": "secret"})
    assert "x-api-key" in server.asked[0].headers
    assert "x-api-key" not in server.asked[1].headers


def test_a_second_attempt_has_the_key_that_a_redirect_took_off(server: SourceServer) -> None:
    server.answer("/end", Reply(b"", JSON, 503), Reply(b"[]", JSON))
    other = server.url("/end").replace("127.0.0.1", "localhost")
    url = server.answer("/start", Reply(status=302, headers={"Location": other}))
    opening = server.opening | {("localhost", server.port)}
    with server.client(opening=opening) as client:
        client.ask(url, accept="json", headers={"x-api-key": "secret"})
    assert ["x-api-key" in asked.headers for asked in server.asked] == [True, False, True, False]


def test_a_key_stays_with_its_host_however_the_address_is_written(server: SourceServer) -> None:
    server.answer("/end", Reply(b"[]", JSON))
    other = server.url("/end").replace("127.0.0.1", "LOCALHOST")
    server.answer("/start", Reply(status=302, headers={"Location": other}))
    url = server.url("/start").replace("127.0.0.1", "localhost")
    with server.client(opening=server.opening | {("localhost", server.port)}) as client:
        client.ask(url, accept="json", headers={"x-api-key": "secret"})
    assert ["x-api-key" in asked.headers for asked in server.asked] == [True, True]


@pytest.mark.parametrize(
    "location",
    [
        "http://example.org/works?api_key=secret",
        "https://example.org:6379/?select=id&api_key=secret",
        "https://user:secret@example.org/",
        "ftp://example.org/?api_key=secret",
        "https://example.org:port/?api_key=secret",
        "https://[::1/?api_key=secret",
    ],
)
def test_no_message_repeats_a_key_in_an_address(server: SourceServer, location: str) -> None:
    url = server.answer("/works", Reply(status=301, headers={"Location": location}))
    with server.client() as client, pytest.raises(FetchError) as refusal:
        client.ask(url, accept="json")
    assert "secret" not in str(refusal.value)


def test_an_answer_tells_the_limits_of_its_source(server: SourceServer) -> None:
    headers = {"X-RateLimit-Remaining-USD": "0.5", "X-Other": "1"}
    with server.client() as client:
        answer = client.ask(
            server.answer("/list", Reply(b"[]", JSON, headers=headers)), accept="json"
        )
    assert answer.limits == {"x-ratelimit-remaining-usd": "0.5"}


@pytest.mark.django_db(transaction=True)
def test_all_workers_together_keep_one_pace(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(FEED))
    pace = timedelta(seconds=0.2)
    locks = {"127.0.0.1": "arxiv"}

    def work() -> None:
        with server.client(pace=pace, locked_hosts=locks, sleep=time.sleep) as client:
            for _ in range(2):
                client.ask(url, accept="xml")
        connections.close_all()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    times = sorted(asked.at for asked in server.asked)
    assert len(times) == 6
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.19


@pytest.mark.django_db
def test_a_holder_that_was_killed_loses_its_turn() -> None:
    Turn.objects.create(name="arxiv", holder="gone", held_until=now() + timedelta(seconds=0.2))
    began = time.monotonic()
    with host_lock.hold("arxiv", pace=timedelta(0)):
        assert Turn.objects.get().holder not in {"gone", ""}
    assert time.monotonic() - began >= 0.15
    assert Turn.objects.get().holder == ""


@pytest.mark.django_db
def test_a_wait_that_arxiv_asks_for_holds_for_everybody(server: SourceServer) -> None:
    url = server.answer("/feed", Reply(status=503, headers={"Retry-After": "600"}))
    with server.client(locked_hosts={"127.0.0.1": "arxiv"}) as client:
        with pytest.raises(FetchError, match="503"):
            client.ask(url, accept="xml")
        assert Turn.objects.get().next_at > now() + timedelta(seconds=590)
        with pytest.raises(FetchError, match="asked for a pause until") as refused:
            client.ask(url, accept="xml")
    assert refused.value.retry_at == Turn.objects.get().next_at
    assert len(server.asked) == 1


@pytest.mark.django_db
def test_a_mirror_on_a_laptop_answers_in_the_place_of_every_source(
    server: SourceServer, settings: Settings
) -> None:
    settings.SOURCES_MIRROR = server.url("")
    server.answer("/rss.arxiv.org/rss/cs", Reply(status=302, headers={"Location": "/rss/math"}))
    server.answer("/rss.arxiv.org/rss/math", Reply(FEED))
    with Client(sleep=lambda _: None, pace=timedelta()) as client:
        assert client.ask("https://rss.arxiv.org/rss/cs", accept="xml").body == FEED


def test_a_mirror_opens_no_other_address_of_this_machine(
    server: SourceServer, settings: Settings
) -> None:
    url = server.answer("/feed", Reply(FEED))
    settings.SOURCES_MIRROR = "http://127.0.0.1:9"
    with Client() as client, pytest.raises(FetchError, match="https only"):
        client.ask(url, accept="xml")
    assert server.asked == []
