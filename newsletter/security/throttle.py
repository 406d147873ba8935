"""Named rate limits for the public write paths, counted in the database.

There is one row per limit and key. Its window opens with the first try and lasts ``per``; every
step is a single guarded statement, so that any number of processes share one exact count.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from newsletter.models import RateLimit
from newsletter.security.email_addresses import Address

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
LONGEST_WINDOW: Final = DAY
CLOCK_TOLERANCE: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Limit:
    """At most ``count`` times within ``per`` of the first, for each key of its own."""

    name: str
    count: int
    per: timedelta

    def times(self, factor: int, suffix: str = "") -> Limit:
        """Return a limit that allows so many times as much, under a name of its own."""
        return Limit(f"{self.name}{suffix}", self.count * factor, self.per)


# A second request at once is a double click; four a day for one address are abuse.
PER_ADDRESS: Final = (
    Limit("sign-up address", 1, timedelta(minutes=10)),
    Limit("sign-up address day", 3, DAY),
)
# Many people can share one IPv4 address, and one IPv6 customer has a /64 to a /48 of them; on a
# laptop all are 127.0.0.1. Prefix lengths for IPv4 and IPv6.
PER_NETWORK: Final = (
    (32, 64, Limit("sign-up network", 30, HOUR)),
    (32, 56, Limit("sign-up network of /56", 60, HOUR)),
    (32, 48, Limit("sign-up network of /48", 120, HOUR)),
)
LOCAL_FACTOR: Final = 10
PER_DOMAIN: Final = Limit("sign-up domain", 1000, HOUR)
PER_DISPOSABLE_DOMAIN: Final = Limit("sign-up domain", 20, HOUR)
SITE_WIDE: Final = Limit("sign-up", 3000, HOUR)
# Requests without a valid stamp of our form: accepted while they are few.
UNSTAMPED: Final = Limit("sign-up unstamped", 600, HOUR)
SOLVED_FACTOR: Final = 10
"""How many times the limits a proof of work opens."""


def allow(limit: Limit, key: str, at: datetime) -> bool:
    """Count one try of ``key`` and return whether it is within the limit."""
    return allow_all([(limit, key)], at)


def allow_all(tries: Sequence[tuple[Limit, str]], at: datetime) -> bool:
    """Count one try against each limit in turn, up to the first that is used up.

    Returns:
        Whether all limits allow it.
    """
    rows = [
        RateLimit(name=limit.name, key_hash=_hash(key), window_start=at) for limit, key in tries
    ]
    RateLimit.objects.bulk_create(rows, ignore_conflicts=True)
    for (limit, _), row in zip(tries, rows, strict=True):
        counter = RateLimit.objects.filter(name=row.name, key_hash=row.key_hash)
        over = Q(window_start__lte=at - limit.per)
        ahead = Q(window_start__gt=at + CLOCK_TOLERANCE)  # Stored by a wrong clock.
        counter.filter(over | ahead).update(window_start=at, count=0)
        if not counter.filter(count__lt=limit.count).update(count=F("count") + 1):
            return False
    return True


def is_used(limit: Limit, key: str, at: datetime) -> bool:
    """Return whether the limit is used up for this key; counts nothing."""
    counter = RateLimit.objects.filter(name=limit.name, key_hash=_hash(key))
    opened = (at - limit.per, at + CLOCK_TOLERANCE)
    return counter.filter(window_start__range=opened, count__gte=limit.count).exists()


def allow_sign_up(
    address: Address, ip: str, at: datetime, *, is_stamped: bool = True, is_solved: bool = False
) -> bool:
    """Return whether this network may ask for one more subscription at this domain now.

    ``is_stamped`` says that the request came from our form, ``is_solved`` that it brought a
    proof of work: those are counted apart, with higher limits. The address itself is limited by
    ``allow_mail_to``.
    """
    tries = [
        (limit.times(LOCAL_FACTOR) if settings.LOCAL else limit, _network(ip, v4, v6))
        for v4, v6, limit in PER_NETWORK
    ]
    domain = PER_DISPOSABLE_DOMAIN if address.disposable else PER_DOMAIN
    tries += [(domain, address.domain), (SITE_WIDE, "")]
    if is_solved:
        tries = [(limit.times(SOLVED_FACTOR, " solved"), key) for limit, key in tries]
    elif not is_stamped:
        tries.append((UNSTAMPED, ""))
    return allow_all(tries, at)


def allow_mail_to(address: Address, at: datetime) -> bool:
    """Return whether this address may get one more mail requested by a form."""
    return allow_all([(limit, address.key) for limit in PER_ADDRESS], at)


def forget(before: datetime) -> int:
    """Delete counters whose windows closed before that time, or that a wrong clock stored."""
    believable = (before - LONGEST_WINDOW, before + CLOCK_TOLERANCE)
    return RateLimit.objects.exclude(window_start__range=believable).delete()[0]


def client_ip(remote: str, forwarded_for: str) -> str:
    """Return the IP address that a request came from.

    ``forwarded_for`` is the X-Forwarded-For header. It is read from the right, and only as far
    as each hop is in ``settings.TRUSTED_PROXIES`` (addresses or networks): anybody can forge the
    rest.
    """
    client = remote
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",")]):
        address = _address(client)
        if address is None or not _trusted(address) or _address(hop) is None:
            break
        client = hop
    return str(_address(client) or client)


def network_of(ip: str) -> str:
    """Return the network of one household: the IPv4 address or the IPv6 /64."""
    return _network(ip, 32, 64)


def truncated(ip: str) -> str:
    """Return the part of an address that the consent log keeps: the IPv4 /24 or IPv6 /48."""
    return _network(ip, 24, 48)


def _network(ip: str, v4: int, v6: int) -> str:
    address = _address(ip)
    if address is None:
        return ""
    prefix = v4 if address.version == 4 else v6
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


def _address(text: str) -> IPAddress | None:
    """Return the address without a zone; an IPv4 one mapped into IPv6 as IPv4."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _trusted(address: IPAddress) -> bool:
    return any(
        address in ipaddress.ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES
    )


def _hash(key: str) -> str:
    return salted_hmac("newsletter.security.throttle", key, algorithm="sha256").hexdigest()
