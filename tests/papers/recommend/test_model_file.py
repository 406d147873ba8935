"""Text models are made once and mapped by every process."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from papers.recommend.index import Document, Index
from papers.recommend.model_file import KEPT_FILES, open_or_make
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank
from papers.recommend.text_model import TextModel

PAPERS = [
    Document(str(n), f"{subject} {n}", f"About {subject} in {n} ways, {subject} of all kinds.")
    for n in range(12)
    for subject in [("coral reefs", "robots folding cloth", "quantum circuits")[n % 3]]
]


class Makes:
    """Makes models and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def opened(self, folder: Path, papers: list[Document], secret: str = "key") -> TextModel:
        """Return the model of these papers, two thirds of them candidates."""
        candidates = 2 * len(papers) // 3

        def make() -> TextModel:
            self.count += 1
            return TextModel(papers, candidates)

        return open_or_make(folder, secret, papers, candidates, {}, make)


@pytest.fixture
def makes() -> Makes:
    return Makes()


def test_a_model_is_made_once_and_ranks_alike_from_its_file(tmp_path: Path, makes: Makes) -> None:
    made = Index(PAPERS[:8], PAPERS[8:])
    for _ in range(2):
        read = Index(PAPERS[:8], PAPERS[8:], model=makes.opened(tmp_path, PAPERS))
        for profile in (Profile(likes=["9", "3"]), Profile(texts=["robots"])):
            assert rank(read, profile, read.place, 5) == rank(made, profile, made.place, 5)
        assert read.shared_phrases(9, 0) == made.shared_phrases(9, 0) != ()
    assert makes.count == 1


def test_the_arrays_of_a_file_are_mapped_and_cannot_be_written(
    tmp_path: Path, makes: Makes
) -> None:
    makes.opened(tmp_path, PAPERS)
    mean = makes.opened(tmp_path, PAPERS).similarity.mean
    assert not mean.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        mean[0] = 1


def test_the_three_files_that_were_used_last_are_kept(tmp_path: Path, makes: Makes) -> None:
    changed = [
        [replace(PAPERS[0], abstract=f"Another text {n}."), *PAPERS[1:]] for n in range(KEPT_FILES)
    ]
    for number, papers in enumerate([PAPERS, *changed[:-1], PAPERS, changed[-1], PAPERS]):
        makes.opened(tmp_path, papers)
        newest = max(tmp_path.glob("*.model"), key=lambda path: path.stat().st_mtime)
        os.utime(newest, (number, number))
    assert (makes.count, len(list(tmp_path.glob("*.model")))) == (KEPT_FILES + 1, KEPT_FILES)
    makes.opened(tmp_path, changed[0])
    assert makes.count == KEPT_FILES + 2


def test_trending_that_changes_keeps_the_file(tmp_path: Path, makes: Makes) -> None:
    makes.opened(tmp_path, PAPERS)
    makes.opened(tmp_path, [replace(paper, trending=2.0, why="hot") for paper in PAPERS])
    assert makes.count == 1


@pytest.mark.parametrize("kept", [0, 10, 60, -1])
def test_a_file_that_is_cut_off_is_made_again(tmp_path: Path, makes: Makes, kept: int) -> None:
    makes.opened(tmp_path, PAPERS)
    [path] = tmp_path.glob("*.model")
    os.truncate(path, kept if kept >= 0 else path.stat().st_size - 1)
    for _ in range(2):
        assert makes.opened(tmp_path, PAPERS).ids == [paper.id for paper in PAPERS]
    assert makes.count == 2


def test_a_file_that_was_signed_with_another_key_is_not_read(tmp_path: Path, makes: Makes) -> None:
    makes.opened(tmp_path, PAPERS)
    makes.opened(tmp_path, PAPERS, secret="another")
    assert makes.count == 2


def test_where_no_file_can_be_written_the_model_is_made_for_the_process(
    tmp_path: Path, makes: Makes
) -> None:
    (tmp_path / "file").touch()
    model = makes.opened(tmp_path / "file", PAPERS)
    assert np.isfinite(model.similarity.mean).all()
