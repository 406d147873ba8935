"""What must be set before anyone gets mail; ``manage.py check --deploy`` names what is not.

The checks of the environment run only with ``--deploy``: a laptop may do without all of it.
That SQLite is set up to bear two writers is checked always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from email.utils import parseaddr
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

from newsletter.conf import env
from newsletter.security import tokens
from newsletter.security.email_addresses import organisation

MAILBOX = "newsletter.mail.backends.file.EmailBackend"
# These hear of a bounce by mail or not at all, never by a webhook.
WITHOUT_WEBHOOKS = (
    "newsletter.mail.backends.smtp.",
    "newsletter.mail.backends.file.",
    "django.core.mail.",
)
MIN_BUSY_TIMEOUT = 20  # seconds
LONGEST_UNSUBSCRIBE_URL = 70  # characters


def deploy_check(find: Callable[[], Iterator[CheckMessage]]) -> None:
    """Register a check that runs with --deploy."""

    def check(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Sequence[CheckMessage]:
        return list(find())

    register(Tags.security, deploy=True)(check)


@deploy_check
def site_has_a_public_address() -> Iterator[CheckMessage]:
    if settings.LOCAL or not settings.HTTPS:
        yield Error(
            f"SITE_URL is {settings.SITE_URL}: the links in the mails would not work for readers.",
            hint="Set SITE_URL to the public https address, such as https://papers.example.org.",
            id="paperboy.E001",
        )


@deploy_check
def unsubscribe_link_is_short() -> Iterator[CheckMessage]:
    """A long List-Unsubscribe would be folded by some server on its way, and then not be found."""
    link = tokens.url_for("unsubscribe", "x" * tokens.UNSUBSCRIBE_TOKEN_LENGTH)
    excess = len(link) - LONGEST_UNSUBSCRIBE_URL
    if excess > 0:
        yield checks.Warning(
            f"SITE_URL is so long that the unsubscribe links of the mails have {len(link)} "
            f"characters; {LONGEST_UNSUBSCRIBE_URL} fit into a line of their header.",
            hint=f"Set SITE_URL to an address of at most {len(settings.SITE_URL) - excess} "
            "characters.",
            id="paperboy.W003",
        )


@deploy_check
def secret_key_is_given() -> Iterator[CheckMessage]:
    if not env.text("SECRET_KEY"):
        yield Error(
            "SECRET_KEY is not set: this machine made one up.",
            hint="Set SECRET_KEY; python3 -c 'import secrets; print(secrets.token_urlsafe(50))' "
            "makes one.",
            id="paperboy.E002",
        )


@deploy_check
def postal_address_is_given() -> Iterator[CheckMessage]:
    if not env.text("POSTAL_ADDRESS"):
        yield Error(
            "POSTAL_ADDRESS is not set; the law asks for it in every newsletter.",
            hint="Set POSTAL_ADDRESS to one line with street, town and country; every mail shows "
            "it behind the name of the site.",
            id="paperboy.E003",
        )


@deploy_check
def sender_is_given() -> Iterator[CheckMessage]:
    if not env.text("DEFAULT_FROM_EMAIL"):
        yield Error(
            "DEFAULT_FROM_EMAIL is not set: nobody knows whom the digests come from.",
            hint='Set it like DEFAULT_FROM_EMAIL="Paperboy <digest@papers.example.org>".',
            id="paperboy.E004",
        )


@deploy_check
def mail_leaves_this_machine() -> Iterator[CheckMessage]:
    if settings.EMAIL_BACKEND == MAILBOX:
        yield Error(
            "No mail server is set: every message would stay in a folder.",
            hint="Set EMAIL_URL (smtp+tls://user:password@host:587), or EMAIL_BACKEND and the "
            "ANYMAIL_ settings of your provider.",
            id="paperboy.E005",
        )
        return
    try:
        get_connection()
    except (ImportError, ImproperlyConfigured) as error:
        yield Error(
            f"The mail backend {settings.EMAIL_BACKEND} cannot be used: {error}",
            hint="Set what it asks for; the names are in .env.example and in Anymail's manual.",
            id="paperboy.E006",
        )


@deploy_check
def mail_server_has_a_deadline() -> Iterator[CheckMessage]:
    if not settings.EMAIL_TIMEOUT:
        yield Error(
            "EMAIL_TIMEOUT is unset: a silent mail server would stop all sending.",
            hint="Give EMAIL_URL a deadline in seconds: smtp://host:25?timeout=60.",
            id="paperboy.E007",
        )


@deploy_check
def senders_are_addresses() -> Iterator[CheckMessage]:
    for name in ("DEFAULT_FROM_EMAIL", "NOTICE_FROM_EMAIL"):
        value = getattr(settings, name)
        if "." not in domain(value):
            yield Error(
                f"{name} is {value!r}, which holds no address with a full domain.",
                hint="Write it like Paperboy <digest@papers.example.org>.",
                id="paperboy.E008",
            )
        elif organisation(domain(value)) != organisation(settings.SITE_HOST):
            yield checks.Warning(
                f"{name} is at {domain(value)} but the site at {settings.SITE_HOST}: mail from "
                "one about links to the other looks like phishing.",
                hint="Send from the site's own domain and set its SPF, DKIM and DMARC records.",
                id="paperboy.W001",
            )


@deploy_check
def webhooks_know_their_caller() -> Iterator[CheckMessage]:
    secrets = [name for name in settings.ANYMAIL if "WEBHOOK" in name or "SIGNING" in name]
    if not settings.EMAIL_BACKEND.startswith(WITHOUT_WEBHOOKS) and not secrets:
        yield checks.Warning(
            "ANYMAIL_WEBHOOK_SECRET is not set: bounces and complaints that the provider reports "
            "are refused, because anybody could report them.",
            hint="Set it to user:a-long-random-password and use both in the webhook's address.",
            id="paperboy.W002",
        )


@register(Tags.compatibility)
def sqlite_bears_two_writers(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """Django's defaults answer "database is locked" as soon as web and worker both write."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.sqlite3":
        return []
    options = database.get("OPTIONS", {})
    if (
        "journal_mode=wal" in options.get("init_command", "").lower().replace(" ", "")
        and options.get("transaction_mode") == "IMMEDIATE"
        and options.get("timeout", 0) >= MIN_BUSY_TIMEOUT
    ):
        return []
    return [
        Error(
            "SQLite is not set up for a web server and a worker at once.",
            hint="DATABASES['default']['OPTIONS'] needs journal_mode=WAL in its init_command, "
            f"transaction_mode IMMEDIATE and a timeout of at least {MIN_BUSY_TIMEOUT} s.",
            id="paperboy.E009",
        )
    ]


def domain(sender: str) -> str:
    """The domain of ``Name <local@domain>``; empty when there is none."""
    return parseaddr(sender)[1].rpartition("@")[2].lower()
