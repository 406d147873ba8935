"""Papers that only mention the subject of a search are found, and not sent."""

from __future__ import annotations

from papers.recommend.diversify import compose, unanswered
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank

SEARCH = Profile(texts=["coral bleaching"])
ABOUT = Document("about", "Coral bleaching from space", "Satellites see it. It is white.")
MENTION = Document(
    "mention", "Better cameras", "They see more. They last. They cost less. Say, coral bleaching."
)
OTHERS = [Document(f"o{n}", f"Engine {n}", f"It runs on oil {n}.", grown=False) for n in range(20)]


def sent(*papers: Document) -> list[str]:
    return [pick.paper for pick in compose(Index([*papers, *OTHERS]), SEARCH, 10)]


def test_a_paper_that_mentions_a_subject_is_found_and_not_sent() -> None:
    index = Index([ABOUT, MENTION, *OTHERS])
    assert rank(index, SEARCH, index.place, 5) == ["about", "mention"]
    assert "mention" not in sent(ABOUT, MENTION)
    assert "about" in sent(ABOUT, MENTION)


def test_a_search_that_is_only_mentioned_has_nothing_new() -> None:
    assert unanswered(Index([MENTION, *OTHERS]), SEARCH) == ["coral bleaching"]
    assert unanswered(Index([ABOUT, MENTION, *OTHERS]), SEARCH) == []


def test_a_subject_that_is_mentioned_twice_is_sent() -> None:
    twice = Document("twice", "Reefs", f"{MENTION.abstract} We count coral bleaching in them.")
    assert "twice" in sent(twice)
