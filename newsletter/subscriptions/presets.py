"""Exports of other newsletter services: which service made a file, and what its columns mean.

Column names are those of the services' own exports and documentation, in lower case. A service
that keeps no time of confirmation gives no proof of consent: its people are pending here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from newsletter.models import Suppression

Reason = Suppression.Reason
Cells = Mapping[str, str]
CONFIRMATION_COLUMNS: Final = (
    *("confirm_time", "confirmed_at", "confirmation_date", "confirmation date"),
    *("opt-in confirmed at", "activation_date", "timestamp_opt", "confirmation time"),
)
ADDRESS_COLUMNS: Final = (
    *("email", "email address", "email_address", "e-mail", "e-mail address", "subscriber email"),
    # Mailchimp names the column as the owner of the list does.
    *("e-mail-adresse", "e-mail adresse", "adresse e-mail", "adresse email", "adresse mail"),
    *("correo electrónico", "dirección de correo electrónico", "indirizzo e-mail"),
)
STATUS_COLUMNS: Final = (
    *("status", "type", "subscriber_type", "subscription_status", "subscription status"),
    *("email marketing status", "email_status", "email status", "subscriber status"),
)
LEFT_COLUMNS: Final = (
    *("unsub_time", "unsubscribed_at", "unsubscribed at", "unsubscribe_date", "unsubscribe date"),
    *("unsubscription_date", "unsubscription date", "opted_out_at"),
)
TRUE: Final = frozenset({"true", "1", "yes", "t"})
FALSE: Final = frozenset({"false", "0", "no", "f"})


@dataclass(frozen=True)
class Departure:
    """Why an address may not be written to: a Suppression.Reason and a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Preset:
    """How the rows of one service are read.

    Args:
        name: The word for ``--preset``.
        title: The name of the service.
        email: The names that the column of addresses can have.
        evidence: Columns of which one is enough to recognise the service.
        columns: Further columns that are used, by what they become.
        departure: Returns why the address of a row may not be written to, or None.
    """

    name: str
    title: str
    email: tuple[str, ...]
    evidence: frozenset[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    departure: Callable[[Cells], Departure | None] = lambda _cells: None

    def departed(self, cells: Cells) -> Departure | None:
        """Return why the address of a row may not be written to, or None.

        What the service is known for comes first, then what any column with a common name says.
        """
        found = self.departure(cells)
        if found or self is OWN:
            return found
        for column in STATUS_COLUMNS:
            word = cells.get(column, "").lower()
            if word in DEPARTED:
                return Departure(DEPARTED[word], f"{word} at {self.title}")
        if any(cells.get(column, "").lower() not in {"", *FALSE} for column in LEFT_COLUMNS):
            return Departure(Reason.MANUAL, f"unsubscribed at {self.title}")
        return None

    def mapping(self, columns: Collection[str]) -> dict[str, str]:
        """Return what each used column of a file becomes here."""
        address = next((name for name in self.email if name in columns), "")
        found = {address: "email"} if address else {}
        confirmed = next((name for name in CONFIRMATION_COLUMNS if name in columns), "")
        if confirmed:
            found[confirmed] = "confirmed_at"
        if self.name != "paperboy":
            found |= {name: "status" for name in STATUS_COLUMNS if name in columns}
            found |= {name: "suppressed_at" for name in LEFT_COLUMNS if name in columns}
        return found | {name: use for name, use in self.columns.items() if name in columns}


DEPARTED: Final = {
    "unsubscribed": Reason.MANUAL,
    "removed": Reason.MANUAL,
    "blocked": Reason.MANUAL,
    "blocklisted": Reason.MANUAL,
    "blacklisted": Reason.MANUAL,
    "disabled": Reason.MANUAL,
    "spammy": Reason.MANUAL,
    "cleaned": Reason.HARD_BOUNCE,
    "bounced": Reason.HARD_BOUNCE,
    "undeliverable": Reason.HARD_BOUNCE,
    "complained": Reason.COMPLAINT,
    "complaining": Reason.COMPLAINT,
}


def _mailchimp(cells: Cells) -> Departure | None:
    status = cells.get("status", "").lower()
    # A file of the cleaned or the unsubscribed has the column; a file of all has it for some.
    all_in_one = "status" in cells or "email marketing status" in cells
    if cells.get("clean_time") or status == "cleaned" or ("clean_time" in cells and not all_in_one):
        return Departure(Reason.HARD_BOUNCE, "cleaned at Mailchimp")
    left = cells.get("unsub_time") or status == "unsubscribed"
    if left or ("unsub_time" in cells and not all_in_one):
        reason = cells.get("unsub_reason", "").lower()
        spam = "spam" in reason or "abuse" in reason
        return Departure(
            Reason.COMPLAINT if spam else Reason.MANUAL, f"unsubscribed at Mailchimp {reason}"
        )
    return None


def _substack(cells: Cells) -> Departure | None:
    disabled = cells.get("email_disabled") or cells.get("emails disabled", "")
    if disabled.lower() in TRUE:
        return Departure(Reason.MANUAL, "email disabled at Substack")
    return None


def _buttondown(cells: Cells) -> Departure | None:
    if cells.get("undeliverability_date") or cells.get("undeliverability date"):
        return Departure(Reason.HARD_BOUNCE, "undeliverable at Buttondown")
    return None


def _ghost(cells: Cells) -> Departure | None:
    wanted = cells.get("subscribed_to_emails") or cells.get("subscribed", "")
    stopped = cells.get("email_disabled") or cells.get("email_suppressed", "")
    if stopped.lower() in TRUE:
        return Departure(Reason.HARD_BOUNCE, "email disabled at Ghost")
    if wanted.lower() in FALSE or cells.get("deleted_at"):
        return Departure(Reason.MANUAL, "unsubscribed at Ghost")
    return None


FOREIGN: Final = (
    Preset(
        "mailchimp",
        "Mailchimp",
        ADDRESS_COLUMNS,
        frozenset(
            {
                *("optin_time", "optin_ip", "confirm_ip", "leid", "euid", "member_rating"),
                *("unsub_time", "unsub_reason", "clean_time", "timestamp_opt", "unique_email_id"),
            }
        ),
        {
            "timezone": "timezone",
            "clean_time": "suppressed_at",
            "unsub_reason": "status",
        },
        _mailchimp,
    ),
    Preset(
        "substack",
        "Substack",
        ADDRESS_COLUMNS,
        frozenset(
            {
                *("active_subscription", "first_payment_at", "digest_enabled", "stripe plan"),
                *("email_disabled", "emails disabled"),
                *("emails received (6mo)", "emails opened (6mo)", "paid upgrade date"),
                *("first paid date", "days active", "subscription source (free)"),
            }
        ),
        {"email_disabled": "status", "emails disabled": "status"},
        _substack,
    ),
    Preset(
        "buttondown",
        "Buttondown",
        ADDRESS_COLUMNS,
        frozenset(
            {
                *("creation_date", "subscriber_type", "unsubscription_date", "churn_date"),
                *("subscription date", "unsubscription date", "undeliverability_date"),
                *("secondary_id", "referrer_url", "unsubscription_reason", "creation date"),
            }
        ),
        {
            "undeliverability_date": "suppressed_at",
            "undeliverability date": "suppressed_at",
        },
        _buttondown,
    ),
    Preset(
        "ghost",
        "Ghost",
        ADDRESS_COLUMNS,
        frozenset({"subscribed_to_emails", "complimentary_plan", "stripe_customer_id", "tiers"}),
        {
            "subscribed_to_emails": "status",
            "subscribed": "status",
            "deleted_at": "status",
            "email_disabled": "status",
            "email_suppressed": "status",
        },
        _ghost,
    ),
    Preset(
        "listmonk",
        "listmonk",
        ADDRESS_COLUMNS,
        frozenset({"attributes", "attribs", "subscription_status", "uuid"}),
    ),
)
OWN: Final = Preset("paperboy", "Paperboy", ADDRESS_COLUMNS, frozenset())
PRESETS: Final = {preset.name: preset for preset in (OWN, *FOREIGN)}
AUTO: Final = "auto"


def detect(columns: Collection[str]) -> Preset:
    """Return the preset of the service that made a file: the one with the most of its columns."""

    def evidence(preset: Preset) -> int:
        readable = "email" in preset.mapping(columns).values()
        return len(preset.evidence.intersection(columns)) if readable else 0

    best = max(FOREIGN, key=evidence)
    return best if evidence(best) else OWN
