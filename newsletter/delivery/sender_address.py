"""The address that mail comes from."""

from __future__ import annotations

from functools import lru_cache

from anymail.exceptions import AnymailInvalidAddress
from anymail.utils import parse_address_list


@lru_cache(maxsize=16)
def sender_error(sender: str) -> str:
    """Return why a From header is no single address; empty when it is one."""
    try:
        [address] = parse_address_list([sender], field="from")
    except (AnymailInvalidAddress, ValueError):
        address = None
    if address is not None and address.username and address.domain:
        return ""
    return (
        f"{sender!r} is no sender's address: write DEFAULT_FROM_EMAIL and NOTICE_FROM_EMAIL like "
        '"Example, Inc." <news@example.org>, a name with a comma in quotes.'
    )
