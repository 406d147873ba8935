"""Authenticated encryption of short secrets with keys derived from ``SECRET_KEY``.

New text is encrypted with Fernet. Text that earlier versions encrypted with AES-GCM
(NIST SP 800-38D) can still be read. Every key of ``SECRET_KEY_FALLBACKS`` can read, only
``SECRET_KEY`` encrypts.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

GCM_NONCE_BYTES: Final = 12
FERNET_PREFIX: Final = "gAAAA"  # Version 0x80 and the high bytes of a time-stamp, in base 64.
FERNET_CONTEXT: Final = b"newsletter.unsubscribe.fernet"
GCM_CONTEXT: Final = b"newsletter.unsubscribe"


def encrypt(text: str) -> str:
    """Return the text encrypted with the present secret key."""
    return _fernet(settings.SECRET_KEY).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str | None:
    """Return the text that ``encrypt`` was given; None when no known key can read it."""
    return _decrypt(encrypted, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


# A run reads the token of each subscriber twice: to see whether there is one, and to use it.
@lru_cache(maxsize=256)
def _decrypt(encrypted: str, *secrets: str) -> str | None:
    if not encrypted.startswith(FERNET_PREFIX):
        return _decrypt_gcm(encrypted, *secrets)
    try:
        return _fernet(*secrets).decrypt(encrypted).decode()
    except InvalidToken:
        return None


def _decrypt_gcm(encrypted: str, *secrets: str) -> str | None:
    try:
        content = base64.b64decode(encrypted, validate=True)
    except ValueError:
        return None
    nonce, content = content[:GCM_NONCE_BYTES], content[GCM_NONCE_BYTES:]
    for secret in secrets:
        try:
            return AESGCM(_derive(secret, GCM_CONTEXT)).decrypt(nonce, content, None).decode()
        except (InvalidTag, ValueError):  # Encrypted with another key, or cut short.
            continue
    return None


@lru_cache(maxsize=16)
def _fernet(*secrets: str) -> MultiFernet:
    keys = [base64.urlsafe_b64encode(_derive(secret, FERNET_CONTEXT)) for secret in secrets]
    return MultiFernet([Fernet(key) for key in keys])


@lru_cache(maxsize=32)
def _derive(secret: str, context: bytes) -> bytes:
    """Derive a key of 32 bytes from a secret key by HKDF (RFC 5869)."""
    return HKDF(hashes.SHA256(), length=32, salt=None, info=context).derive(secret.encode())
