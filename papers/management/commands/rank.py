"""``manage.py rank``: rank papers for readers offline, with the code that digests use."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO

from django.core.management.base import CommandError, OutputWrapper
from tqdm import tqdm

from papers.management.json_lines import (
    UNUSABLE,
    JsonLinesCommand,
    RefusedLineError,
    is_name,
    require_whole,
)
from papers.management.output import COUNTS, whole_file
from papers.management.progress import bar
from papers.recommend import encoder
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank

SHOWN: Final = 5
"""So many unknown ids are named, each with as many characters as ``SHOWN_LENGTH``."""
SHOWN_LENGTH: Final = 60


class Command(JsonLinesCommand):
    """Rank papers offline with the code that chooses digests."""

    help = (
        "Rank items for profiles. Reads JSON Lines (gzipped, too), writes one JSON line for each "
        'profile ({"user", "ranked"}). A line that is no use is named on standard error and the '
        f"rest goes on. {COUNTS.format(counts='ranked= rejected=')} "
        "Exit status: 0 all ranked, 1 some lines refused, 2 bad arguments or a file that cannot "
        "be read or written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the files and the number of papers."""
        parser.add_argument(
            "--items", type=Path, required=True, metavar="FILE", help='{"id", "title", "abstract"}'
        )
        parser.add_argument(
            "--profiles",
            type=Path,
            required=True,
            metavar="FILE",
            help='{"user", "likes": [ids], "searches": [texts], "candidates": [ids]}, likes or '
            "searches or both; without candidates: every item",
        )
        parser.add_argument("--top", type=int, default=10, metavar="N", help="default: 10")
        parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")

    def handle(self, *_: Any, **options: Any) -> None:
        """Check the number of papers, then rank."""
        if options["top"] < 1:
            sentence = "--top is the number of papers wanted; write 1 or more."
            raise CommandError(sentence, returncode=UNUSABLE)
        self.names: dict[str, Any] = {}
        super().handle(**options)

    def run(self, options: dict[str, Any]) -> None:
        """Rank, write and count. Raises UnreadableError."""
        papers = list(self.documents(options["items"]))
        index = Index(papers, (), encoder.of(papers, watch=partial(bar, unit=" titles")))
        if options["out"]:
            with whole_file(options["out"]) as file:
                ranked = self.write(index, options, file)
        else:
            ranked = self.write(index, options, self.stdout)
        said = self.stdout if options["out"] else self.stderr
        said.write(f"ranked={ranked} rejected={self.rejected}")

    def write(self, index: Index, options: dict[str, Any], file: TextIO | OutputWrapper) -> int:
        """One line for each profile that is of use; returns how many."""
        ranked = 0
        for number, profile in self.objects(options["profiles"]):
            try:
                line = self.ranked(index, profile, options["top"])
            except RefusedLineError as refused:
                self.reject(options["profiles"], number, refused)
            else:
                with tqdm.external_write_mode():
                    file.write(json.dumps(line) + "\n")
                ranked += 1
        return ranked

    def documents(self, path: Path) -> Iterator[Document]:
        """Yield the items; an id keeps the type (number or text) that its file gives it."""
        for number, item in self.objects(path):
            try:
                yield self.document(item)
            except RefusedLineError as refused:
                self.reject(path, number, refused)

    def document(self, item: dict[str, Any]) -> Document:
        """One item, whose id is taken from now on. Raises RefusedLineError."""
        title, abstract = item.get("title"), item.get("abstract")
        abstract = "" if abstract is None else abstract
        if not is_name(item.get("id")) or not isinstance(title, str):
            raise RefusedLineError('An item needs an "id", text or a number, and a "title".')
        require_whole(item["id"], title, abstract)
        if not isinstance(abstract, str):
            raise RefusedLineError(f'Item {item["id"]!r}: "abstract" must be text.')
        name = str(item["id"])
        if name in self.names:
            raise RefusedLineError(f"The id {item['id']!r} was there before.")
        self.names[name] = item["id"]
        return Document(name, title, abstract)

    def ranked(self, index: Index, profile: dict[str, Any], top: int) -> dict[str, Any]:
        """One line of the answer. Raises RefusedLineError."""
        if not is_name(profile.get("user")):
            raise RefusedLineError('A profile needs a "user", text or a number.')
        require_whole(profile["user"])
        searches = self.searches(profile)
        likes = self.known(profile, "likes") if "likes" in profile or not searches else []
        if not likes and not searches:
            raise RefusedLineError(
                f"User {profile['user']!r} likes no known paper and searches for nothing; there is "
                "nothing to go by."
            )
        asked = self.known(profile, "candidates") if "candidates" in profile else list(self.names)
        liked = set(likes)
        candidates = [paper for paper in asked if paper not in liked]
        found = rank(index, Profile(likes=likes, texts=searches), candidates, top)
        return {"user": profile["user"], "ranked": [self.names[paper] for paper in found]}

    def searches(self, profile: dict[str, Any]) -> list[str]:
        """Return the searches of a profile, each once. Raises RefusedLineError."""
        listed = profile.get("searches", [])
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise RefusedLineError(f'User {profile["user"]!r}: "searches" must be a list of texts.')
        require_whole(*listed)
        return [one for one in dict.fromkeys(listed) if one.strip()]

    def known(self, profile: dict[str, Any], key: str) -> list[str]:
        """Return the ids of a list that are items, each once; report the others."""
        listed = profile.get(key)
        if not isinstance(listed, list):
            raise RefusedLineError(f'User {profile["user"]!r}: "{key}" must be a list of ids.')
        known: dict[str, None] = {}
        unknown = []
        for paper in listed:
            if is_name(paper) and str(paper) in self.names:
                known[str(paper)] = None
            else:
                unknown.append(paper)
        if unknown:
            some = ", ".join(_shown(paper) for paper in unknown[:SHOWN])
            self.say(
                f"User {profile['user']!r}: {len(unknown)} unknown ids in {key}, left out: {some}"
            )
        return list(known)


def _shown(value: object) -> str:
    """Return a bad id for an error sentence: short and on one line."""
    if not is_name(value):
        return "what is neither text nor a number"
    shown = repr(value)
    return shown if len(shown) <= SHOWN_LENGTH else shown[: SHOWN_LENGTH - 1] + "…"
