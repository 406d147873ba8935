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
    *("opt-in confirmed at", "activation_date"),
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

    def mapping(self, columns: Collection[str]) -> dict[str, str]:
        """Return what each used column of a file becomes here."""
        address = next((name for name in self.email if name in columns), "")
        found = {address: "email"} if address else {}
        confirmed = next((name for name in CONFIRMATION_COLUMNS if name in columns), "")
        if confirmed:
            found[confirmed] = "confirmed_at"
        return found | {name: use for name, use in self.columns.items() if name in columns}


def _mailchimp(cells: Cells) -> Departure | None:
    status = cells.get("status", "").lower()
    if "clean_time" in cells or status == "cleaned":
        return Departure(Reason.HARD_BOUNCE, "cleaned at Mailchimp")
    if "unsub_time" in cells or status == "unsubscribed":
        reason = cells.get("unsub_reason", "").lower()
        spam = "spam" in reason or "abuse" in reason
        return Departure(
            Reason.COMPLAINT if spam else Reason.MANUAL, f"unsubscribed at Mailchimp {reason}"
        )
    return None


def _substack(cells: Cells) -> Departure | None:
    if cells.get("email_disabled", "").lower() in TRUE:
        return Departure(Reason.MANUAL, "email disabled at Substack")
    return None


def _listmonk(cells: Cells) -> Departure | None:
    status = cells.get("status", "").lower()
    if status in {"blocklisted", "blacklisted"}:
        return Departure(Reason.MANUAL, "blocklisted at listmonk")
    if status == "disabled" or cells.get("subscription_status", "").lower() == "unsubscribed":
        return Departure(Reason.MANUAL, "unsubscribed at listmonk")
    return None


BUTTONDOWN_TYPES: Final = {
    "unsubscribed": Reason.MANUAL,
    "removed": Reason.MANUAL,
    "blocked": Reason.MANUAL,
    "spammy": Reason.MANUAL,
    "undeliverable": Reason.HARD_BOUNCE,
    "complained": Reason.COMPLAINT,
    "complaining": Reason.COMPLAINT,
}


def _buttondown(cells: Cells) -> Departure | None:
    kind = (cells.get("type") or cells.get("subscriber_type") or cells.get("status", "")).lower()
    if kind in BUTTONDOWN_TYPES:
        return Departure(BUTTONDOWN_TYPES[kind], f"{kind} at Buttondown")
    if cells.get("unsubscription_date") or cells.get("unsubscription date"):
        return Departure(Reason.MANUAL, "unsubscribed at Buttondown")
    if cells.get("undeliverability_date") or cells.get("undeliverability date"):
        return Departure(Reason.HARD_BOUNCE, "undeliverable at Buttondown")
    return None


def _ghost(cells: Cells) -> Departure | None:
    wanted = cells.get("subscribed_to_emails") or cells.get("subscribed", "")
    if wanted.lower() in FALSE or cells.get("deleted_at"):
        return Departure(Reason.MANUAL, "unsubscribed at Ghost")
    return None


FOREIGN: Final = (
    Preset(
        "mailchimp",
        "Mailchimp",
        ("email address", "email"),
        frozenset({"optin_time", "leid", "euid", "unsub_time", "clean_time", "member_rating"}),
        {
            "timezone": "timezone",
            "status": "status",
            "unsub_time": "suppressed_at",
            "clean_time": "suppressed_at",
            "unsub_reason": "status",
        },
        _mailchimp,
    ),
    Preset(
        "substack",
        "Substack",
        ("email",),
        frozenset({"email_disabled", "active_subscription", "first_payment_at"}),
        {"email_disabled": "status"},
        _substack,
    ),
    Preset(
        "buttondown",
        "Buttondown",
        ("email_address", "email"),
        frozenset(
            {
                *("creation_date", "subscriber_type", "unsubscription_date", "churn_date"),
                *("subscription date", "unsubscription date", "undeliverability_date"),
            }
        ),
        {
            "type": "status",
            "subscriber_type": "status",
            "status": "status",
            "unsubscription_date": "suppressed_at",
            "unsubscription date": "suppressed_at",
            "undeliverability_date": "suppressed_at",
            "undeliverability date": "suppressed_at",
        },
        _buttondown,
    ),
    Preset(
        "ghost",
        "Ghost",
        ("email",),
        frozenset({"subscribed_to_emails", "complimentary_plan", "stripe_customer_id"}),
        {"subscribed_to_emails": "status", "subscribed": "status", "deleted_at": "status"},
        _ghost,
    ),
    Preset(
        "listmonk",
        "listmonk",
        ("email",),
        frozenset({"attributes", "attribs", "subscription_status"}),
        {"status": "status", "subscription_status": "status"},
        _listmonk,
    ),
)
OWN: Final = Preset("paperboy", "Paperboy", ("email", "email address"), frozenset())
PRESETS: Final = {preset.name: preset for preset in (OWN, *FOREIGN)}
AUTO: Final = "auto"


def detect(columns: Collection[str]) -> Preset:
    """Return the preset of the service that made a file with these columns."""
    found = (
        preset
        for preset in FOREIGN
        if preset.evidence.intersection(columns) and "email" in preset.mapping(columns).values()
    )
    return next(found, OWN)
