"""Limit the connections and the messages a second of each mail provider.

MAIL_RATE and MAIL_CONNECTIONS override these numbers; a rate of 0 is no limit. The limits that
providers publish (read in 2026): Resend 2 requests a second for a team, more for newer ones
(resend.com/docs/api-reference/rate-limit); Brevo 1,000 (developers.brevo.com/docs/api-limits);
MailerSend 120 mails a minute (mailersend.com/help/rate-limits-how-to-reduce-403-422-429-errors);
Amazon SES 1 in the sandbox, in production what the account was granted, 14 being the usual start
(docs.aws.amazon.com/ses/latest/dg/quotas.html). The others publish no number, and ours is cautious.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings


@dataclass(frozen=True)
class Limits:
    """The most connections at once and messages a second."""

    connections: int
    rate: float


UNKNOWN: Final = Limits(connections=4, rate=0)
DEFAULTS: Final = {
    "newsletter.mail.backends.smtp": Limits(connections=10, rate=0),
    "django.core.mail.backends.smtp": Limits(connections=10, rate=0),
    "newsletter.mail.backends.file": Limits(connections=1, rate=0),
    "anymail.backends.amazon_ses": Limits(connections=8, rate=14),
    "newsletter.mail.backends.brevo": Limits(connections=10, rate=100),
    "newsletter.mail.backends.mailersend": Limits(connections=4, rate=2),
    "anymail.backends.mailgun": Limits(connections=8, rate=30),
    "newsletter.mail.backends.mailjet": Limits(connections=8, rate=30),
    "anymail.backends.mandrill": Limits(connections=8, rate=30),
    "anymail.backends.postmark": Limits(connections=10, rate=50),
    "newsletter.mail.backends.postal": UNKNOWN,
    "newsletter.mail.backends.resend": Limits(connections=2, rate=2),
    "anymail.backends.sendgrid": Limits(connections=10, rate=50),
    "anymail.backends.sparkpost": Limits(connections=10, rate=50),
}


def limits() -> Limits:
    """Return the limits of the mail backend of the settings."""
    module = settings.EMAIL_BACKEND.rpartition(".")[0]
    usual = DEFAULTS.get(module, UNKNOWN)
    return Limits(
        connections=settings.MAIL_CONNECTIONS or usual.connections,
        rate=settings.MAIL_RATE or usual.rate,
    )
