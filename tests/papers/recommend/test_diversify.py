"""Selection of the papers of one digest: hard rules, interests in turn, order, duplicates."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from papers.recommend.diversify import Pick, compose
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import field_reason, interests

SUBJECTS = (
    "quantization weights low-bit integers",
    "coral reefs bleaching ocean",
    "variable stars pulsation photometry",
    "robots cloth folding policy",
    "protein folding structure design",
)


def a_library(size: int = 60) -> list[Document]:
    """Papers of five subjects in turn, each with words of its own; the first is exceptional."""
    return [
        Document(
            str(number),
            f"Study {number} of {SUBJECTS[number % 5]}",
            " ".join(f"detail{number}x{part}" for part in range(12)),
            categories=(f"f{number % 5}.X",),
            trending=float(size - number if number else 3 * size),
            why="trending",
        )
        for number in range(size)
    ]


def unrelated(count: int) -> list[Document]:
    """Papers of a subject each."""
    return [
        Document(
            f"u{number}",
            f"Essay on theme{number}",
            " ".join(f"u{number}x{part}" for part in range(12)),
        )
        for number in range(count)
    ]


def subjects(picks: list[Pick], slot: str = "personal") -> set[int]:
    return {int(pick.paper) % 5 for pick in picks if pick.slot == slot}


def test_an_interest_fills_the_digest_and_one_place_goes_to_what_trends_and_fits() -> None:
    picks = compose(Index(a_library()), Profile(texts=["coral reefs"]), 10)
    assert len(picks) == 10
    assert subjects(picks) == {1}
    trending = [pick.paper for pick in picks if pick.slot == "trending"]
    assert sorted(trending) == ["0", "1"]


def test_two_interests_take_turns() -> None:
    picks = compose(Index(a_library()), Profile(texts=["coral reefs", "variable stars"]), 8)
    personal = [int(pick.paper) % 5 for pick in picks if pick.slot == "personal"]
    assert sorted(personal) == [1, 1, 1, 2, 2, 2]


def test_with_more_interests_than_places_each_gets_a_paper_on_some_day() -> None:
    fields = {f"f{number}" for number in range(5)}
    index, profile = Index(a_library()), Profile(topics=sorted(fields), likes=["7"])
    for step in (1, 7):
        digests = [compose(index, profile, 3, turn=step * day) for day in range(20)]
        assert {pick.reason[:2] for picks in digests for pick in picks} >= fields


def test_papers_outside_every_interest_do_not_fill_a_digest() -> None:
    library = [*a_library(), Document("one", "Zymurgy of ales", grown=False)]
    picks = compose(Index(library), Profile(texts=["zymurgy"]), 10)
    assert [pick.paper for pick in picks] == ["one"]


def test_a_search_that_finds_nothing_leaves_its_places_to_the_fields_of_the_reader() -> None:
    picks = compose(Index(a_library()), Profile(texts=["zymurgy"], topics=["f3"]), 4)
    assert [int(pick.paper) % 5 for pick in picks] == [3] * 4


def test_likes_find_only_papers_above_the_chance_threshold() -> None:
    picks = compose(Index([*a_library(), *unrelated(200)]), Profile(likes=["7"]), 20)
    assert subjects(picks) == {2}


def test_near_duplicates_are_chosen_at_most_once() -> None:
    library = a_library()
    twin = replace(library[1], id="twin", title=library[1].title + " again")
    picks = {pick.paper for pick in compose(Index([*library, twin]), Profile(texts=["coral"]), 15)}
    assert not {"1", "twin"} <= picks


def test_a_title_is_chosen_once() -> None:
    library = a_library()
    bare = replace(library[1], id="bare", abstract="")
    picks = {pick.paper for pick in compose(Index([*library, bare]), Profile(texts=["coral"]), 15)}
    assert len(picks & {"1", "bare"}) == 1


def test_papers_of_equal_trend_keep_their_order() -> None:
    library = [replace(paper, categories=("f",), trending=0.0) for paper in a_library(600)]
    [field] = interests(Index(library), Profile(topics=["f"]))
    assert list(field.best()) == list(range(600))


def test_following_an_author_without_papers_gives_the_most_trending_paper() -> None:
    index = Index(a_library())
    for size in (1, 3, 10, 30):
        [pick] = compose(index, Profile(authors=["Nobody Known"]), size)
        assert pick.slot == "trending"


def test_sent_liked_and_disliked_papers_are_not_chosen() -> None:
    sent = {str(number) for number in range(1, 40, 5)}
    profile = Profile(texts=["coral reefs"], likes=["41"], dislikes=["46"])
    picks = {pick.paper for pick in compose(Index(a_library()), profile, 20, sent)}
    assert not picks & (sent | {"41", "46"})


def test_a_rated_paper_is_not_chosen_under_another_id() -> None:
    first, *rest = a_library()
    twin = replace(first, id="twin", title=f"{first.title.upper()}.", abstract="")
    index = Index([twin, *rest], [first])
    for profile in (Profile(likes=["0"]), Profile(dislikes=["0"])):
        assert "twin" not in {pick.paper for pick in compose(index, profile, 20)}


def test_titles_that_differ_in_punctuation_only_are_one_paper() -> None:
    first, *rest = a_library()
    twin = replace(first, id="twin", title=f"{first.title}.", abstract="")
    picks = {pick.paper for pick in compose(Index([twin, first, *rest]), Profile(), 20)}
    assert len(picks & {"0", "twin"}) == 1


def test_a_dislike_lowers_similar_trending_papers() -> None:
    first, *rest = a_library()
    judged = replace(first, id="judged", title="Another of coral reefs")
    usual = [pick.paper for pick in compose(Index([first, *rest], [judged]), Profile(), 5)]
    picks = compose(Index([first, *rest], [judged]), Profile(dislikes=["judged"]), 5)
    assert usual[0] == "0"
    assert picks[0].paper != "0"


def test_muted_words_and_authors_are_excluded() -> None:
    library = [replace(p, authors=("Ada Byron",)) if p.id == "6" else p for p in a_library()]
    profile = Profile(texts=["coral reefs"], muted=["variable stars", "Byron, A."])
    picks = compose(Index(library), profile, 20)
    assert not subjects(picks, "trending") & {2}
    assert "6" not in {pick.paper for pick in picks}


def test_papers_by_the_reader_are_excluded() -> None:
    library = [replace(p, authors=("Ada Byron",)) if p.id == "6" else p for p in a_library()]
    picks = compose(Index(library), Profile(texts=["coral reefs"], names=["Ada Byron"]), 20)
    assert "6" not in {pick.paper for pick in picks}


def test_one_pick_of_the_editor_comes_first() -> None:
    library = [replace(p, picked=p.id in {"8", "9"}) for p in a_library()]
    picks = compose(Index(library), Profile(texts=["coral reefs"]), 6)
    assert [pick.slot for pick in picks].count("pick") == 1
    assert picks[0].slot == "pick"


def test_without_interests_trending_papers_fill_the_digest_at_most_four_of_ten_from_a_field() -> (
    None
):
    library = [replace(p, categories=("f0",)) if int(p.id) < 8 else p for p in a_library()]
    picks = [pick.paper for pick in compose(Index(library), Profile(), 10)]
    assert picks == ["0", "1", "2", "3", "8", "9", "10", "11", "12", "13"]


def test_without_interests_papers_with_votes_come_before_papers_without() -> None:
    library = [replace(p, grown=int(p.id) > 50) for p in a_library()]
    picks = [pick.paper for pick in compose(Index(library), Profile(), 10)]
    assert picks[-1] == picks[9]
    assert {str(number) for number in range(51, 60)} < set(picks)


def test_a_field_alone_gives_its_trending_papers() -> None:
    picks = compose(Index(a_library()), Profile(topics=["f3"]), 4)
    assert [pick.paper for pick in picks] == ["3", "8", "13", "18"]


def test_one_liked_paper_fills_a_digest() -> None:
    picks = compose(Index([*a_library(), *unrelated(200)]), Profile(likes=["2"]), 5)
    assert subjects(picks) == {2}


def test_an_empty_library_gives_an_empty_digest() -> None:
    assert compose(Index([]), Profile(texts=["coral"]), 5) == []


def test_a_few_dislikes_leave_the_interest_nearly_as_wide_as_it_was() -> None:
    library = [
        Document(
            str(number),
            f"Study {number} of {SUBJECTS[number % 5]} and {SUBJECTS[number // 5 % 5]}",
            " ".join(f"detail{(number * 7 + part * part) % 40}" for part in range(12)),
        )
        for number in range(200)
    ]
    index = Index(library)
    [alone] = interests(index, Profile(likes=["1", "6"]))
    [judged] = interests(index, Profile(likes=["1", "6"], dislikes=["2", "3", "4", "7", "8"]))
    wide, left = (sum(1 for _ in profile.best()) for profile in (alone, judged))
    assert left > 0.8 * wide


def test_papers_without_a_field_are_not_bounded() -> None:
    library = [replace(p, categories=()) if int(p.id) < 20 else p for p in a_library()]
    picks = [pick.paper for pick in compose(Index(library), Profile(), 10)]
    assert picks == [str(number) for number in range(10)]


def test_a_followed_author_comes_before_everything_else() -> None:
    library = [replace(p, authors=("Ada Byron",)) if p.id == "58" else p for p in a_library()]
    profile = Profile(texts=[f"{subject}" for subject in SUBJECTS], authors=["Ada Byron"])
    for day in range(10):
        assert compose(Index(library), profile, 2, turn=day)[0].paper == "58"


def test_another_version_of_a_sent_paper_is_not_chosen() -> None:
    library = a_library()
    second = replace(library[1], id="second", abstract="Now with another abstract.")
    picks = compose(Index([*library, second]), Profile(texts=["coral reefs"]), 20, {"1"})
    assert not {"1", "second"} & {pick.paper for pick in picks}


def test_only_one_editors_pick_is_chosen_even_where_others_trend() -> None:
    library = [
        replace(p, picked=p.id in {"0", "1", "2"}, why="the editor's pick") for p in a_library()
    ]
    picks = compose(Index(library), Profile(texts=["protein folding"]), 10)
    assert [pick.paper in {"0", "1", "2"} for pick in picks].count(True) == 1


def test_one_paper_from_outside_the_interests_is_chosen_only_if_it_trends_exceptionally() -> None:
    profile = Profile(topics=["f1", "f2", "f3"])
    picks = compose(Index(a_library()), profile, 10)
    assert [pick.paper for pick in picks if int(pick.paper) % 5 in {0, 4}] == ["0"]
    assert not {"0", "4"} & {pick.paper for pick in compose(Index(a_library()), profile, 10, {"0"})}


def test_the_most_trending_paper_from_outside_is_not_chosen_if_others_trend_alike() -> None:
    library = [replace(a_library()[0], trending=60.0), *a_library()[1:]]
    picks = compose(Index(library), Profile(topics=["f1", "f2", "f3"]), 10)
    assert {int(pick.paper) % 5 for pick in picks} == {1, 2, 3}


def test_a_paper_from_outside_needs_four_others_beside_it() -> None:
    library = [p for p in a_library() if int(p.id) % 5 != 1 or int(p.id) > 40]
    index, profile = Index(library), Profile(texts=["coral reefs"])
    few = compose(Index(library[:-5]), profile, 10)
    assert (len(few), subjects(few, "trending")) == (3, {1})
    assert {pick.paper for pick in compose(index, profile, 10)} >= {"0", "41", "46", "51", "56"}


def test_where_nothing_fits_only_a_first_digest_holds_a_paper_that_trends_like_others() -> None:
    profile = Profile(texts=["zymurgy"])
    library = [replace(paper, announced=1000.0) for paper in a_library()]
    exceptional = [*library, Document("ales", "Zymurgy of ales", announced=-1.0)]
    usual = [replace(exceptional[0], trending=60.0), *exceptional[1:]]
    for never in (None, 0.0):
        assert [pick.paper for pick in compose(Index(usual), profile, 10, since=never)] == ["0"]
    assert compose(Index(usual), profile, 10, since=900.0) == []
    assert [pick.paper for pick in compose(Index(exceptional), profile, 10, since=900.0)] == ["0"]


DAY = 24.0


def dated(ages: dict[str, float]) -> list[Document]:
    """Return the library, announced on day 100 less the ages in days."""
    return [replace(p, announced=(100 - ages.get(p.id, 0.0)) * DAY) for p in a_library()]


def test_new_is_what_was_announced_since_the_last_digest() -> None:
    library = dated({p.id: 2.0 for p in a_library() if int(p.id) > 20})
    picks = compose(Index(library), Profile(texts=["coral reefs"]), 10, since=99 * DAY)
    assert {pick.paper for pick in picks if pick.part == "new"} <= {str(n) for n in range(21)}
    assert {pick.part for pick in picks} == {"new", "rising"}
    assert sum(pick.part == "rising" for pick in picks) <= 3


def test_a_first_digest_has_the_newest_three_days_of_announcements() -> None:
    library = dated({p.id: 2.9 if int(p.id) < 30 else 3.1 for p in a_library()[1:]})
    picks = compose(Index(library), Profile(texts=["coral reefs"]), 20)
    assert {int(p.paper) < 30 for p in picks if p.part == "new"} == {True}
    assert {int(p.paper) >= 30 for p in picks if p.part == "rising"} == {True}


def test_nothing_older_than_ten_days_is_chosen() -> None:
    library = dated({p.id: 10.1 for p in a_library()[1:]})
    profile = Profile(texts=["coral reefs"])
    assert compose(Index(library), profile, 10, {"0"}, since=100 * DAY) == []


def test_newer_papers_of_the_backlog_come_first_where_they_fit_equally() -> None:
    library = dated({p.id: 9.0 for p in a_library()[1:]} | {"36": 3.5, "41": 3.5, "46": 3.5})
    library = [replace(p, grown=False) for p in library]
    picks = compose(Index(library), Profile(texts=["coral reefs"]), 10, since=99 * DAY)
    assert {pick.paper for pick in picks if pick.part == "rising"} == {"36", "41", "46"}


def test_after_a_pause_everything_since_the_last_digest_is_new() -> None:
    library = dated({p.id: 20.0 for p in a_library()[1:]})
    picks = compose(Index(library), Profile(texts=["coral reefs"]), 10, since=70 * DAY)
    assert {pick.part for pick in picks} == {"new"}


def test_many_likes_get_more_places_than_one_author() -> None:
    liked = [
        replace(p, abstract=" ".join(f"fact{p.id}x{n}" for n in range(60)))
        for p in a_library(400)[2::5]
    ]
    others = [replace(p, authors=(f"Ada Byron{int(p.id) % 5}",)) for p in a_library(400)]
    library = [*liked, *(p for p in others if int(p.id) % 5 != 2)]
    authors = [f"Ada Byron{number}" for number in (0, 1, 3, 4)]
    likes = [str(number) for number in range(2, 77, 5)]
    picks = compose(Index(library), Profile(likes=likes, authors=authors), 10)
    reasons = Counter(pick.reason.split(" “")[0] for pick in picks if pick.slot == "personal")
    assert reasons["like"] >= 3
    assert max(count for reason, count in reasons.items() if "follow" in reason) == 1


@pytest.mark.parametrize(
    "title",
    ["{} (Extended Version)", "{}: Technical Report", "{} - Full Paper", "{} [Supplementary]"],
)
def test_another_edition_of_what_was_sent_is_not_sent(title: str) -> None:
    library = a_library()
    twin = replace(library[1], id="twin", title=title.format(library[1].title), abstract="")
    picks = compose(Index([*library, twin]), Profile(texts=["coral reefs"]), 30, {"1"})
    assert "twin" not in {pick.paper for pick in picks}


def test_the_abstract_of_a_sent_paper_is_not_sent_under_another_title() -> None:
    library = a_library()
    twin = replace(library[1], id="twin", title="Coral reefs")
    picks = compose(Index([*library, twin]), Profile(texts=["coral reefs"]), 30, {"1"})
    assert "twin" not in {pick.paper for pick in picks}


def test_the_strongest_pick_comes_first() -> None:
    library = [*a_library(), Document("best", "Zymurgy", "Zymurgy. Zymurgy.", grown=False)]
    library = [replace(p, grown=False) for p in library]
    for turn in range(5):
        profile = Profile(texts=["coral reefs", "zymurgy"])
        picks = compose(Index(library), profile, 6, turn=turn)
        assert [p.score for p in picks] == sorted((p.score for p in picks), reverse=True)


def test_strength_in_a_small_field_is_the_percentile_within_it() -> None:
    library = [
        replace(p, categories=("cs.RO",), grown=False) if p.id in {"57", "58", "59"} else p
        for p in a_library()
    ]
    picks = compose(Index(library), Profile(topics=["cs.RO"]), 4)
    assert [(pick.score, pick.reason) for pick in picks[:3]] == [
        (score, f"Robotics: number {rank} of 3 listed on 1 January")
        for rank, score in enumerate((1.0, 0.5, 0.0), start=1)
    ]


def test_no_two_papers_of_a_field_have_the_same_reason() -> None:
    library = [replace(p, categories=("cs.RO",), trending=0.0, grown=False) for p in a_library()]
    picks = compose(Index(library), Profile(topics=["cs.RO"]), 24)
    assert len({pick.reason for pick in picks}) == len(picks) > 3


def test_a_field_with_votes_tells_them_and_one_paper_alone_says_so() -> None:
    voted, moment = "▲ 36 on Hugging Face in three days", 900_000.0
    library = [
        replace(paper, categories=("cs.CV",), evidence=voted if paper.id == "3" else "")
        for paper in a_library(12)
    ]
    library.append(Document("lone", "A lone zymurgy paper", categories=("cs.RO",)))
    index = Index([replace(paper, announced=moment) for paper in library])
    place = index.place["lone"]
    assert field_reason(index, "cs.CV", index.place["3"]) == (
        f"Computer vision and pattern recognition: {voted}"
    )
    assert field_reason(index, "cs.RO", place) == "Robotics: the only one listed on 2 September"


def test_a_like_still_to_be_fetched_gives_a_full_digest_of_trending_papers() -> None:
    picks = compose(Index(a_library()), Profile(likes=["1706.03762"]), 5)
    assert subjects(picks, "trending") == {0, 1, 2, 3, 4}


def test_a_paper_with_part_of_a_search_in_its_title_needs_twice_the_trend() -> None:
    library = [replace(paper, trending=1.0, grown=paper.id == "1") for paper in a_library(40)]
    profile = Profile(texts=["coral reefs bleaching"])
    for trend, first in ((1.9, "1"), (2.1, "hot")):
        hot = Document("hot", "Moving coral reefs", "A film.", trending=trend, why="hot")
        picks = compose(Index([*library, hot]), profile, 10)
        assert [pick.paper for pick in picks if pick.slot == "trending"] == [first]
