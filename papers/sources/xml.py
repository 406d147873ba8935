"""Reading of XML answers, without DTDs, entities or network; broken ones as far as possible."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from lxml import etree
from lxml.etree import _Element

from papers.sources.record import ListingError, Rejection
from papers.text import clean

NAMESPACE: Final = re.compile(rb"""\sxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"]*"|'[^']*')""")
NAMESPACES_SIZE: Final = 10_000
"""Bytes of the namespaces that are declared again for each record of a broken answer."""
ENCODING: Final = re.compile(rb"""<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]+)["']""")


@dataclass(slots=True)
class Document:
    """The records of an answer as elements, with its root.

    ``root`` has no records when the answer was damaged; then ``damage`` says how.
    """

    root: _Element
    records: list[_Element]
    rejections: list[Rejection] = field(default_factory=list)
    damage: str = ""


def read(body: bytes, *, record: str, roots: frozenset[str], what: str) -> Document:
    """Read an answer whose records are elements named ``record``, in any namespace.

    An answer that was cut off or is broken in places yields the records that are whole; the
    others are rejected singly. Raises ListingError (naming ``what`` was expected) when it is
    something else altogether.
    """
    if not body.strip():
        raise ListingError(f"The answer is empty; {what} was expected.")
    if re.match(rb"\s*<(?:!doctype\s+html|html)", body, re.IGNORECASE):
        raise ListingError(f"The answer is a web page; {what} was expected.")
    if b"<!DOCTYPE" in body[:4096] or b"<!ENTITY" in body:
        raise ListingError("The answer declares a document type or entities, which is not allowed.")
    try:
        root = etree.fromstring(body, _parser())
        document = Document(root, list(root.iter("{*}" + record)))
    except etree.XMLSyntaxError as error:
        document = _whole_records(body, record.encode(), str(error), what)
    if name(document.root) not in roots:
        raise ListingError(f"The answer is <{name(document.root)}>; {what} was expected.")
    return document


def name(element: _Element) -> str:
    """Return the name of an element without its namespace."""
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def child(element: _Element, path: str) -> str:
    """Return the text of the first element at a path of local names, empty for none."""
    found = children(element, path)
    return found[0] if found else ""


def children(element: _Element, path: str) -> list[str]:
    """Return the texts of all elements at a path of local names such as ``author/name``."""
    steps = "/".join("{*}" + step for step in path.split("/"))
    return ["".join(map(str, found.itertext())) for found in element.findall(steps)]


def described(element: _Element, identifier: str) -> str:
    """Return a name for a rejected record: its id, else the beginning of its text."""
    words = clean.line(identifier or " ".join(map(str, element.itertext())))
    return clean.shortened(words, 120) or "a record without any text"


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )


def _whole_records(body: bytes, record: bytes, problem: str, what: str) -> Document:
    """Return the records of an answer that is not well-formed, each parsed alone."""
    opening = re.compile(rb"<(?:[\w.-]+:)?" + record + rb"[\s>]")
    starts = [found.start() for found in opening.finditer(body)]
    head = body[: starts[0]] if starts else body
    if not starts:
        raise ListingError(f"The answer is not well-formed XML ({problem}); {what} was expected.")
    encoding = found.group(1) if (found := ENCODING.match(body.lstrip())) else b"utf-8"
    namespaces = _namespaces(head)
    if len(namespaces) > NAMESPACES_SIZE:
        raise ListingError(f"The answer is not well-formed XML ({problem}); {what} was expected.")
    before = b'<?xml version="1.0" encoding="%s"?><part' % encoding + namespaces + b">"
    document = Document(_root(head), [], damage=f"It is not well-formed XML ({problem}).")
    closing = re.compile(rb"</(?:[\w.-]+:)?" + record + rb"\s*>")
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(body)], strict=True), 1):
        whole = closing.search(body, start, end)
        fragment = body[start : whole.end()] if whole else body[start:end]
        try:
            part = etree.fromstring(before + fragment + b"</part>", _parser())
            document.records.append(part[0])
        except etree.XMLSyntaxError as error:
            reason = f"Its XML is broken: {error.msg}." if whole else "It was cut off."
            document.rejections.append(Rejection(f"record {number}", reason))
    return document


def _namespaces(head: bytes) -> bytes:
    """Return the namespaces declared before the first record; the innermost of a name counts."""
    return b"".join(
        {part.split(b"=")[0].strip(): part for part in NAMESPACE.findall(head)}.values()
    )


def _root(head: bytes) -> _Element:
    """Return the root element as far as it goes before the first record."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(head, parser)
    if root is None:
        raise ListingError("The answer has no root element.")
    return root
