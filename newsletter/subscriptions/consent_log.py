"""The consent log: one line for each action on a subscription, never changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from newsletter.models import Consent, Subscriber
from newsletter.security import throttle
from newsletter.subscriptions.preferences import Choices

# What a person agrees to, as the confirmation page says it. A new wording needs a new version.
CONSENT_VERSION: Final = "1"
CONSENT_TEXT: Final = (
    "Yes, send me a digest of trending research papers at this address, as often as I choose. "
    "I can change, pause or stop it at any time with the links in every mail."
)
CONSENT_HASH: Final = hashlib.sha256(CONSENT_TEXT.encode()).hexdigest()


@dataclass(frozen=True)
class ActionOrigin:
    """The form or link by which an action was taken, with the request's IP and user agent."""

    form: str
    ip: str = ""
    user_agent: str = ""


def add(
    subscriber: Subscriber,
    action: str,
    origin: ActionOrigin,
    choices: Choices | dict[str, Any] | None = None,
    *,
    typed: str = "",
) -> Consent:
    """Add a line to the consent log."""
    made = line(subscriber, action, origin, choices, typed=typed)
    made.save()
    return made


def line(
    subscriber: Subscriber,
    action: str,
    origin: ActionOrigin,
    choices: Choices | dict[str, Any] | None = None,
    *,
    typed: str = "",
) -> Consent:
    """Return a line of the consent log that is not stored yet."""
    return Consent(
        subscriber=subscriber,
        action=action,
        email_as_typed=typed[:254],
        form=origin.form[:200],
        text_version=CONSENT_VERSION,
        text_hash=CONSENT_HASH,
        choices=choices or {},
        ip_truncated=throttle.truncated(origin.ip),
        user_agent=origin.user_agent[:300],
    )
