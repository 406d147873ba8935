"""Web addresses in texts: finding, checking, and telling which is the code."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

URL_LENGTH: Final = 500
# What a sentence may put after an address; closing parentheses are settled by counting.
TRAILING: Final = ".,;:!?'\"”’>]*"
URL: Final = re.compile(
    r"(?:https?://|\bwww\.|\b(?=(?:github|gitlab)\.com/))[^\s<>\"“”|\\^`{}]{1,2000}", re.IGNORECASE
)
REPOSITORY: Final = re.compile(
    r"https?://(?:www\.)?"
    r"(?:(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|gitee\.com)/[\w.-]+/[\w.-]+"
    r"|huggingface\.co/(?!papers/|blog/|docs/|collections/|posts/)(?:(?:datasets|spaces)/)?"
    r"[\w.-]+/[\w.-]+)",
    re.IGNORECASE,
)
SECURE_HOST: Final = re.compile(r"(?:.*\.)?(?:arxiv\.org|github\.com|doi\.org|huggingface\.co)")


def link(address: str) -> str:
    """Return a web address fit to be shown, with https where its host is known to have it.

    Return an empty text when it is no address of the web, or too long.
    """
    address = address.strip()
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or "." not in host:
        return ""
    if " " in address or not address.isprintable():
        return ""
    if SECURE_HOST.fullmatch(host):
        address = "https:" + address.partition(":")[2]
    return address if len(address) <= URL_LENGTH else ""


def links_in(prose: str) -> list[str]:
    """Return the web addresses in a text, each once, without the punctuation of their sentences."""
    if not any(sign in prose for sign in ("://", "www.", ".com/")):
        return []
    found = []
    for match in URL.finditer(prose):
        address = match.group().rstrip(TRAILING)
        surplus = address.count(")") - address.count("(")
        while surplus > 0 and address.endswith(")"):
            address, surplus = address[:-1].rstrip(TRAILING), surplus - 1
        found.append(link(address if "://" in address else f"https://{address}"))
    return [address for address in dict.fromkeys(found) if address]


def code_link(prose: str) -> str:
    """Return the address of the code in an abstract: a repository, or what a sentence calls code.

    A project page alone is not code.
    """
    for address in links_in(prose):
        if REPOSITORY.match(address):
            return address
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", prose):
        if re.search(r"\bcodes?\b", sentence, re.IGNORECASE) and (found := links_in(sentence)):
            return found[0]
    return ""
