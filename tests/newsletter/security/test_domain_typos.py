"""Mistyped domains of large providers."""

from __future__ import annotations

import pytest

from newsletter.security.domain_typos import intended


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yaho.com", "yahoo.com"),
        ("icluod.com", "icloud.com"),
    ],
)
def test_one_letter_away_from_a_provider_is_a_mistake(typed: str, meant: str) -> None:
    assert intended(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("gmail.com", "mail.com", "ymail.com", "gmx.net", "gmx.at", "me.org", "proton.me"),
        *("example.org", "uni-bonn.de", "gmail.com.br", "hotmail.fr", "yahoo.fr", "", "com"),
    ],
)
def test_other_domains_are_left_alone(typed: str) -> None:
    assert intended(typed) == ""
