"""Links that act for a person without a password, one purpose each.

Two kinds. The unsubscribe token is 128 random bits that never expire and survive a new
``SECRET_KEY``: the database keeps its SHA-256, and a copy sealed with AES-GCM (NIST SP 800-38D)
so that every mail can repeat the same link. All the others are signed by
:mod:`django.core.signing` under a salt of their own, so that a token for one purpose fails for
another. They carry no time-stamp of the signing: rendering a mail twice gives the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.signing import BadSignature, Signer, b64_encode
from django.db import connection, transaction
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.timezone import now

from newsletter.models import Consent, Digest, Subscriber, UnsubscribeToken

Verdict = Literal["up", "down"]

CONFIRM_LIFETIME: Final = timedelta(hours=72)
NONCE_BYTES: Final = 12
UNSUBSCRIBE_TOKEN_LENGTH: Final = 22  # Characters: 128 bits in base 64.
VERDICTS: Final[tuple[Verdict, Verdict]] = ("up", "down")


class TokenError(Exception):
    """A link that cannot be used; the message is one sentence for the person who followed it."""


class TokenInvalid(TokenError):  # noqa: N818
    """The link is not one of ours, was cut short, or belongs to what is gone."""

    def __init__(
        self, message: str = "This link is not complete, or what it belonged to is gone."
    ) -> None:
        super().__init__(message)


class TokenGone(TokenInvalid):
    """The link is whole and was ours; what it belonged to is gone."""

    def __init__(self, message: str = "What this link belonged to was erased.") -> None:
        super().__init__(message)


class TokenExpired(TokenError):  # noqa: N818
    """The link was ours and came too late."""

    def __init__(
        self, message: str = "This link was valid for three days and has expired."
    ) -> None:
        super().__init__(message)


def url_for(name: str, token: str) -> str:
    """The absolute address of a token's page; ``name`` is the page's URL name."""
    before, after = _around(settings.SITE_URL, name)
    return f"{before}{token}{after}"


@lru_cache(maxsize=64)
def _around(site_url: str, name: str) -> tuple[str, str]:
    """What stands before and after the token; tokens need no quoting in a path."""
    before, _, after = reverse(name, args=["TOKEN"]).partition("TOKEN")
    return f"{site_url}{before}", after


def unsubscribe_token(subscriber: Subscriber) -> str:
    """The token of this subscriber's unsubscribe link: 22 characters, the same in every mail.

    Minted on first use, and anew when the sealed copy can no longer be opened because
    ``SECRET_KEY`` changed; the links in older mails go on working.
    """
    unsealed = _unseal(subscriber.sealed_token)
    if unsealed:
        return unsealed
    token = secrets.token_urlsafe(16)
    sealed = _seal(token)
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


def mint_unsubscribe_tokens(subscribers: Iterable[Subscriber]) -> None:
    """Give each of these people a token if they have none that can be opened: a few statements.

    The hash is stored first, so that no link ever leaves that would not work; of two senders
    that mint at once the first wins and the other one's hash is never used.
    """
    new = {
        person.pk: (person, secrets.token_urlsafe(16))
        for person in subscribers
        if _unseal(person.sealed_token) is None
    }
    if not new:
        return
    sealed = {pk: _seal(token) for pk, (_, token) in new.items()}
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
    """Whom the token unsubscribes; None when it is unknown."""
    known = (
        UnsubscribeToken.objects.filter(token_hash=_sha256(token))
        .select_related("subscriber")
        .first()
    )
    return known.subscriber if known else None


def confirm_token(consent: Consent) -> str:
    """The token that confirms one request to subscribe, bound to the request and its address."""
    return _sign("confirm", f"{consent.pk}-{_fingerprint(consent.subscriber)}")


def consent_of_confirm_token(token: str) -> Consent:
    """The request that the token confirms, within 72 hours of it.

    Raises TokenExpired when it is older, TokenGone when the request was forgotten since,
    TokenInvalid when there never was one.
    """
    pk, _, fingerprint = _verify("confirm", token).partition("-")
    consent = Consent.objects.select_related("subscriber").filter(pk=int(pk)).first()
    if consent is None or fingerprint != _fingerprint(consent.subscriber):
        raise TokenGone(
            "The request behind this link is gone: it was taken back, not confirmed in time, "
            "or erased."
        )
    if consent.at + CONFIRM_LIFETIME < now():
        raise TokenExpired
    return consent


def preferences_token(subscriber: Subscriber) -> str:
    """The token of the page where a subscriber manages everything."""
    return _sign("preferences", _short(subscriber.public_id))


def subscriber_of_preferences_token(token: str) -> Subscriber:
    """Whose page it is. Raises TokenInvalid, or TokenGone once they were erased."""
    public_id = _long(_verify("preferences", token))
    subscriber = Subscriber.objects.filter(public_id=public_id).first()
    if subscriber is None:
        raise TokenGone
    return subscriber


def digest_token(digest: Digest) -> str:
    """The token of a digest's web view."""
    return _sign("digest", _short(digest.public_id))


def digest_of_digest_token(token: str) -> Digest:
    """The digest to show, with its subscriber. Raises TokenInvalid."""
    return _digest(_verify("digest", token))


def feedback_token(digest: Digest, position: int, verdict: Verdict) -> str:
    """The token that tells what the reader thinks of item ``position`` (from 0) of a digest.

    The signature covers the digest alone and the rest is a plain suffix, so that a mail with
    thirty papers needs one signature: whoever holds one of these links holds them all.
    """
    return f"{_feedback_stem(digest)}.{position}.{verdict}"


def feedback_stem(digest: Digest) -> str:
    """What the addresses of all feedback links of a digest begin with."""
    before, _ = _around(settings.SITE_URL, "feedback")
    return before + _feedback_stem(digest)


@lru_cache(maxsize=256)
def feedback_suffix(position: int, verdict: Verdict) -> str:
    """What completes such an address for one item and one verdict."""
    _, after = _around("", "feedback")
    return f".{position}.{verdict}{after}"


def read_feedback_token(token: str) -> tuple[Digest, str, Verdict]:
    """The digest (with its subscriber), the paper's canonical id and the verdict.

    Raises TokenInvalid.
    """
    stem, _, suffix = token.partition(".")
    signature, _, suffix = suffix.partition(".")
    position, _, verdict = suffix.partition(".")
    digest = _digest(_verify("feedback", f"{stem}.{signature}"))
    if verdict not in VERDICTS or not (position.isascii() and position.isdigit()):
        raise TokenInvalid
    if len(position) > 3 or int(position) >= len(digest.items):
        raise TokenInvalid
    return digest, str(digest.items[int(position)]["paper"]), verdict


def _feedback_stem(digest: Digest) -> str:
    return _sign("feedback", _short(digest.public_id))


def _digest(value: str) -> Digest:
    digest = Digest.objects.select_related("subscriber").filter(public_id=_long(value)).first()
    if digest is None:
        raise TokenGone
    return digest


def _sign(purpose: str, value: str) -> str:
    """What ``Signer.sign`` returns, with the key prepared once for all the mails of a run."""
    signing = _signing(purpose, settings.SECRET_KEY).copy()
    signing.update(value.encode())
    return f"{value}.{b64_encode(signing.digest()).decode()}"


def _verify(purpose: str, token: str) -> str:
    try:
        return Signer(salt=_salt(purpose), sep=".").unsign(token)
    except BadSignature as error:
        raise TokenInvalid from error


@lru_cache(maxsize=64)
def _signing(purpose: str, secret: str) -> hmac.HMAC:
    """An HMAC that has seen no message yet, keyed as ``django.core.signing`` does it."""
    return salted_hmac(f"{_salt(purpose)}signer", b"", secret, algorithm="sha256")


def _salt(purpose: str) -> str:
    return f"newsletter.{purpose}"


def _short(public_id: uuid.UUID) -> str:
    """22 characters instead of 36."""
    return base64.urlsafe_b64encode(public_id.bytes).decode().rstrip("=")


def _long(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(f"{value}=="))
    except (ValueError, binascii.Error) as error:
        raise TokenInvalid from error


def _fingerprint(subscriber: Subscriber) -> str:
    """Which address a confirmation was asked for, without saying it in the link."""
    return _sha256(subscriber.email_key)[:16]


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _seal(token: str) -> str:
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _box(settings.SECRET_KEY).encrypt(nonce, token.encode(), None)
    return base64.b64encode(nonce + sealed).decode()


def _unseal(sealed: str) -> str | None:
    return _unsealed(sealed, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


# The people of a chunk are asked once whether they have a token and once for it.
@lru_cache(maxsize=256)
def _unsealed(sealed: str, *keys: str) -> str | None:
    try:
        content = base64.b64decode(sealed, validate=True)
    except ValueError:
        return None
    nonce, content = content[:NONCE_BYTES], content[NONCE_BYTES:]
    for key in keys:
        try:
            return _box(key).decrypt(nonce, content, None).decode()
        except (InvalidTag, ValueError):  # Sealed with another key, or cut short.
            continue
    return None


@lru_cache(maxsize=16)
def _box(secret: str) -> AESGCM:
    """A sealing key derived from a secret key by HKDF (RFC 5869)."""
    derive = HKDF(hashes.SHA256(), length=32, salt=None, info=b"newsletter.unsubscribe")
    return AESGCM(derive.derive(secret.encode()))
