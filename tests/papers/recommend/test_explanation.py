"""Explanation of a digest: the rule that decided, and a change that includes the paper."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from papers.recommend.explanation import Change, DigestRequest, explain
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from tests.papers.recommend.test_diversify import DAY, SUBJECTS, a_library, dated

CORAL = Profile(texts=["coral reefs"])


def authored(library: list[Document]) -> list[Document]:
    return [replace(paper, authors=(f"Ada Byron{paper.id}",)) for paper in library]


def test_a_paper_that_is_in_has_its_rank_and_slot() -> None:
    index = Index(a_library())
    asked = DigestRequest(CORAL, 5)
    first = asked.picks(index)[0]
    found = explain(index, asked, first.paper)
    assert (found.included, found.rank, found.rule) == (True, 1, first.slot)
    assert found.change is None


def test_sent_papers_and_their_other_editions_are_explained_as_sent() -> None:
    library = a_library()
    twin = replace(library[1], id="twin", title=f"{library[1].title} (Extended Version)")
    index = Index([*library, twin])
    for paper in ("1", "twin"):
        found = explain(index, DigestRequest(CORAL, 5, {"1"}), paper)
        assert (found.rule, found.change) == ("sent", None)


def test_an_old_paper_is_explained_with_its_age() -> None:
    index = Index(dated({"59": 12.0}))
    found = explain(index, DigestRequest(CORAL, 5), "59")
    assert (found.rule, found.value, found.threshold, found.change) == ("too old", 12.0, 10, None)


@pytest.mark.parametrize(
    ("profile", "rule", "change"),
    [
        (replace(CORAL, muted=["study 6"]), "muted", Change("muted", remove=("study 6",))),
        (replace(CORAL, names=["Ada Byron6"]), "own", Change("names", remove=("Ada Byron6",))),
        (replace(CORAL, dislikes=["6"]), "disliked", Change("dislikes", remove=("6",))),
    ],
)
def test_a_choice_that_excludes_a_paper_is_named(
    profile: Profile, rule: str, change: Change
) -> None:
    library = authored([p for p in a_library() if int(p.id) % 5 != 1 or p.id in {"1", "6"}])
    index = Index(library)
    found = explain(index, DigestRequest(profile, 10), "6")
    assert (found.rule, found.change) == (rule, change)


def test_for_a_paper_outside_every_interest_its_field_is_proposed() -> None:
    found = explain(Index(a_library()), DigestRequest(CORAL, 10), "3")
    assert (found.rule, found.rank) == ("no interest", None)
    assert found.change == Change("topics", add=("f3.X",))


def test_a_near_duplicate_of_a_chosen_paper_is_explained_as_the_same_story() -> None:
    library = a_library()
    twin = replace(library[6], id="twin", title=f"{library[6].title} again")
    index = Index([*library, twin])
    asked = DigestRequest(CORAL, 10)
    left = ({"6", "twin"} - {pick.paper for pick in asked.picks(index)}).pop()
    assert explain(index, asked, left).rule == "same story"


def test_a_proposed_change_includes_the_paper_in_a_hundred_random_cases() -> None:
    generator = random.Random(7)
    library = authored(dated({p.id: generator.uniform(0, 12) for p in a_library()[1:]}))
    index = Index(library)
    explained = hopeless = 0
    for _ in range(100):
        profile = Profile(
            texts=generator.sample(SUBJECTS, generator.randint(0, 2)),
            topics=generator.sample(["f0", "f1", "f2"], generator.randint(0, 2)),
            likes=generator.sample([p.id for p in library], generator.randint(0, 2)),
            muted=generator.sample(["weights", "coral", "robots"], generator.randint(0, 1)),
            names=generator.sample(["Ada Byron7", "Ada Byron8"], generator.randint(0, 1)),
        )
        since = generator.choice([None, 98 * DAY])
        asked = DigestRequest(
            profile, generator.randint(2, 12), {"3", "4"}, generator.randint(0, 9), since
        )
        paper = generator.choice(library).id
        found = explain(index, asked, paper)
        if found.included:
            assert paper in {pick.paper for pick in asked.picks(index)}
        elif found.change is None:
            hopeless += found.rule not in {"sent", "too old", "muted", "own", "liked", "disliked"}
        else:
            explained += 1
            assert paper in {pick.paper for pick in asked.with_change(found.change).picks(index)}
    assert explained > 20
    assert hopeless < 5
