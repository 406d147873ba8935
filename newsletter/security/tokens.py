"""Tokens of links that act for a person without a password, one purpose each.

There are two kinds. The unsubscribe token is 128 random bits that never expire and survive a new
``SECRET_KEY``: the database keeps its SHA-256, and an encrypted copy so that every mail can
repeat the same link. All the others are signed by :mod:`django.core.signing` under a salt of
their own, so that a token for one purpose fails for another. They carry no time of signing:
rendering a mail twice gives the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal

from django.conf import settings
from django.core.signals import setting_changed
from django.core.signing import BadSignature, Signer, b64_encode
from django.db import connection, transaction
from django.dispatch import receiver
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.timezone import now

from newsletter.models import Consent, Digest, Notice, Subscriber, UnsubscribeToken
from newsletter.security.encryption import decrypt, encrypt

Rating = Literal["up", "down"]

CONFIRM_LIFETIME: Final = timedelta(hours=72)
PRIVACY_LIFETIME: Final = timedelta(days=1)
UNDO_LIFETIME: Final = timedelta(hours=1)
CLOCK_TOLERANCE: Final = timedelta(hours=1)
UNSUBSCRIBE_TOKEN_LENGTH: Final = 22  # Characters: 128 bits in base 64.
MAX_ITEM_DIGITS: Final = 3
RATINGS: Final[tuple[Rating, Rating]] = ("up", "down")


class TokenError(Exception):
    """Raised for a link that cannot be used; the message is one sentence for its reader."""


class InvalidTokenError(TokenError):
    """Raised for a link that is not one of ours, was cut short, or whose object is gone."""

    def __init__(
        self, message: str = "This link is not complete, or what it belonged to is gone."
    ) -> None:
        super().__init__(message)


class ErasedTokenError(InvalidTokenError):
    """Raised for a complete link of ours whose subscriber, request or digest was deleted."""

    def __init__(self, message: str = "What this link belonged to was erased.") -> None:
        super().__init__(message)


class ExpiredTokenError(TokenError):
    """Raised for a link of ours that is past its time."""

    def __init__(
        self, message: str = "This link was valid for three days and has expired."
    ) -> None:
        super().__init__(message)


def url_for(name: str, token: str) -> str:
    """Return the absolute address of a token's page; ``name`` is the page's URL name."""
    before, after = _url_parts(settings.SITE_URL, name)
    return f"{before}{token}{after}"


@lru_cache(maxsize=64)
def _url_parts(site_url: str, name: str) -> tuple[str, str]:
    """Return the parts of the address before and after the token, which needs no quoting."""
    before, _, after = reverse(name, args=["TOKEN"]).partition("TOKEN")
    return f"{site_url}{before}", after


def unsubscribe_token(subscriber: Subscriber) -> str:
    """Return the token of the unsubscribe link: 22 characters, the same in every mail.

    It is created on first use, and anew when the encrypted copy can no longer be read because
    ``SECRET_KEY`` changed; the links in older mails go on working.
    """
    existing = decrypt(subscriber.sealed_token)
    if existing:
        return existing
    token = secrets.token_urlsafe(16)
    sealed = encrypt(token)
    with transaction.atomic():
        won = Subscriber.objects.filter(
            pk=subscriber.pk, sealed_token=subscriber.sealed_token
        ).update(sealed_token=sealed)
        if won:
            UnsubscribeToken.objects.create(subscriber=subscriber, token_hash=_sha256(token))
    if won:
        subscriber.sealed_token = sealed
        return token
    subscriber.refresh_from_db(fields=["sealed_token"])
    return unsubscribe_token(subscriber)


def create_unsubscribe_tokens(subscribers: Iterable[Subscriber]) -> None:
    """Create a token for each subscriber without a readable one, in a few statements.

    The hash is stored first, so that no link ever leaves that would not work. When two senders
    create one at once, the first wins and the hash of the other is never used.
    """
    new = {
        person.pk: (person, secrets.token_urlsafe(16))
        for person in subscribers
        if decrypt(person.sealed_token) is None
    }
    if not new:
        return
    sealed = {pk: encrypt(token) for pk, (_, token) in new.items()}
    with transaction.atomic():
        UnsubscribeToken.objects.bulk_create(
            UnsubscribeToken(subscriber=person, token_hash=_sha256(token))
            for person, token in new.values()
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE newsletter_subscriber SET sealed_token = %s "
                "WHERE id = %s AND sealed_token = %s",
                [(text, pk, new[pk][0].sealed_token) for pk, text in sealed.items()],
            )
    stored = Subscriber.objects.filter(pk__in=list(new)).values_list("pk", "sealed_token")
    for pk, text in stored:
        new[pk][0].sealed_token = text


def subscriber_of_unsubscribe_token(token: str) -> Subscriber | None:
    """Return the subscriber whom the token unsubscribes; None when it is unknown."""
    known = (
        UnsubscribeToken.objects.filter(token_hash=_sha256(token))
        .select_related("subscriber")
        .first()
    )
    return known.subscriber if known else None


def confirm_token(consent: Consent) -> str:
    """Return the token that confirms one request, bound to the request and its address."""
    return _sign("confirm", f"{consent.pk}-{_fingerprint(consent.subscriber)}")


def consent_of_confirm_token(token: str) -> Consent:
    """Return the request that the token confirms, within 72 hours of it.

    Raises:
        ExpiredTokenError: The request is older.
        ErasedTokenError: The request was deleted since.
        InvalidTokenError: There never was such a request.
    """
    pk, _, fingerprint = _verify("confirm", token).partition("-")
    consent = Consent.objects.select_related("subscriber").filter(pk=int(pk)).first()
    if consent is None or fingerprint != _fingerprint(consent.subscriber):
        raise ErasedTokenError(
            "The request behind this link is gone: it was taken back, not confirmed in time, "
            "or erased."
        )
    # One from the future was stored by a wrong clock and would be valid until then.
    if not now() - CONFIRM_LIFETIME <= consent.at <= now() + CLOCK_TOLERANCE:
        raise ExpiredTokenError
    return consent


def undo_token(departure: Consent) -> str:
    """Return the token that takes back one unsubscription, bound to it and to its address."""
    return _sign("undo", f"{departure.pk}-{_fingerprint(departure.subscriber)}")


def departure_of_undo_token(token: str) -> Consent:
    """Return the unsubscription that the token takes back, within an hour of it.

    Raises:
        ExpiredTokenError: The unsubscription is older.
        ErasedTokenError: The subscriber was erased.
        InvalidTokenError: There never was such an unsubscription.
    """
    pk, _, fingerprint = _verify("undo", token).partition("-")
    departure = Consent.objects.select_related("subscriber").filter(pk=int(pk)).first()
    if departure is None or fingerprint != _fingerprint(departure.subscriber):
        raise ErasedTokenError
    if not may_undo(departure):
        raise ExpiredTokenError(
            "This link was valid for an hour and has expired. Enter your address again to come "
            "back; your choices are kept."
        )
    return departure


def may_undo(departure: Consent) -> bool:
    """Return whether an unsubscription is so recent that it can be taken back."""
    return now() - UNDO_LIFETIME <= departure.at <= now() + CLOCK_TOLERANCE


def preferences_token(subscriber: Subscriber) -> str:
    """Return the token of the page where a subscriber manages everything."""
    return _sign("preferences", _short(subscriber.public_id))


def subscriber_of_preferences_token(token: str) -> Subscriber:
    """Return the owner of a preferences page.

    Raises:
        InvalidTokenError: The token is not one of ours.
        ErasedTokenError: The subscriber was erased.
    """
    public_id = _long(_verify("preferences", token))
    subscriber = Subscriber.objects.filter(public_id=public_id).first()
    if subscriber is None:
        raise ErasedTokenError
    return subscriber


def feed_token(subscriber: Subscriber) -> str:
    """Return the token of a subscriber's private feed; a new ``feed_version`` makes it void."""
    return _sign("feed", f"{_short(subscriber.public_id)}-{subscriber.feed_version}")


def subscriber_of_feed_token(token: str) -> Subscriber:
    """Return the reader of a private feed.

    Raises:
        ExpiredTokenError: The feed has a new address, or ended with the subscription.
        ErasedTokenError: The subscriber was erased.
        InvalidTokenError: The token is not one of ours.
    """
    public_id, _, version = _verify("feed", token).rpartition("-")
    subscriber = Subscriber.objects.filter(public_id=_long(public_id)).first()
    if subscriber is None:
        raise ErasedTokenError
    if version != str(subscriber.feed_version):
        raise ExpiredTokenError("This feed has a new address, on your preferences page.")
    if subscriber.status not in (Subscriber.Status.ACTIVE, Subscriber.Status.PAUSED):
        raise ExpiredTokenError("This feed ended with its subscription.")
    return subscriber


def privacy_token(notice: Notice) -> str:
    """Return the token of the export and erasure page, bound to the mail that carries it."""
    return _sign("privacy", f"{notice.pk}-{_fingerprint(notice.subscriber)}")


def subscriber_of_privacy_token(token: str) -> Subscriber:
    """Return the owner of an export and erasure page, for a day after its mail was requested.

    Raises:
        ExpiredTokenError: The request is older.
        ErasedTokenError: The subscriber was erased.
        InvalidTokenError: There never was such a request.
    """
    pk, _, fingerprint = _verify("privacy", token).partition("-")
    notice = Notice.objects.select_related("subscriber").filter(pk=int(pk)).first()
    if notice is None or fingerprint != _fingerprint(notice.subscriber):
        raise ErasedTokenError
    moment = now()
    if not moment - PRIVACY_LIFETIME <= notice.created_at <= moment + CLOCK_TOLERANCE:
        raise ExpiredTokenError(
            "This link was valid for a day and has expired. Your preferences page mails a new one."
        )
    return notice.subscriber


def digest_token(digest: Digest) -> str:
    """Return the token of a digest's web view."""
    return _sign("digest", _short(digest.public_id))


def digest_of_digest_token(token: str) -> Digest:
    """Return the digest to show, with its subscriber.

    Raises:
        InvalidTokenError: The token is not one of ours, or its digest is gone.
    """
    return _digest(_verify("digest", token))


def feedback_token(digest: Digest, position: int, rating: Rating) -> str:
    """Return the token that rates item ``position`` (from 0) of a digest.

    The signature covers the digest alone and the rest is a plain suffix, so that a mail with
    thirty papers needs one signature: one of these links is as good as all of them.
    """
    return f"{_feedback_stem(digest)}.{position}.{rating}"


def feedback_stem(digest: Digest) -> str:
    """Return the common start of the addresses of all feedback links of a digest."""
    before, _ = _url_parts(settings.SITE_URL, "feedback")
    return before + _feedback_stem(digest)


@lru_cache(maxsize=256)
def feedback_suffix(position: int, rating: Rating) -> str:
    """Return the end of such an address for one item and one rating."""
    _, after = _url_parts("", "feedback")
    return f".{position}.{rating}{after}"


def read_feedback_token(token: str) -> tuple[Digest, str, Rating]:
    """Return the digest (with its subscriber), the paper's canonical id and the rating.

    Raises:
        InvalidTokenError: The token is not one of ours, or its digest is gone.
    """
    stem, _, suffix = token.partition(".")
    signature, _, suffix = suffix.partition(".")
    position, _, rating = suffix.partition(".")
    digest = _digest(_verify("feedback", f"{stem}.{signature}"))
    if rating not in RATINGS or not (position.isascii() and position.isdigit()):
        raise InvalidTokenError
    if len(position) > MAX_ITEM_DIGITS or int(position) >= len(digest.items):
        raise InvalidTokenError
    return digest, str(digest.items[int(position)]["paper"]), rating


def rate_papers_token(digest: Digest) -> str:
    """Return the token of the page that rates all papers of a digest; it never expires."""
    return _sign("rate-papers", _short(digest.public_id))


def digest_of_rate_papers_token(token: str) -> Digest:
    """Return the digest whose papers are rated, with its subscriber.

    Raises:
        InvalidTokenError: The token is not one of ours, or its digest is gone.
    """
    return _digest(_verify("rate-papers", token))


def _feedback_stem(digest: Digest) -> str:
    return _sign("feedback", _short(digest.public_id))


def _digest(value: str) -> Digest:
    digest = Digest.objects.select_related("subscriber").filter(public_id=_long(value)).first()
    if digest is None:
        raise ErasedTokenError
    return digest


class PreparedSigner(Signer):
    """Sign as Django's ``Signer`` does, in less time: the key of the HMAC is derived once."""

    def __init__(self, purpose: str, secret: str, fallbacks: Sequence[str]) -> None:
        salt = f"newsletter.{purpose}"
        super().__init__(key=secret, fallback_keys=[*fallbacks], salt=salt, sep=".")
        self.hmac = salted_hmac(f"{salt}signer", "", secret, algorithm=self.algorithm)

    def sign(self, value: str) -> str:
        """Return the value with its signature."""
        keyed = self.hmac.copy()
        keyed.update(value.encode())
        return f"{value}{self.sep}{b64_encode(keyed.digest()).decode()}"


def _sign(purpose: str, value: str) -> str:
    return _signer(purpose).sign(value)


def _verify(purpose: str, token: str) -> str:
    try:
        return _signer(purpose).unsign(token)
    except BadSignature as error:
        raise InvalidTokenError from error


@lru_cache(maxsize=64)
def _signer(purpose: str) -> PreparedSigner:
    """Return the signer of one purpose."""
    return PreparedSigner(purpose, settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS)


@receiver(setting_changed)
def forget_keys(setting: str, **_: object) -> None:
    """Forget the signers when tests change the secret keys."""
    if setting.startswith("SECRET_KEY"):
        _signer.cache_clear()


def _short(public_id: uuid.UUID) -> str:
    """Return the id in 22 characters instead of 36."""
    return base64.urlsafe_b64encode(public_id.bytes).decode().rstrip("=")


def _long(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(f"{value}=="))
    except (ValueError, binascii.Error) as error:
        raise InvalidTokenError from error


def _fingerprint(subscriber: Subscriber) -> str:
    """Return a hash that binds a confirmation link to its address without showing it."""
    return _sha256(subscriber.email_key)[:16]


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
