"""The formula of ``score`` in words, for the public page, and the history of its changes."""

from __future__ import annotations

from typing import Final

FORMULA_VERSION: Final = "6"
FORMULA: Final = (
    (
        "Votes gained lately",
        "We read the public upvotes of a paper again and again and count what was added. Votes "
        "that are first read within a day of a paper’s listing can only have come since then "
        "and count; a first reading later than that is the base line and counts nothing. A "
        "paper is listed when it is announced or, if that is later, after the visit to the "
        "source of votes before its first reading. What the source takes back is taken off "
        "again. A vote weighs half after two days of announcements, a quarter after four; "
        "weekends without announcements do not count. Papers are ranked for 30 days.",
    ),
    (
        "New papers",
        "A new paper starts with three votes, which fade in the same way. Papers of one list "
        "are some hours apart, so the sum of the two is divided by the share of a first day’s "
        "attention that the paper has had: the square root of (hours since the announcement "
        "plus three) / 27, and 1 after 24 hours. An announcement at exactly 00:00 tells the day "
        "and not the hour; such a paper is taken to be as old as the median paper of its day.",
    ),
    (
        "What a vote weighs",
        "Papers of many authors, and those listed soon after their submission, gain more in the "
        "days that follow for the same votes in the morning. So votes are multiplied by the "
        "tenth root of (authors + 1) / 8 and divided by the tenth root of (days waited + 1) / "
        "2; at most 60 authors and 30 days count. The start of a paper with votes is weighed "
        "alike.",
    ),
    (
        "Votes that come too fast",
        "Between two readings the votes that count, plus three, may grow no more than the power "
        "2.5 of (the hours since its listing plus three), and after the first day no more than "
        "its power 3/4. Twelve hours after the listing that is about a sixth in an hour. A "
        "first reading counts up to 21 votes after one hour, 52 after two and 385 after seven. "
        "The rest of a burst is not counted, and the page of the paper says so; what counted "
        "before stays. No favourite of the recorded days lost its place by this. A paper’s "
        "score depends on its own counts only: more votes never lower it, and nobody sinks a "
        "paper by voting for it or for another one.",
    ),
    (
        "Where two sources agree",
        "If two sources speak for a paper, its votes count a quarter more. Ten votes, ten new "
        "stars of its repository, one new citation and one like by a confirmed subscriber are "
        "each enough for a source to speak, with the same fading. The front page says when none "
        "of the first three papers is confirmed in this way or by the editor.",
    ),
    (
        "Fields without votes",
        "In mathematics, physics, biology and economics hardly anybody votes. There, the order "
        "comes from other evidence: new repository stars (a tenth of a unit each), new "
        "citations and likes by confirmed subscribers (one each), a comment that names where "
        "the paper was accepted (one), a known repository (a half), and an author with another "
        "paper among the first ten of the last 30 days (a half). Together they give u / (1 + u) "
        "of a vote, u being the sum of the units: always less than one vote, and nothing where "
        "votes give more. How well this order foresees anything has not been measured, because "
        "no recorded answer of these fields carries a result to compare with.",
    ),
    (
        "An editor’s pick",
        "A pick counts like 100 votes on its day and fades like them. It is marked as such, and "
        "for a week it is offered in digests, whatever the age of the paper.",
    ),
)
CHANGES: Final = (
    (
        "6",
        "2026-11-30",
        "Measured on days that the formula had not seen, and made shorter for it. Votes that come "
        "too fast are cut and no longer replaced. Comparison with papers of the same field, the "
        "learnt expectation, room for every field, comments and the reserved first places are "
        "gone; the number of authors, the days waited and evidence for fields without votes are "
        "new.",
    ),
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
