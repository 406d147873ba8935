"""Network connections to public addresses only, within one deadline.

A name is resolved once, every address it has is checked, and the connection goes to an address
that was checked: a second answer of the resolver cannot lead elsewhere (SSRF, DNS rebinding).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpcore
import httpx

CONNECT_TIMEOUT: Final = 10.0
# Forms of IPv6 that carry an IPv4 address, and where in the address it is.
CARRIERS: Final = {
    IPv6Network("::ffff:0:0/96"): 0,
    IPv6Network("::/96"): 0,
    IPv6Network("64:ff9b::/96"): 0,
    IPv6Network("2002::/16"): 80,
}
TEREDO: Final = IPv6Network("2001::/32")
# All global unicast addresses (RFC 4291, 2.4); others are private or reserved.
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")

Address = tuple[str, int]


class PrivateAddressError(httpcore.ConnectError):
    """The host has an address outside of the public internet."""


class Deadline:
    """A point in time that all steps of one request share."""

    def __init__(self) -> None:
        self.at = float("inf")

    def start(self, seconds: float) -> None:
        """Set the deadline to so many seconds from now."""
        self.at = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """Return the seconds that one step may take. Raises ReadTimeout when none are left."""
        remaining = self.at - time.monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout("The answer took longer than the whole request may.")
        return remaining if timeout is None else min(timeout, remaining)


def is_public(address: str) -> bool:
    """Return whether an IP address, in any form, belongs to the public internet."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in TEREDO:
            return False
        for network, shift in CARRIERS.items():
            if found in network:
                carried = IPv4Address((int(found) >> shift) & 0xFFFFFFFF)
                return is_public(str(carried))
        if found not in GLOBAL_UNICAST:
            return False
    return found.is_global and not found.is_multicast


class PublicBackend(httpcore.NetworkBackend):
    """Network backend that connects to checked addresses only.

    ``opening`` names loopback servers that tests may reach.
    """

    def __init__(self, deadline: Deadline, opening: frozenset[Address]) -> None:
        self._deadline = deadline
        self._opening = opening
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to an address of the host that was checked."""
        problem: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._checked(host, port):
            try:
                limit = self._deadline.left(timeout)
                stream = self._network.connect_tcp(
                    address, port, limit, local_address, socket_options
                )
                return TimedStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError(f"{host} has no address.")

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be found.") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if (host, port) not in self._opening:
            for address in addresses:
                if not is_public(address):
                    raise PrivateAddressError(
                        f"{host} is at {address}, which is not a public address."
                    )
        return addresses


class TimedStream(httpcore.NetworkStream):
    """A connection whose steps end at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read within the deadline."""
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write within the deadline."""
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Start TLS within the deadline."""
        limit = self._deadline.left(timeout)
        return TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, limit), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        """Return what the network stream knows, such as its socket."""
        return self._stream.get_extra_info(info)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Return the certificate authorities, read once: that takes longer than many a request."""
    return httpx.create_ssl_context(trust_env=False)


class PublicTransport(httpx.HTTPTransport):
    """Transport over PublicBackend: one connection, no environment proxies, no retries."""

    def __init__(self, deadline: Deadline, opening: frozenset[Address]) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_certificates(),
            max_connections=1,
            keepalive_expiry=15.0,
            retries=0,
            network_backend=PublicBackend(deadline, opening),
        )
