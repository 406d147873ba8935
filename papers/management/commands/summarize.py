"""``manage.py summarize``: the claim sentences of abstracts offline, chosen as ingest does."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

from django.core.management.base import OutputWrapper
from tqdm import tqdm

from papers.management.json_lines import JsonLinesCommand, RefusedLineError, is_name, require_whole
from papers.management.output import COUNTS, whole_file
from papers.text import clean
from papers.text.summary import ABSTRACT_LENGTH, claim_among, claim_sentence

RAW_LENGTH: Final = 4 * ABSTRACT_LENGTH
"""Characters of a raw abstract that are cleaned; markup makes it longer than what is read."""


class Command(JsonLinesCommand):
    """One JSON object a line in, one out, in the same order."""

    help = (
        "Choose the claim sentence of each abstract. Reads JSON Lines (gzipped, too), writes one "
        'JSON line for each item ({"id", "summary"}); the summary is empty where the abstract has '
        "no claim sentence. A line that is no use is named on standard error and the rest goes on. "
        f"{COUNTS.format(counts='summarized= empty= rejected=')} "
        "Exit status: 0 all read, 1 some lines refused, 2 bad arguments or a file that cannot "
        "be read or written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the files."""
        parser.add_argument(
            "--items",
            type=Path,
            required=True,
            metavar="FILE",
            help='{"id", "title", "abstract"}, or "sentences": [texts] instead of the abstract',
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")

    def run(self, options: dict[str, Any]) -> None:
        """Summarize, write and count. Raises UnreadableError."""
        if options["out"]:
            with whole_file(options["out"]) as file:
                counts = self.write(options["items"], file)
        else:
            counts = self.write(options["items"], self.stdout)
        said = self.stdout if options["out"] else self.stderr
        said.write(f"summarized={counts[0]} empty={counts[1]} rejected={self.rejected}")

    def write(self, path: Path, file: TextIO | OutputWrapper) -> tuple[int, int]:
        """Write one line for each item of use; return how many got a sentence, how many none."""
        summarized = empty = 0
        for line in self.answers(path):
            with tqdm.external_write_mode():
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            summarized += bool(line["summary"])
            empty += not line["summary"]
        return summarized, empty

    def answers(self, path: Path) -> Iterator[dict[str, Any]]:
        """Yield one line of the answer for each item of use."""
        for number, item in self.objects(path):
            try:
                yield {"id": item.get("id"), "summary": summary_of(item)}
            except RefusedLineError as refused:
                self.reject(path, number, refused)


def summary_of(item: dict[str, Any]) -> str:
    """Return the claim sentence of one item. Raises RefusedLineError."""
    if not is_name(item.get("id")):
        raise RefusedLineError('An item needs an "id", text or a number.')
    title, abstract = item.get("title") or "", item.get("abstract") or ""
    sentences = item.get("sentences")
    if not isinstance(title, str) or not isinstance(abstract, str):
        raise RefusedLineError(f'Item {item["id"]!r}: "title" and "abstract" must be text.')
    require_whole(item["id"], title, abstract)
    title = clean.line(title[:RAW_LENGTH])
    if sentences is None:
        return claim_sentence(title, clean.paragraphs(abstract[:RAW_LENGTH]))
    if not isinstance(sentences, list) or not all(isinstance(one, str) for one in sentences):
        raise RefusedLineError(f'Item {item["id"]!r}: "sentences" must be a list of texts.')
    require_whole(*sentences)
    cleaned = (clean.line(sentence[:RAW_LENGTH]) for sentence in sentences)
    return claim_among(title, [sentence for sentence in cleaned if sentence])
