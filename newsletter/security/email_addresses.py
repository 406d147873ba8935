"""Email addresses: validation, the key that two spellings share, and hashes for suppression.

An address is accepted as RFC 5321 defines it, without quoted local parts, literals or line
breaks; whether mail is read there is shown by the confirmation.
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
COMMON_MISTAKES: Final = tuple(
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
"""Frequent mistakes with the sentence about each, in the order in which they are checked."""
FORBIDDEN_CHARACTERS: Final = (
    (re.compile(r"^[^@]*?([^@a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-])"), "before"),
    (re.compile(r"@.*?([^\w.-]|_)"), "after"),
)
"""Patterns of the first character that the part before or after the @ cannot have."""
WITHOUT_WIDTH: Final = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphen, zero-width space, word joiner, byte order mark: pages put them where a line may
break; no address holds one (RFC 5892, 2.6 and 2.9)."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Private networks and test systems deliver to names such as .local and .test, so reserved names
# are accepted. The documentation of email-validator says to empty this list for that.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class EmailAddressError(ValueError):
    """Raised for a text that is no usable address; the message is one sentence for its author."""


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
        """Return the domain in ASCII and lower case."""
        return self.key.rpartition("@")[2]

    @property
    def disposable(self) -> bool:
        """Return whether the domain, or one above it, offers disposable mailboxes."""
        labels = self.domain.split(".")
        return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def parse(typed: str) -> Address:
    """Return the address in a text that a person typed.

    Raises:
        EmailAddressError: It is not a usable address.
    """
    if CONTROL.search(typed):
        raise EmailAddressError(
            "An email address has no line breaks or control characters in it; take them out."
        )
    typed = WITHOUT_WIDTH.sub("", typed).strip()
    if not typed:
        raise EmailAddressError("Write your email address, such as ada@example.org.")
    if len(typed) > MAX_LENGTH:
        raise EmailAddressError(TOO_LONG)
    try:
        found = email_validator.validate_email(
            typed, allow_smtputf8=False, check_deliverability=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise EmailAddressError(_explain(typed)) from error
    email = found.ascii_email
    if email is None or len(email) > MAX_LENGTH:
        raise EmailAddressError(TOO_LONG)
    local, _, domain = email.rpartition("@")
    return Address(email=email, key=f"{local.lower()}@{domain.lower()}")


def key_of(typed: str) -> str:
    """Return the key of an address for looking it up, even when it is no longer valid."""
    try:
        return parse(typed).key
    except EmailAddressError:
        return typed.strip().lower()


def organisation(host: str) -> str:
    """Return the last two labels of a host name, as an approximation of its organisation."""
    return ".".join(host.lower().split(".")[-2:])


def hash_of(key: str) -> str:
    """Return the keyed hash of an address for the suppression list."""
    return _hash(key, settings.SECRET_KEY)


def hashes_of(key: str) -> list[str]:
    """Return the hashes under the present secret key and under each fallback key."""
    return [_hash(key, secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _hash(key: str, secret: str) -> str:
    return salted_hmac("newsletter.suppression", key, secret=secret, algorithm="sha256").hexdigest()


def _explain(typed: str) -> str:
    """Return one sentence on what is wrong with the address and what to do."""
    for pattern, sentence in COMMON_MISTAKES:
        if pattern.search(typed):
            return sentence
    for pattern, place in FORBIDDEN_CHARACTERS:
        found = pattern.search(typed)
        if found and found[1].isprintable():
            return f"“{found[1]}” cannot stand {place} the @; check that part of the address."
    return "No mail can be sent to such an address; look for a typing mistake in it."
