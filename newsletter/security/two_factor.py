"""The second factor of staff: six digits from an authenticator app (TOTP, RFC 6238).

django-otp keeps the keys and checks the codes. A key is offered on a page, signed into its form,
and stored only when a code proves that the app has it: a GET of the page changes nothing.
"""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from typing import Final

import segno
from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

OFFER_SALT: Final = "newsletter.security.two_factor.offer"
OFFER_SECONDS: Final = 3600


@dataclass(frozen=True)
class KeyOffer:
    """A key for one account, not yet stored. ``signed`` carries it through the form."""

    user: User
    key: str

    @classmethod
    def new(cls, user: User) -> KeyOffer:
        """Return an offer of a fresh key."""
        return cls(user, default_key())

    @classmethod
    def read(cls, user: User, signed: str) -> KeyOffer:
        """Return the key offered to this account within the hour, or else a new one."""
        try:
            owner, key = signing.loads(signed, salt=OFFER_SALT, max_age=OFFER_SECONDS)
        except signing.BadSignature:
            return cls.new(user)
        return cls(user, key) if owner == user.pk else cls.new(user)

    @property
    def signed(self) -> str:
        """Return the offer, signed, for a hidden field."""
        return signing.dumps([self.user.pk, self.key], salt=OFFER_SALT)

    @property
    def device(self) -> TOTPDevice:
        """Return the unsaved device with this key."""
        return TOTPDevice(user=self.user, key=self.key, name="authenticator app", confirmed=True)

    @property
    def secret(self) -> str:
        """Return the key for typing it in: base32 in groups of four."""
        text = b32encode(self.device.bin_key).decode()
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))

    @property
    def qr_code(self) -> str:
        """Return the key as an SVG data URI for an ``img``, which any content policy can allow."""
        return segno.make(self.device.config_url).svg_data_uri(scale=5, dark="#000", light="#fff")


def enrolled(user: User) -> bool:
    """Return whether this account has a confirmed authenticator app."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def enrol(offer: KeyOffer, code: str) -> Device | None:
    """Store an offered key if the code matches it and the account has none; return its device."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=offer.user.pk)
        device = offer.device
        if enrolled(offer.user):
            return None
        device.save()
        if device.verify_token(code):
            return device
        transaction.set_rollback(True)
    return None
