"""``manage.py import_likes``: what a subscriber likes, from the files of reference managers."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from newsletter.models import Interest, Subscriber
from tests.factories import a_paper, a_subscriber

pytestmark = pytest.mark.django_db
BIB = """\
@misc{one, title={{A first paper}}, eprint={2503.01234v2}, archivePrefix={arXiv}}
@article{two, title={Sparse attention {R}evisited}, doi={10.1000/XYZ}}
@article{three, title={Nobody knows this one}}
@article{four, title = {Never closed
"""
RIS = """\
TY  - JOUR
TI  - A first paper
UR  - https://arxiv.org/abs/2503.01234
ER  -

TY  - JOUR
TI  - Nobody knows this one
ER  -
"""
ZOTERO = (
    '"Key","Item Type","Title","DOI","Url","Extra"\n'
    '"A","preprint","A first paper","","http://arxiv.org/abs/2503.01234","arXiv:2503.01234 [cs]"\n'
    '"B","book","Nobody knows this one","","",""\n'
    '"C","book","","","",""\n'
)
IDS = "2503.01234, https://arxiv.org/abs/2503.05678v1\nNobody knows this one\n\n"


@pytest.fixture
def reader() -> Subscriber:
    a_paper(canonical_id="2503.01234", title="A first paper")
    a_paper(canonical_id="t-abc", title="Sparse attention revisited", doi="10.1000/xyz")
    return a_subscriber(email="ada@example.org")


def imported(path: Path) -> str:
    out = StringIO()
    call_command("import_likes", "ada@example.org", str(path), stdout=out)
    return out.getvalue().strip()


@pytest.mark.parametrize(
    ("name", "text", "counts"),
    [
        ("library.bib", BIB, "liked=2 unknown=1 unreadable=1"),
        ("library.ris", RIS, "liked=1 unknown=1 unreadable=0"),
        ("zotero.csv", ZOTERO, "liked=1 unknown=1 unreadable=1"),
        ("ids.txt", IDS, "liked=2 unknown=1 unreadable=0"),
        ("no-ending", BIB, "liked=2 unknown=1 unreadable=1"),
    ],
)
def test_each_format_is_read_and_counted(
    reader: Subscriber, tmp_path: Path, name: str, text: str, counts: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert imported(path) == counts
    liked = set(reader.interests.filter(kind=Interest.Kind.LIKE).values_list("value", flat=True))
    assert "2503.01234" in liked


def test_importing_twice_changes_nothing_and_keeps_other_likes(
    reader: Subscriber, tmp_path: Path
) -> None:
    other = a_paper().canonical_id
    Interest.objects.create(subscriber=reader, kind=Interest.Kind.LIKE, value=other)
    path = tmp_path / "library.ris"
    path.write_text(RIS)
    imported(path)
    assert imported(path) == "liked=0 unknown=1 unreadable=0"
    assert reader.interests.filter(value=other).exists()


def test_who_is_not_there_and_what_is_no_file_end_with_2(
    reader: Subscriber, tmp_path: Path
) -> None:
    (tmp_path / "odd.bib").write_bytes(b"\xff\xfe@")
    for email, path in (
        ("nobody@example.org", tmp_path / "odd.bib"),
        ("ada@example.org", tmp_path / "odd.bib"),
        ("ada@example.org", tmp_path),
    ):
        with pytest.raises(CommandError) as refused:
            call_command("import_likes", email, str(path))
        assert refused.value.returncode == 2
