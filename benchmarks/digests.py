"""Measure whole digests: diversity, every interest in turn, dislikes, drift, and explanations.

    python -m benchmarks.digests [READERS] [FOLDER]

All on the papers of ``hf-authors``; likes are the papers of an author, searches are keywords that
papers carry. Intervals are by bootstrap over the readers (95 %).

* Diversity: a digest of ten beside the plain first ten of the same scores, among the whole
  catalogue; the mean likeness of two of its papers (cosine of their tf-idf, which is not the
  product's own), the distance (1 - likeness), and NDCG@10.
* A week: readers with five searches and five likes get ten papers a day for seven days; which of
  the interests that a new paper fits had one?
* Dislikes: a reader who likes two authors' papers dislikes three of the second's.
* Drift: a reader whose likes of one author are half a year old likes a paper of another author
  each week; whose other papers are among the first ten, with the ages of likes and without?
* Explanations: random readers and papers; of the proposed changes, how many bring the paper in
  once they are made?
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.baselines import TOP, features
from benchmarks.mornings import spread
from benchmarks.ranking import DATA, PROTOCOLS, SEED, ndcg, ratio, read, tasks
from benchmarks.searches import keywords
from papers.recommend.diversify import RISING_DAYS, compose
from papers.recommend.explanation import DigestRequest, explain
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import interests, rank

HOURS: Final = 24
WEEK: Final = 7
POOL_DAYS: Final = 30
FIRST_DAY: Final = date(2026, 5, 1)
SEARCHES: Final = 5
LIKES: Final = 5
MIXED_SEARCHES: Final = 3
DISLIKES: Final = 3
OLD_LIKE_DAYS: Final = 180.0
WEEKS: Final = (0, 1, 2, 4, 8)
CASES: Final = 100
MOST_CASES: Final = 600


class Papers:
    """The catalogue, and the papers of each author."""

    def __init__(self, folder: Path) -> None:
        self.items = read(folder / "items.jsonl.gz")
        self.days = [date.fromisoformat(item["published"][:10]) for item in self.items]
        self.likes: list[list[int]] = [u["items"] for u in read(folder / "likes.dev.jsonl.gz")]
        self.whole = Index([self.document(at, 0.0) for at in range(len(self.items))])

    def document(self, at: int, announced: float) -> Document:
        """Return a paper for which nobody has voted."""
        item = self.items[at]
        return Document(str(at), item["title"], item["abstract"], grown=False, announced=announced)

    def pool(self, day: int) -> Index:
        """Return the papers of the thirty days before a day of the week, and all that are liked."""
        last = FIRST_DAY.toordinal() + day
        known = {
            at: float(found.toordinal() * HOURS)
            for at, found in enumerate(self.days)
            if last - POOL_DAYS < found.toordinal() <= last
        }
        older = {paper for mine in self.likes for paper in mine[:LIKES]} - known.keys()
        return Index(
            [self.document(at, hours) for at, hours in known.items()],
            [self.document(at, 0.0) for at in sorted(older)],
        )

    def pairs(self, least: int, count: int) -> Iterator[tuple[list[int], list[int]]]:
        """Yield the shuffled papers of two authors who share none."""
        chance = np.random.default_rng([SEED, least])
        able = [mine for mine in self.likes if len(mine) >= least]
        while count:
            one, other = (
                chance.permutation(able[at]).tolist() for at in chance.integers(0, len(able), 2)
            )
            if not set(one) & set(other):
                count -= 1
                yield one, other


def ids(places: Sequence[int]) -> list[str]:
    """Return the ids of papers."""
    return list(map(str, places))


def requests(papers: Papers, readers: int, k: int) -> Iterator[tuple[Profile, set[int]]]:
    """Yield profiles of likes alone, for k = 0 of searches and likes; and the papers to find."""
    for profile, hidden, _ in tasks(
        papers.likes, len(papers.items), k or LIKES, readers, PROTOCOLS[-1]
    ):
        if k:
            yield Profile(likes=ids(profile)), hidden
            continue
        chance = np.random.default_rng([SEED, *profile])
        words = list(keywords(papers.items))
        chosen = [words[at] for at in chance.choice(len(words), MIXED_SEARCHES, replace=False)]
        carriers = set().union(*(carriers for _, carriers in chosen)) - set(profile)
        yield Profile(texts=[word for word, _ in chosen], likes=ids(profile)), hidden | carriers


def diversity(papers: Papers, readers: int) -> None:
    """Print distances and NDCG of digests beside plain lists."""
    matrix = features([paper.text for paper in papers.whole.candidates])

    def likeness(chosen: Sequence[int]) -> float:
        cosines = (matrix[list(chosen)] @ matrix[list(chosen)].T).toarray()
        return float(cosines[np.triu_indices(len(chosen), 1)].mean())

    for k in (5, 20, 0):
        near: list[tuple[float, float]] = []
        marks: list[tuple[float, float]] = []
        for reader, wanted in requests(papers, readers, k):
            others = [one.id for one in papers.whole.candidates if one.id not in reader.likes]
            plain = list(map(int, rank(papers.whole, reader, others, TOP)))
            digest = [int(pick.paper) for pick in compose(papers.whole, reader, TOP)]
            if len(digest) > 1:
                near.append((likeness(digest), likeness(plain[: len(digest)])))
                marks.append((ndcg(digest, wanted), ndcg(plain[: len(digest)], wanted)))
        (ours, theirs), (mark, best) = np.array(near).T, np.array(marks).T
        print(
            f"diversity, {f'{k} likes' if k else 'searches and likes'}, {len(near)} readers: "
            f"distance {1 - ours.mean():.3f}, plain list {1 - theirs.mean():.3f}; likeness "
            f"{ours.mean():.3f} and {theirs.mean():.3f}, ratio {ratio(ours, theirs)}; NDCG@10 "
            f"{mark.mean():.3f} and {best.mean():.3f}, ratio {ratio(mark, best)}",
            flush=True,
        )


def week(papers: Papers, readers: int) -> None:
    """Print the share of the interests that had a paper within a week."""
    chance = np.random.default_rng(SEED)
    words = [word for word, _ in keywords(papers.items)]
    profiles = [
        Profile(texts=list(chance.choice(words, SEARCHES, replace=False)), likes=ids(mine[:LIKES]))
        for mine in (papers.likes[at] for at in chance.permutation(len(papers.likes))[:readers])
    ]
    sent: list[set[str]] = [set() for _ in profiles]
    fits: list[dict[str, set[str]]] = [{} for _ in profiles]
    for day in range(WEEK):
        index = papers.pool(day)
        since = None if day == 0 else float((FIRST_DAY.toordinal() + day - 1) * HOURS)
        for at, profile in enumerate(profiles):
            new = index.announced > (since or 0.0) if since else index.age_hours < 3 * HOURS
            for one in single_interests(profile):
                for interest in interests(index, one):
                    places = np.flatnonzero(interest.inside & new)
                    named = fits[at].setdefault(str(one), set())
                    named |= {index.candidates[place].id for place in places} - sent[at]
            picks = compose(index, profile, TOP, sent[at], day, since)
            sent[at] |= {pick.paper for pick in picks}
    shares = [
        float(np.mean([bool(mine & got) for mine in named.values() if mine]))
        for named, got in zip(fits, sent, strict=True)
        if any(named.values())
    ]
    found = spread(np.array(shares))
    print(f"a week, {len(shares)} readers: share of the interests with a paper {found}", flush=True)


def single_interests(profile: Profile) -> list[Profile]:
    """Return a profile for each interest of a reader."""
    return [*(Profile(texts=[text]) for text in profile.texts), Profile(likes=profile.likes)]


def hits(papers: Papers, profile: Profile, wanted: Sequence[int]) -> int:
    """Return how many of some papers are among the first ten of the catalogue."""
    known = {*profile.likes, *profile.dislikes}
    candidates = [one.id for one in papers.whole.candidates if one.id not in known]
    return len(set(ids(wanted)) & set(rank(papers.whole, profile, candidates, TOP)))


def dislikes(papers: Papers, readers: int) -> None:
    """Print whose papers are found before and after dislikes."""
    rows = []
    for one, other in papers.pairs(LIKES + DISLIKES + 2, readers):
        liked, disliked = ids(one[:LIKES] + other[:LIKES]), ids(other[LIKES : LIKES + DISLIKES])
        left = one[LIKES:], other[LIKES + DISLIKES :]
        before = [hits(papers, Profile(likes=liked), wanted) for wanted in left]
        after = [hits(papers, Profile(likes=liked, dislikes=disliked), wanted) for wanted in left]
        rows.append([*before, *after])
    kept, gone, kept_after, gone_after = np.array(rows, np.float64).T
    print(
        f"dislikes, {len(rows)} readers: of the first ten by the liked author {spread(kept)}, "
        f"after three dislikes {spread(kept_after)}; by the disliked one {spread(gone)}, after "
        f"{spread(gone_after)}",
        flush=True,
    )


def drift(papers: Papers, readers: int) -> None:
    """Print the share of the second author's papers among the hits, week by week."""
    found: dict[tuple[int, bool], list[tuple[int, int]]] = {}
    for one, other in papers.pairs(max(WEEKS) + LIKES, readers):
        for weeks in WEEKS:
            ages = dict.fromkeys(ids(one[:LIKES]), OLD_LIKE_DAYS + WEEK * weeks)
            ages |= {str(paper): WEEK * float(at) for at, paper in enumerate(other[:weeks])}
            left = one[LIKES:], other[max(WEEKS) :]
            for aged in (True, False):
                profile = Profile(likes=list(ages), ages=ages if aged else {})
                pair = tuple(hits(papers, profile, wanted) for wanted in left)
                found.setdefault((weeks, aged), []).append((pair[0], pair[1]))
    for weeks in WEEKS:
        shares = [
            float(np.sum(second) / max(1, np.sum(first) + np.sum(second)))
            for first, second in (np.array(found[weeks, aged]).T for aged in (True, False))
        ]
        print(
            f"drift, {readers} readers, after {weeks} weeks: {shares[0]:.2f} of the hits are of "
            f"the new interest, {shares[1]:.2f} if likes had no age",
            flush=True,
        )


def explanations(papers: Papers) -> None:
    """Print how many of the first hundred proposed changes bring the paper in."""
    chance = np.random.default_rng(SEED)
    index = papers.pool(0)
    recent = np.flatnonzero(index.age_hours < RISING_DAYS * HOURS)
    words = [word for word, _ in keywords(papers.items)]
    rules: Counter[str] = Counter()
    proposed = true = 0
    times: list[float] = []
    while proposed < CASES and len(times) < MOST_CASES:
        mine = papers.likes[int(chance.integers(len(papers.likes)))]
        profile = Profile(
            texts=list(chance.choice(words, chance.integers(0, 3), replace=False)),
            likes=ids(mine[: int(chance.integers(0, LIKES))]),
            muted=list(chance.choice(["reward", "video", "agents"], chance.integers(0, 2))),
        )
        since = [None, float((FIRST_DAY.toordinal() - 1) * HOURS)][int(chance.integers(2))]
        asked = DigestRequest(profile, int(chance.choice([5, 10, 20])), set(), 0, since)
        paper = index.candidates[int(chance.choice(recent))].id
        start = time.process_time()
        found = explain(index, asked, paper)
        times.append((time.process_time() - start) * 1000)
        rules[found.rule] += 1
        if found.change:
            proposed += 1
            picks = asked.with_change(found.change).picks(index)
            true += paper in {pick.paper for pick in picks}
    print(
        f"explanations, {len(times)} cases: {proposed} changes proposed, {true} of them true; CPU "
        f"{np.median(times):.0f} ms, 19 of 20 below {np.percentile(times, 95):.0f}; rules "
        + ", ".join(f"{rule} {count}" for rule, count in sorted(rules.items()))
    )


def main(readers: int = 10, folder: str = "") -> None:
    """Print a line for each measure."""
    data = Path(folder or os.environ.get("RECSYS_DATA") or DATA) / "hf-authors"
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets.")
        return
    papers = Papers(data)
    diversity(papers, readers)
    week(papers, readers)
    dislikes(papers, readers)
    drift(papers, readers)
    explanations(papers)


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
