"""The formula of ``papers/trending.py`` in words, for the public page, and how it has changed."""

from __future__ import annotations

from typing import Final

FORMULA_VERSION: Final = "5"
FORMULA: Final = (
    (
        "Growth, not fame",
        "We read the public counts of a paper again and again: upvotes, comments, repository "
        "stars, citations, and the likes of our own confirmed subscribers, one for each person. "
        "Only what is added between two readings counts, and what the source takes back later is "
        "taken off again. The first reading is the base line and "
        "counts nothing. One exception: votes and comments that are read within a day of a "
        "paper’s announcement can only have come since then, so they stand in for growth until "
        "more is known, less with every hour and not at all twelve hours after the first reading.",
    ),
    (
        "Beside its peers",
        "Growth is measured in days of an ordinary paper: what papers of the same field that "
        "were just as old gained in a day, over the last 30 days. So a vote in a small field can "
        "weigh as much as ten in a large one. A source that says nothing about a paper neither "
        "helps nor harms it. A comment weighs a tenth of a vote.",
    ),
    (
        "Fading",
        "Growth counts half after two announcement days, a quarter after four. Days without "
        "announcements, as at weekends, do not count, nor do days with only a paper or two where "
        "there are usually dozens. Where two readings lie far apart, what came "
        "between them is dated early, because attention ebbs away. Papers are ranked for 30 days.",
    ),
    (
        "Before anybody has voted",
        "A new paper starts with a small amount, an eighth of what an ordinary one collects. It is "
        "up to four times more or less, as papers like it fared in the last 30 days: the length of "
        "title and abstract, a name before a colon, the number of authors, published code, and "
        "the days from submission to announcement. The sooner votes are first read, the more it "
        "weighs: 1.8 times after half an hour, once after eight, 0.6 times after a day. For a "
        "paper of which nothing is read in time it weighs as for the paper in the middle of its "
        "day. It fades like everything else.",
    ),
    (
        "What cannot be bought",
        "What one source can give is capped: growth faster than that of 99 in 100 peers counts "
        "only by its logarithm, which a later reading must confirm, and the more a source has "
        "given, the less it adds. What came between two readings may all have come in one hour, "
        "so a longer time between them allows no more than four hours do. Three times as much as "
        "the best gain is not believed: 60 votes or 120 stars within an hour, 150 votes or 300 "
        "stars in any time between two readings, or half as much again in two steps. Of the "
        "readings within a clock hour only the last counts. What is not believed counts like the "
        "growth of the paper in the middle of its day, and nothing where half of the papers of "
        "that day were never read.",
    ),
    (
        "The first three places",
        "Where two sources agree that a paper does well, it gets a quarter more; what grew faster "
        "than 99 in 100 peers is no part of an agreement. The first three "
        "places are given to papers on which two sources agree or that an editor picked. If there "
        "are fewer than three, the places that are left go to papers that grew between two "
        "readings, no faster than 99 in 100 peers, and only then to the rest. A paper that stands "
        "there unconfirmed is marked as such.",
    ),
    (
        "An editor’s pick",
        "A pick counts like one good day and fades like it. It is marked as such, and for a week "
        "it is offered in digests, whatever the age of the paper.",
    ),
    (
        "Room for every field",
        "Papers are ranked inside their field first. Then the lists are merged: the more papers "
        "of a field stand above a paper, the less it counts, and the sooner so in a small field.",
    ),
)
CHANGES: Final = (
    (
        "5",
        "2026-11-27",
        "Growth faster than that of 99 in 100 peers agrees with no other source, and the part of "
        "it that is beyond waits for a later reading: so a burst that is read in its middle gains "
        "nothing by that.",
    ),
    (
        "4",
        "2026-11-27",
        "A burst that is read every few minutes is doubted like one that is read every hour, and "
        "what is not believed counts nothing where few papers are read. A new paper of which no "
        "source tells starts with as much weight as the paper in the middle of its day.",
    ),
    (
        "3",
        "2026-11-26",
        "A burst between two distant readings is doubted like one between two near ones, and "
        "votes that were taken back count no longer. Papers that two sources or an editor speak "
        "for still come first; of the others, those that grew steadily. Stray announcements on "
        "a weekend are no day.",
    ),
    (
        "2",
        "2026-11-26",
        "Growth is measured against peers of the same field and age, capped, and fades with the "
        "days since it happened. Expectations for new papers, agreement of sources, editors’ "
        "picks and room for every field were added.",
    ),
    ("1", "2026-11-23", "The first formula: age and gains."),
)
