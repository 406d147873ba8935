"""How hard a mail provider may be pressed: connections at once and messages a second.

The numbers are what the providers state for a new account, or a calm guess below it; MAIL_RATE
and MAIL_CONNECTIONS overrule them. A rate of 0 is no limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings


@dataclass(frozen=True)
class Limits:
    connections: int
    rate: float


UNKNOWN: Final = Limits(connections=4, rate=0)
DEFAULTS: Final = {
    "newsletter.smtp": Limits(connections=8, rate=0),
    "newsletter.mailbox": Limits(connections=1, rate=0),
    "anymail.backends.amazon_ses": Limits(connections=8, rate=14),
    "newsletter.brevo": Limits(connections=8, rate=16),
    "anymail.backends.mailersend": Limits(connections=4, rate=2),
    "anymail.backends.mailgun": Limits(connections=8, rate=30),
    "anymail.backends.mailjet": Limits(connections=8, rate=30),
    "anymail.backends.mandrill": Limits(connections=8, rate=30),
    "anymail.backends.postmark": Limits(connections=10, rate=50),
    "newsletter.resend": Limits(connections=2, rate=2),
    "anymail.backends.sendgrid": Limits(connections=10, rate=50),
    "anymail.backends.sparkpost": Limits(connections=10, rate=50),
}


def limits() -> Limits:
    """For the mail backend that the settings name."""
    module = settings.EMAIL_BACKEND.rpartition(".")[0]
    usual = DEFAULTS.get(module, UNKNOWN)
    return Limits(
        connections=settings.MAIL_CONNECTIONS or usual.connections,
        rate=settings.MAIL_RATE or usual.rate,
    )
