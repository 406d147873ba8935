"""Write every paper as JSON Lines."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from django.core.management.base import BaseCommand, OutputWrapper

from papers.management.output import COUNTS, whole_file
from papers.management.progress import bar
from papers.models import Paper


def _moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def exported(paper: Paper) -> dict[str, object]:
    """Return one paper as it is exported.

    ``published`` is the day of the first listing where the first submission is not known.
    """
    return {
        "id": paper.canonical_id,
        "title": paper.title,
        "abstract": paper.abstract,
        "summary": paper.summary,
        "summary_source": paper.summary_source,
        "authors": paper.authors,
        "published": _moment(paper.published_at or paper.announced_at),
        "updated": _moment(paper.revised_at),
        "categories": paper.categories,
        "url": paper.url,
        "pdf_url": paper.pdf_url,
        "code_url": paper.code_url,
        "withdrawn": paper.withdrawn,
        "trending": paper.trending,
    }


class Command(BaseCommand):
    """One JSON object a line, in the order of the public ids."""

    help = (
        "Write every paper as JSON Lines to standard output or a file. "
        f"{COUNTS.format(counts='papers=')} "
        "Exit status: 0 written, 2 the file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file to write."""
        parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")

    def handle(self, *_: object, **options: object) -> None:
        """Write the papers and count them."""
        out = options["out"]
        if not isinstance(out, Path):
            self.stderr.write(f"papers={self._write(self.stdout)}")
            return
        with whole_file(out) as file:
            count = self._write(file)
        self.stdout.write(f"papers={count}")

    def _write(self, file: TextIO | OutputWrapper) -> int:
        count = 0
        for line in self._lines():
            file.write(line + "\n")
            count += 1
        return count

    def _lines(self) -> Iterator[str]:
        papers = Paper.objects.order_by("canonical_id")
        with bar(total=papers.count(), unit=" papers") as progress:
            for paper in papers.iterator(chunk_size=1000):
                progress.update()
                yield json.dumps(exported(paper), ensure_ascii=False)
