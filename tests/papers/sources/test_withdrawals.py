"""Comments that say, or do not say, that this very paper is withdrawn."""

from __future__ import annotations

import pytest

from papers.sources.arxiv import is_withdrawn
from tests.papers.text.test_corpus import recorded_texts

OF_OTHER_THINGS = (
    "our earlier critics of the estimation",
    "previously submitted ApJ but withdrawn",
    "withdraw this manuscript from the Astrophysical Journal",
    "We withdraw a claim",
    "then withdrawn; now 19 pages",
)


@pytest.mark.parametrize(
    ("comment", "withdrawn"),
    [
        ("10 pages, 2 figures. Withdrawn", True),
        ("28 pages, 9 figures Withdrawn: the error budget is wrong", True),
        ("This paper has now been withdrawn", True),
        ("I withdraw this paper since the proof has a gap", True),
        ("withdraw paper", True),
        ("The authors withdraw this paper because of a sign error", True),
        ("13 pages, 6 figures. Withdrawal reason: error in the data", True),
        ("33 pages, with 21 figures. Paper is withdrawn pending a release", True),
        ("Replaces the withdrawn astro-ph/0000001, which was split", False),
        ("Withdrawn from a journal before review", False),
        ("5 pages; our claim in Ref. [13] is withdrawn", False),
        ("Retracted", True),
        ("Paper withdrawn due to an error", True),
        ("Withdrawn by arXiv-admin due to inappropriate use", True),
        ("This paper was submitted by mistake and has now been withdrawn", True),
        ("Article withdraw as its contents was merged into arXiv:1809.01743", True),
        ("This paper was withdrawn from ApJ by the authors due to a serious error", True),
        ("This has been withdrawn by arXiv administrators due to a dispute", True),
        ("We retract this paper", True),
        ("This paper replaces arXiv:1234.5678, which has been withdrawn", False),
        ("An earlier version of this paper was withdrawn", False),
        ("accepted for publication in ApJ; then withdrawn; now 19 pages", False),
        ("We withdraw a claim about the patchy reionization", False),
        ("Submitted to ApJ but withdrawn before review", False),
        ("This paper has not been withdrawn", False),
        ("Withdrawal symptoms in rats", False),
        ("Please ignore this paper, it is withdrawn", True),
        ("The authors withdrew the paper", True),
        ("Removed by the authors; an improved text will follow", True),
        ("The authors withdrew the paper from Nature", False),
        ("Please cite this paper, it replaces a withdrawn one", False),
        ("Dust was removed by the authors of Ref. 3", False),
        ("The claim of this paper is withdrawn in part", False),
        ("Comment on the withdrawn paper arXiv:1234.5678", False),
    ],
)
def test_a_comment_tells_whether_this_paper_is_withdrawn(comment: str, withdrawn: bool) -> None:
    assert is_withdrawn(comment) is withdrawn


def test_recorded_comments_are_withdrawals_except_those_of_other_things() -> None:
    comments = [" ".join(comment.split()) for comment in recorded_texts("withdrawal")]
    others = [comment for comment in comments if any(part in comment for part in OF_OTHER_THINGS)]
    assert len(others) == len(OF_OTHER_THINGS)
    assert [comment for comment in comments if not is_withdrawn(comment)] == others
