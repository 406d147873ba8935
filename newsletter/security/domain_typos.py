"""Likely typing mistakes in the domain of an address: one letter away from a large provider."""

from __future__ import annotations

from typing import Final

PROVIDERS: Final = (
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com"),
    *("yahoo.com", "ymail.com", "icloud.com", "me.com", "mac.com", "aol.com", "mail.com"),
    *("proton.me", "protonmail.com", "fastmail.com", "gmx.com", "gmx.de", "gmx.net", "web.de"),
    *("qq.com", "163.com", "126.com", "foxmail.com", "naver.com", "yandex.ru", "mail.ru"),
)
"""Providers with many mailboxes; an address at one of them holds no mistake."""
SHORTEST: Final = 8
"""Characters of a domain that is corrected: many short ones differ in one letter."""


def intended(domain: str) -> str:
    """Return the provider that was probably meant by a domain; empty where none is near."""
    if domain in PROVIDERS:
        return ""
    near = (name for name in PROVIDERS if len(name) >= SHORTEST and _one_edit_apart(domain, name))
    return next(near, "")


def _one_edit_apart(one: str, other: str) -> bool:
    """Return whether one letter more, less or changed, or two exchanged, make both the same."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    first, second = one[start:], other[start:]
    exchanged = second[1:2] + second[:1] + second[2:]
    return (
        first[1:] == second[1:]
        or first[1:] == second
        or first == second[1:]
        or (first == exchanged)
    )
