"""Rate limits count exactly, forget in time and believe only trusted proxies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from pytest_django import Settings

from newsletter.models import RateLimit
from newsletter.security import throttle
from newsletter.security.email_addresses import parse

NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)
LIMIT: Final = throttle.Limit("test", 2, timedelta(minutes=10))


@pytest.mark.django_db
def test_a_limit_opens_again_when_its_window_is_over() -> None:
    def answers(minute: int) -> bool:
        return throttle.allow(LIMIT, "a", NOON + timedelta(minutes=minute))

    assert [answers(0), answers(1), answers(2), answers(9)] == [True, True, False, False]
    assert [answers(10), answers(11), answers(12)] == [True, True, False]


@pytest.mark.django_db
def test_keys_and_limits_are_counted_apart() -> None:
    other = throttle.Limit("other", 1, timedelta(minutes=10))
    assert [throttle.allow(other, key, NOON) for key in "aab"] == [True, False, True]
    assert throttle.allow(LIMIT, "a", NOON)


@pytest.mark.django_db
def test_an_address_gets_one_mail_in_ten_minutes_and_three_a_day() -> None:
    address = parse("ada@example.org")
    minutes = [0, 9, 10, 20, 30, 24 * 60]
    allowed = [throttle.allow_mail_to(address, NOON + timedelta(minutes=m)) for m in minutes]
    assert allowed == [True, False, True, True, False, True]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("network", "inside", "outside", "limit"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.8", 30),
        ("2001:db8:0:1::{n:x}", "2001:db8:0:1::ffff", "2001:db8:0:2::1", 30),
        ("2001:db8:0:1{n:02x}::1", "2001:db8:0:1ff::1", "2001:db8:0:200::1", 60),
        ("2001:db8:0:{n:x}00::1", "2001:db8:0:ff00::1", "2001:db8:1::1", 120),
    ],
)
def test_each_size_of_network_has_its_own_limit(
    settings: Settings, network: str, inside: str, outside: str, limit: int
) -> None:
    settings.LOCAL = False
    address = parse("reader@example.org")
    for number in range(limit):
        assert throttle.allow_sign_up(address, network.format(n=number), NOON)
    assert not throttle.allow_sign_up(address, inside, NOON)
    assert throttle.allow_sign_up(address, outside, NOON)


@pytest.mark.django_db
def test_one_customer_with_a_56_does_not_use_up_the_sign_ups_of_everybody(
    settings: Settings,
) -> None:
    settings.LOCAL = False
    served = sum(
        throttle.allow_sign_up(parse(f"r{number}@x{number}.org"), f"2001:db8:0:1{n:02x}::1", NOON)
        for number, n in enumerate([*range(256)] * 4)
    )
    assert served == 60
    assert throttle.allow_sign_up(parse("ada@example.org"), "198.51.100.1", NOON)


@pytest.mark.django_db
def test_throw_away_domains_have_a_lower_limit_and_are_not_refused() -> None:
    answers = [
        throttle.allow_sign_up(parse(f"r{number}@mailinator.com"), "127.0.0.1", NOON)
        for number in range(throttle.PER_DISPOSABLE_DOMAIN.count + 1)
    ]
    assert answers == [True] * throttle.PER_DISPOSABLE_DOMAIN.count + [False]


@pytest.mark.django_db
def test_the_counters_hold_no_address_and_are_forgotten_when_they_mean_nothing() -> None:
    # Three letters of which no hash in hexadecimal digits is made by chance.
    throttle.allow_mail_to(parse("zoe@example.org"), NOON)
    assert not RateLimit.objects.filter(key_hash__contains="zoe").exists()
    assert throttle.forget(NOON + timedelta(hours=23)) == 0
    assert throttle.forget(NOON + timedelta(hours=25)) == len(throttle.PER_ADDRESS)


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "client"),
    [
        ([], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1, rubbish", "10.0.0.1"),
        (["10.0.0.1"], "::ffff:10.0.0.1", "2001:db8::7", "2001:db8::7"),
        (["10.0.0.1"], "", "198.51.100.1", ""),
    ],
)
def test_forwarded_for_counts_only_as_far_as_trusted_proxies_vouch_for_it(
    settings: Settings, proxies: list[str], remote: str, forwarded: str, client: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert throttle.client_ip(remote, forwarded) == client


@pytest.mark.parametrize(
    ("ip", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("unknown", ""),
    ],
)
def test_the_consent_log_keeps_only_a_part_of_an_ip_address(ip: str, kept: str) -> None:
    assert throttle.truncated(ip) == kept
