"""Email addresses: which are accepted, how two spellings of one are recognised, what is kept.

An address is accepted as RFC 5321 has it, without quoted local parts, literals or line breaks;
whether somebody reads mail there is for the confirmation to show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import email_validator
from disposable_email_domains import blocklist
from django.conf import settings
from django.utils.crypto import salted_hmac

MAX_LENGTH: Final = 254
TOO_LONG: Final = f"An email address has at most {MAX_LENGTH} characters; look for a mistake in it."
SLIPS: Final = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"^[^@]*$", "The @ is missing; write the whole address, such as ada@example.org."),
        (r"@.*[\s,;].*@", "These are several email addresses; write one of them."),
        (r'[<>()\[\]"]', "Write the address alone, without a name, quotation marks or brackets."),
        (r"\s", "An email address has no spaces in it; take them out."),
        (r"@.*@", "An email address has only one @; take out the other."),
        (r"^@", "The part before the @ is missing; write the whole, such as ada@example.org."),
        (r"@$", "The part after the @ is missing; write the whole, such as ada@example.org."),
        (r"\.$", "An email address does not end with a dot; take it away."),
        (r"\.\.", "There are two dots side by side; take one of them away."),
        (r"^\.|\.@|@\.", "No dot can stand at the beginning or beside the @; take it away."),
        (r"@[^.]*$", "The part after the @ has no dot in it; write it whole, such as example.org."),
        (r"@[\d.]+$", "A number stands after the @; write a name such as example.org there."),
        (r"^[^@]{65}", "The part before the @ has at most 64 characters; look for a mistake."),
    )
)
"""What people get wrong most often, in the order in which it is looked for."""
ODD: Final = (
    (re.compile(r"^[^@]*?([^@a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-])"), "before"),
    (re.compile(r"@.*?([^\w.-]|_)"), "after"),
)
"""Characters that an address cannot have in its parts."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Private networks and test beds do deliver to names such as .local and .test, so a reserved name
# is left to the mail server. This list is the documented switch for it.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class AddressError(ValueError):
    """Not an address we can write to; the message is one sentence for the person who typed it."""


@dataclass(frozen=True)
class Address:
    """One address: ``email`` as mail is sent to it, ``key`` the same for every spelling of it.

    The domain of both is ASCII (IDNA 2008). The local part of ``email`` keeps its case, because
    only its own server may say that case does not matter; plus tags are kept in both.
    """

    email: str
    key: str

    @property
    def domain(self) -> str:
        return self.key.rpartition("@")[2]

    @property
    def disposable(self) -> bool:
        """Is the domain, or one above it, known for throw-away mailboxes?"""
        labels = self.domain.split(".")
        return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def parse(typed: str) -> Address:
    """The address that a person typed. Raises AddressError."""
    if CONTROL.search(typed):
        raise AddressError(
            "An email address has no line breaks or control characters in it; take them out."
        )
    typed = typed.strip()
    if not typed:
        raise AddressError("Write your email address, such as ada@example.org.")
    if len(typed) > MAX_LENGTH:
        raise AddressError(TOO_LONG)
    try:
        found = email_validator.validate_email(
            typed, allow_smtputf8=False, check_deliverability=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise AddressError(_slip(typed)) from error
    email = found.ascii_email
    if email is None or len(email) > MAX_LENGTH:
        raise AddressError(TOO_LONG)
    local, _, domain = email.rpartition("@")
    return Address(email=email, key=f"{local.lower()}@{domain.lower()}")


def key_of(typed: str) -> str:
    """The key of an address that may no longer pass today's rules, for looking it up."""
    try:
        return parse(typed).key
    except AddressError:
        return typed.strip().lower()


def organisation(host: str) -> str:
    """The last two labels, near enough to tell one organisation's hosts from another's."""
    return ".".join(host.lower().split(".")[-2:])


def hash_of(key: str) -> str:
    """The keyed hash under which a suppressed address is remembered."""
    return _hash(key, settings.SECRET_KEY)


def hashes_of(key: str) -> list[str]:
    """The hash under the present secret key and under every earlier one that is still known."""
    return [_hash(key, secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _hash(key: str, secret: str) -> str:
    return salted_hmac("newsletter.suppression", key, secret=secret, algorithm="sha256").hexdigest()


def _slip(typed: str) -> str:
    """What is wrong with it and what to do: the validator's own words are for programmers."""
    for pattern, sentence in SLIPS:
        if pattern.search(typed):
            return sentence
    for pattern, place in ODD:
        found = pattern.search(typed)
        if found and found[1].isprintable():
            return f"“{found[1]}” cannot stand {place} the @; check that part of the address."
    return "No mail can be sent to such an address; look for a typing mistake in it."
