"""HTTP client of the sources: polite, bounded, and only to public addresses over https."""

from __future__ import annotations

import random
import re
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

import httpx
from django.conf import settings
from django.utils.timezone import now
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from papers.http import host_lock
from papers.http.decompression import SIZE, Inflater, TooLargeError
from papers.http.public_network import (
    CONNECT_TIMEOUT,
    Address,
    Deadline,
    PrivateAddressError,
    PublicTransport,
)
from papers.sources.protocol import Answer, FetchError, NotFoundError

MAX_RETRY_AFTER: Final = 86_400
"""Seconds."""
DEADLINE: Final = 30.0
"""Seconds for one request with its whole answer."""
READ_TIMEOUT: Final = 20.0
MAX_REDIRECTS: Final = 3
ATTEMPTS: Final = 4
BACKOFF: Final = 2.0
BACKOFF_LIMIT: Final = 60.0
LONGEST_WAIT: Final = 90.0
"""Seconds that a worker waits; longer waits are left to the schedule."""
PORTS: Final = frozenset({80, 443})
RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
ARXIV_INTERVAL: Final = timedelta(seconds=3)
# Hosts (with their subdomains) that want one request at a time from all our workers together.
LOCKED_HOSTS: Final = {"arxiv.org": "arxiv"}
KEY: Final = "x-api-key"
LIMIT_PREFIX: Final = "x-ratelimit-"
RESET: Final = f"{LIMIT_PREFIX}reset"
SHOWN_CHARACTERS: Final = 200
"""Characters of an address in a message."""
PLAIN_TYPES: Final = frozenset({"", "text/plain", "application/octet-stream"})


class RetryableError(FetchError):
    """Another attempt may succeed.

    ``wait`` is the time that the server asked for, in seconds; ``partial`` the bytes that arrived
    before the connection broke.
    """

    def __init__(self, message: str, wait: float = 0.0, partial: bytes = b"") -> None:
        super().__init__(message)
        self.wait = wait
        self.partial = partial


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of this program in pyproject.toml."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def agent() -> str:
    """Return the User-Agent: the program, its site, and the address of its operator."""
    return f"Paperboy/{version()} (+{settings.SITE_URL}; mailto:{settings.CONTACT_EMAIL})"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its address, the expected kind of content, headers and body."""

    url: str
    accept: str
    headers: dict[str, str]
    json: object = None


class Client:
    """Client for one visit; a context manager, not for use by several threads.

    ``opening`` lists loopback servers (host, port) that tests may reach over plain http; it is
    given in code only. The setting SOURCES_MIRROR, on a laptop only, names one loopback server
    that gets every request in the place of its host, and opens nothing else.
    """

    def __init__(
        self,
        *,
        opening: frozenset[Address] = frozenset(),
        pace: timedelta = ARXIV_INTERVAL,
        deadline: float = DEADLINE,
        locked_hosts: Mapping[str, str] = LOCKED_HOSTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._opening = opening
        self._mirror = settings.SOURCES_MIRROR
        self._pace = pace
        self._seconds = deadline
        self._locked_hosts = locked_hosts
        self._sleep = sleep
        self._deadline = Deadline()
        self._http = httpx.Client(
            transport=PublicTransport(self._deadline, opening | _addresses(self._mirror)),
            timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
            trust_env=False,
            headers={"User-Agent": agent(), "Accept-Encoding": "gzip, deflate"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._http.close()

    def ask(
        self,
        url: str,
        *,
        accept: str,
        etag: str = "",
        last_modified: str = "",
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        """Return the answer to one request, after up to ``ATTEMPTS`` attempts.

        When every attempt was cut off, the beginning of the last one is returned, marked as such;
        its whole records can be kept.

        Raises:
            FetchError: There is no answer; the message is one sentence for the operator.
        """
        sent = {"Accept": f"application/{accept}, */*;q=0.1", **(headers or {})}
        if etag:
            sent["If-None-Match"] = etag
        if last_modified:
            sent["If-Modified-Since"] = last_modified
        request = Request(url, accept, sent, json)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(request)
            except RetryableError as error:
                if attempt == ATTEMPTS or error.wait > LONGEST_WAIT:
                    return _given_up(error)
                # Full jitter: many clients that failed together do not come back together.
                backoff = random.uniform(0, min(BACKOFF_LIMIT, BACKOFF * 2**attempt))  # noqa: S311
                self._sleep(max(error.wait, backoff))
            except host_lock.HostLockError as error:
                raise FetchError(str(error), error.until) from error
        raise AssertionError("unreachable")

    def _attempt(self, request: Request) -> Answer:
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            self._check(url)
            with self._lock(url):
                answer = self._exchange(url, request)
            if isinstance(answer, Answer):
                return answer
            if _origin(answer) != _origin(url):
                # A key for one host is not for another; the next attempt begins with it again.
                headers = {name: sent for name, sent in request.headers.items() if name != KEY}
                request = replace(request, headers=headers)
            url = answer
        raise FetchError(f"{_host(url)} redirects more than {MAX_REDIRECTS} times.")

    def _check(self, url: str) -> None:
        """Raise FetchError for an address that is not https to an ordinary port."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            host = parts.hostname or ""
        except ValueError as error:
            raise FetchError(f"{_shown(url)} is no address.") from error
        if (host, port) in self._opening:
            return
        if parts.scheme != "https" or not host or parts.username or parts.password:
            raise FetchError(f"{_shown(url)} is refused: sources are read over https only.")
        if port not in PORTS:
            raise FetchError(f"{_shown(url)} is refused: port {port} is not one of the web's.")

    def _lock(self, url: str) -> AbstractContextManager[None]:
        if name := self._lock_name(url):
            return host_lock.hold(name, pace=self._pace, sleep=self._sleep)
        return nullcontext()

    def _exchange(self, url: str, request: Request) -> Answer | str:
        """Send one request; return its answer, or the address that it redirects to."""
        self._deadline.start(self._seconds)
        method = "GET" if request.json is None else "POST"
        try:
            with self._http.stream(
                method, self._route(url), headers=request.headers, json=request.json
            ) as response:
                if response.status_code in REDIRECT_STATUSES and "location" in response.headers:
                    return urljoin(url, response.headers["location"])
                self._refuse(response, url, request.accept)
                if response.status_code == 304:
                    return Answer(unchanged=True)
                _check_type(response, request.accept, url)
                return self._read(response, url)
        except httpx.TimeoutException as error:
            raise RetryableError(f"{_host(url)} did not answer in time.") from error
        except httpx.TransportError as error:
            if isinstance(error.__cause__, PrivateAddressError):
                raise FetchError(str(error.__cause__)) from error
            reason = str(error).rstrip(".")
            raise RetryableError(f"{_host(url)} cannot be reached: {reason}.") from error
        except httpx.InvalidURL as error:
            raise FetchError(f"{_shown(url)} is no address.") from error

    def _route(self, url: str) -> str:
        """Return the address that gets a request: its own, or that of the mirror."""
        scheme, _, place = url.partition("://")
        return f"{self._mirror}/{place}" if self._mirror and scheme == "https" else url

    def _refuse(self, response: httpx.Response, url: str, accept: str) -> None:
        """Raise the error that a status means.

        A 400 of the expected type passes: it holds the source's own words on the fault.
        """
        status = response.status_code
        if status in {200, 203, 304} or (status == 400 and accept in _type(response)):
            return
        reason = f"{_host(url)} answered {status} {response.reason_phrase}".rstrip() + "."
        if status in {404, 410}:
            raise NotFoundError(reason)
        if status not in RETRYABLE_STATUSES:
            raise FetchError(reason)
        wait = retry_after(response.headers.get("retry-after", ""))
        if status == 429:
            wait = wait or _until_reset(response.headers.get(RESET, ""))
        if wait and (name := self._lock_name(url)):
            host_lock.postpone(name, now() + timedelta(seconds=wait))
        raise RetryableError(reason, wait)

    def _lock_name(self, url: str) -> str:
        host = "." + _host(url).rstrip(".")
        return next(
            (lock for name, lock in self._locked_hosts.items() if host.endswith("." + name)), ""
        )

    def _read(self, response: httpx.Response, url: str) -> Answer:
        body = bytearray()
        try:
            inflater = Inflater(response.headers.get("content-encoding", ""))
            if int(response.headers.get("content-length") or 0) > SIZE:
                raise TooLargeError
            for raw in response.iter_raw():
                for part in inflater.feed(raw):
                    body += part
            inflater.finish()
        except TooLargeError as error:
            limit = SIZE >> 20
            raise FetchError(f"{_host(url)} sent more than {limit} MB; it was not read.") from error
        except (httpx.TransportError, EOFError) as error:
            late = isinstance(error, httpx.TimeoutException)
            reason = f"The answer of {_host(url)} {'took too long' if late else 'was cut off'}."
            raise RetryableError(reason, partial=bytes(body)) from error
        except ValueError as error:
            raise RetryableError(f"{_host(url)} sent a damaged answer: {error}.") from error
        headers = response.headers
        return Answer(
            bytes(body),
            headers.get("etag", "")[:255],
            headers.get("last-modified", "")[:64],
            limits={
                name.lower(): value[:64]
                for name, value in headers.items()
                if name.lower().startswith(LIMIT_PREFIX)
            },
        )


def _addresses(mirror: str) -> frozenset[Address]:
    """Return host and port of the mirror, if there is one."""
    parts = urlsplit(mirror)
    return frozenset({(parts.hostname, parts.port)} if parts.hostname and parts.port else ())


def _given_up(error: RetryableError) -> Answer:
    if error.partial:
        return Answer(error.partial, cut_off=True)
    retry_at = now() + timedelta(seconds=error.wait) if error.wait else None
    raise FetchError(str(error), retry_at) from error


def retry_after(written: str) -> float:
    """Return the seconds to wait by a Retry-After header (RFC 9110, 10.2.3), at most a day."""
    try:
        return float(Retry(retry_after_max=MAX_RETRY_AFTER).parse_retry_after(written))
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0


def _until_reset(written: str) -> float:
    """Return the seconds until a limit is lifted, where its header gives seconds and no time."""
    return float(written) if written.isdecimal() and int(written) <= MAX_RETRY_AFTER else 0.0


def _check_type(response: httpx.Response, accept: str, url: str) -> None:
    found = _type(response)
    if accept not in found and found not in PLAIN_TYPES:
        raise FetchError(f"{_host(url)} answered with {found}; {accept} was expected.")


def _type(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _origin(url: str) -> tuple[str, str, int]:
    """Return what makes two addresses one server: scheme, host and port (RFC 6454, 4)."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme,
            parts.hostname or "",
            parts.port or (443 if parts.scheme == "https" else 80),
        )
    except ValueError:
        return "", url, 0


def _shown(url: str) -> str:
    """Return an address for a message, without its query: that may hold the operator's key."""
    return repr(re.sub(r"(?<=//)[^/?#]*@", "", url.partition("?")[0])[:SHOWN_CHARACTERS])


def _host(url: str) -> str:
    return urlsplit(url).hostname or "The source"
