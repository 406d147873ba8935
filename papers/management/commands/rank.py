"""``manage.py rank``: rank papers for readers offline, with the code that digests use."""

from __future__ import annotations

import gzip
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from papers import semantic
from papers.ranking import Document, Index, Profile, rank

UNREADABLE = 2


class Refused(Exception):  # noqa: N818
    """A line that cannot be used; the message is one sentence for people."""


class Command(BaseCommand):
    help = (
        "Rank items for profiles. Reads JSON Lines (.gz too), writes one JSON line per profile "
        '({"user", "ranked"}) and, on standard error, the counts ranked= rejected=. '
        "Exit status: 0 all ranked, 1 some lines refused, 2 a file cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--items", type=Path, required=True, metavar="FILE", help='{"id", "title", "abstract"}'
        )
        parser.add_argument(
            "--profiles",
            type=Path,
            required=True,
            metavar="FILE",
            help='{"user", "likes": [ids], "candidates": [ids]}; without candidates: every item',
        )
        parser.add_argument("--top", type=int, default=10, metavar="N", help="default: 10")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["top"] < 1:
            raise CommandError("--top is the number of papers wanted; write 1 or more.")
        self.rejected = 0
        self.names: dict[str, Any] = {}
        papers = list(self.documents(options["items"]))
        index = Index(papers, **semantic.of(papers))
        ranked = 0
        profiles = list(self.lines(options["profiles"]))
        for number, profile in tqdm(profiles, unit=" profiles", leave=False, disable=None):
            try:
                line = self.ranked(index, profile, options["top"])
            except Refused as refused:
                self.reject(options["profiles"], number, refused)
            else:
                self.stdout.write(json.dumps(line, ensure_ascii=False))
                ranked += 1
        self.stderr.write(f"ranked={ranked} rejected={self.rejected}")
        if self.rejected:
            raise SystemExit(1)

    def documents(self, path: Path) -> Iterator[Document]:
        """The items; an id keeps the spelling (number or text) that its file gives it."""
        for number, item in self.lines(path):
            if "id" not in item or not isinstance(item.get("title"), str):
                self.reject(path, number, Refused('An item needs an "id" and a "title".'))
            elif str(item["id"]) in self.names:
                self.reject(path, number, Refused(f"The id {item['id']!r} was there before."))
            else:
                self.names[str(item["id"])] = item["id"]
                yield Document(str(item["id"]), item["title"], str(item.get("abstract") or ""))

    def ranked(self, index: Index, profile: dict[str, Any], top: int) -> dict[str, Any]:
        """One line of the answer. Raises Refused."""
        if "user" not in profile:
            raise Refused('A profile needs a "user".')
        likes = self.known(profile, "likes")
        if not likes:
            raise Refused(
                f"User {profile['user']!r} likes no known paper; there is nothing to go by."
            )
        asked = self.known(profile, "candidates") if "candidates" in profile else list(self.names)
        liked = set(likes)
        candidates = [paper for paper in asked if paper not in liked]
        found = rank(index, Profile(likes=likes), candidates, top)
        return {"user": profile["user"], "ranked": [self.names[paper] for paper in found]}

    def known(self, profile: dict[str, Any], name: str) -> list[str]:
        """The ids of a list that are items; the others are named and left out."""
        listed = profile.get(name)
        if not isinstance(listed, list):
            raise Refused(f'User {profile["user"]!r}: "{name}" must be a list of ids.')
        unknown = [paper for paper in listed if str(paper) not in self.names]
        if unknown:
            some = ", ".join(map(str, unknown[:5]))
            self.stderr.write(
                f"User {profile['user']!r}: {len(unknown)} unknown ids in {name}, left out: {some}"
            )
        return [str(paper) for paper in listed if str(paper) in self.names]

    def lines(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a JSON Lines file with their line numbers."""
        opened = gzip.open if path.suffix == ".gz" else open
        try:
            with opened(path, "rt", encoding="utf-8") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield from self.object(path, number, line)
        except (OSError, EOFError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            sentence = f"{path} cannot be read: {reason}."
            raise CommandError(sentence, returncode=UNREADABLE) from error

    def object(self, path: Path, number: int, line: str) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict):
            yield number, found
        else:
            self.reject(path, number, Refused("This is no JSON object."))

    def reject(self, path: Path, number: int, why: Refused) -> None:
        self.rejected += 1
        self.stderr.write(f"{path.name}, line {number}: {why}")
