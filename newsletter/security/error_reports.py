"""Report errors to Sentry, without tokens, addresses and keys."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from newsletter.security.log_scrubbing import scrubbed

# What people send to us, and who they are, is never part of a report.
PRIVATE: Final = ("data", "cookies", "headers", "env", "query_string")


def start() -> None:
    """Connect to Sentry if SENTRY_DSN is set.

    Raises:
        ImproperlyConfigured: The package is not installed.
    """
    if not settings.SENTRY_DSN:
        return
    try:
        import sentry_sdk
    except ImportError as error:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set and the package sentry-sdk is missing: pip install sentry-sdk"
        ) from error
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        before_send=before_send,
        before_breadcrumb=lambda crumb, _hint: clean(crumb),
    )


def before_send(event: dict[str, Any], _hint: dict[str, Any]) -> dict[str, Any]:
    """Remove the person and the request's content from a report, and scrub the rest."""
    event.pop("user", None)
    for name in PRIVATE:
        event.get("request", {}).pop(name, None)
    cleaned: dict[str, Any] = clean(event)
    return cleaned


def clean(value: Any) -> Any:
    """Scrub every text within lists and mappings."""
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, dict):
        return {key: clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean(one) for one in value]
    return value
