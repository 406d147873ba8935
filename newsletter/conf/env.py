"""Read settings from the environment, and explain an invalid value in one sentence."""

from __future__ import annotations

import base64
import ipaddress
import logging
import os
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})
IMAPS_PORT: Final = 993
WEBHOOK_SECRET_BYTES: Final = range(24, 65)
WEBHOOK_KEY_COMMAND: Final = (
    "python3 -c 'import base64, os; print(\"whsec_\" + base64.b64encode(os.urandom(32)).decode())'"
)
EMAIL_SCHEMES: Final = {
    "smtp": {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False, "EMAIL_PORT": 25},
    "smtp+tls": {"EMAIL_USE_TLS": True, "EMAIL_USE_SSL": False, "EMAIL_PORT": 587},
    "smtps": {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": True, "EMAIL_PORT": 465},
}


def text(name: str, default: str = "") -> str:
    """Return the variable without surrounding space; an empty one counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """Return a yes or no. Raises ImproperlyConfigured for anything else."""
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; write true or false.")


def choice(name: str, default: str, known: set[str]) -> str:
    """Return one of the known values. Raises ImproperlyConfigured for any other."""
    value = text(name, default).lower()
    if value not in known:
        raise ImproperlyConfigured(f"{name} is {value!r}; write {' or '.join(sorted(known))}.")
    return value


def words(name: str) -> list[str]:
    """Return a list separated by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def networks(name: str) -> list[str]:
    """Return a list of IP addresses or networks. Raises ImproperlyConfigured."""
    for network in words(name):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} holds {network!r}; write addresses or networks such as 10.0.0.0/8."
            ) from error
    return words(name)


def number(name: str, default: float = 0, *, least: float = 0) -> float:
    """Return a number from ``least`` up. Raises ImproperlyConfigured for anything else."""
    value = text(name)
    if not value:
        return default
    try:
        parsed = float(value)
    except ValueError:
        parsed = -1
    if not 0 <= parsed < float("inf"):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a number such as 10 or 0.5.")
    if parsed < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; write {least:g} or more.")
    return parsed


def url(name: str, default: str = "", *, exact: bool = False) -> str:
    """Return an http(s) URL, without a trailing slash unless ``exact``.

    Raises:
        ImproperlyConfigured: The value is none.
    """
    value = text(name, default)
    value = value if exact else value.rstrip("/")
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ImproperlyConfigured(
            f"{name} is {value!r}; write a full address such as https://papers.example.org."
        )
    return value


def local_server(name: str) -> str:
    """Return the address of a server on this machine, ``http://127.0.0.1:9000``, or nothing.

    Raises:
        ImproperlyConfigured: The value is none, or has no port.
    """
    value = text(name).rstrip("/")
    try:
        parts = urlsplit(value)
        local = parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
        known = local and parts.port and value == f"http://{parts.netloc}"
    except ValueError:
        known = False
    if value and not known:
        raise ImproperlyConfigured(f"{name} is {value!r}; write one such as http://127.0.0.1:9000.")
    return value


def webhook_secret(name: str) -> str:
    """Return a secret of Standard Webhooks: ``whsec_`` and the base 64 of 24 to 64 bytes.

    Raises:
        ImproperlyConfigured: The value is none.
    """
    value = text(name)
    try:
        length = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
    except ValueError:
        length = 0
    if value and length not in WEBHOOK_SECRET_BYTES:
        raise ImproperlyConfigured(
            f"{name} is not whsec_ with the base 64 of 24 to 64 bytes. Make one with: "
            f"{WEBHOOK_KEY_COMMAND}"
        )
    return value


def folder(name: str, default: Path) -> Path:
    """Return a folder, created if it is missing. Raises ImproperlyConfigured when that fails."""
    path = Path(text(name, str(default)))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The folder {path} cannot be made ({error.strerror}); set {name} to one that can."
        ) from error
    return path


def log_level(name: str, default: str) -> str:
    """Return the name of one of Python's log levels. Raises ImproperlyConfigured."""
    level = text(name, default).upper()
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(
            f"{name} is {level!r}; write DEBUG, INFO, WARNING, ERROR or CRITICAL."
        )
    return level


def redis(name: str) -> str:
    """Return the URL of a Redis server. Raises ImproperlyConfigured for any other.

    Over TLS (``rediss``) the server's certificate is checked unless the URL says otherwise by
    ``ssl_cert_reqs=none``; Celery refuses to guess.
    """
    value = text(name)
    parts = urlsplit(value)
    if value and (parts.scheme not in {"redis", "rediss"} or not parts.hostname):
        raise ImproperlyConfigured(
            f"{name} begins with {parts.scheme!r}; write redis://host:6379/0 "
            "or rediss://user:password@host:6379/0."
        )
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parse_qs(parts.query):
        return f"{value}{'&' if parts.query else '?'}ssl_cert_reqs=required"
    return value


def database(name: str, default: str) -> dict[str, Any]:
    """Return a Django database from a URL. Raises ImproperlyConfigured for an unsupported one."""
    value = text(name, default)
    scheme = value.partition(":")[0]
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} begins with {scheme!r}; write postgres://user:password@host:5432/name "
            "or sqlite:////path/to/file."
        )
    return dict(dj_database_url.parse(value))


def email(name: str) -> dict[str, Any]:
    """Return Django's EMAIL_* settings from ``smtp[s|+tls]://user:password@host:port``.

    ``smtp+tls`` upgrades with STARTTLS, ``smtps`` is TLS from the first byte; a password may be
    percent-encoded. Raises ImproperlyConfigured.
    """
    parts = urlsplit(text(name))
    if parts.scheme not in EMAIL_SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(
            f"{name} begins with {parts.scheme!r}; write smtp://host:25, "
            "smtp+tls://user:password@host:587 or smtps://user:password@host:465."
        )
    chosen = dict(EMAIL_SCHEMES[parts.scheme])
    try:
        chosen["EMAIL_PORT"] = parts.port or chosen["EMAIL_PORT"]
        timeout = int(parse_qs(parts.query).get("timeout", ["60"])[0])
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} has a port or timeout that is no number.") from error
    return chosen | {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_TIMEOUT": timeout,
    }


class Mailbox(NamedTuple):
    """A folder on an IMAP server, reached over TLS."""

    host: str
    port: int
    user: str
    password: str
    folder: str


def mailbox(name: str) -> Mailbox | None:
    """Return the mailbox of ``imaps://user:password@host/INBOX``; None when unset.

    Raises:
        ImproperlyConfigured: The value is the URL of anything else.
    """
    value = text(name)
    if not value:
        return None
    wrong = ImproperlyConfigured(
        f"{name} cannot be read; write imaps://user:password@host/INBOX, with %40 for an @ in the "
        "name of the user."
    )
    try:
        parts = urlsplit(value)
        port = parts.port or IMAPS_PORT
    except ValueError as error:
        raise wrong from error
    folder = unquote(parts.path.strip("/")) or "INBOX"
    complete = parts.scheme == "imaps" and parts.hostname and parts.username and parts.password
    if not complete or not folder.isascii() or '"' in folder or not folder.isprintable():
        raise wrong
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Mailbox(parts.hostname or "", port, user, password, folder)


def bounce_address(mailbox: Mailbox | None, sender: str) -> str:
    """Return the address of a mailbox: the user's name, at the sender's domain if it has none."""
    if mailbox is None:
        return ""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return mailbox.user if "@" in mailbox.user else f"{mailbox.user}@{domain}"


def anymail() -> dict[str, Any]:
    """Return Anymail's own settings. Raises ImproperlyConfigured for an invalid time-out.

    ANYMAIL_REQUESTS_TIMEOUT is in seconds: one number, or connect and read: ``10,60``.
    """
    found: dict[str, Any] = dict(prefixed("ANYMAIL_"))
    written = found.get("REQUESTS_TIMEOUT", "60")
    try:
        seconds = tuple(map(float, written.split(",")))
    except ValueError:
        seconds = ()
    if len(seconds) not in {1, 2} or not all(0 < one < float("inf") for one in seconds):
        raise ImproperlyConfigured(
            f"ANYMAIL_REQUESTS_TIMEOUT is {written!r}; write seconds such as 60 or 10,60."
        )
    if "REQUESTS_TIMEOUT" in found:
        found["REQUESTS_TIMEOUT"] = seconds if len(seconds) == 2 else seconds[0]
    return found


def prefixed(prefix: str) -> dict[str, str]:
    """Return every variable that starts with the prefix, by the rest of its name."""
    return {
        name.removeprefix(prefix): value.strip()
        for name, value in os.environ.items()
        if name.startswith(prefix) and value.strip()
    }
