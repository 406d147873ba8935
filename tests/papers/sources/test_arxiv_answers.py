"""arXiv's answers, as they were recorded and as they may come."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from papers.sources import arxiv_api, arxiv_oai, arxiv_rss, hf_daily
from papers.sources.arxiv import category_of, is_withdrawn
from papers.sources.record import ListingError, PaperRecord
from papers.text.author_names import split_names
from tests.papers.source_server import recorded

TODAY = date(2026, 11, 23)


def one(body: bytes) -> PaperRecord:
    (record,) = arxiv_api.parse(body, today=TODAY).records
    return record


def test_a_paper_of_the_query_interface_is_read_whole() -> None:
    record = one(recorded("arxiv-api/legacy-one-paper-v2.xml"))
    assert (record.arxiv_id, record.version) == ("1111.2011", 2)
    assert record.title == (
        "Quantum Criticality for Extended Nodes on a Bethe Lattice in the Large Connectivity Limit"
    )
    assert record.abstract.startswith("Theoretical description of anisotropic systems, such as")
    assert "\n" not in record.abstract
    assert record.authors == ("James M. Murray", "Adrian Del Maestro", "Zlatko Tesanovic")
    assert record.categories == ("cond-mat.str-el", "cond-mat.stat-mech")
    assert record.primary_category == "cond-mat.str-el"
    assert record.published_at == datetime(2011, 11, 8, 18, 48, 36, tzinfo=UTC)
    assert record.revised_at == datetime(2012, 4, 2, 12, 38, 54, tzinfo=UTC)
    assert record.comment == "8 pages, 3 figures. Published version"
    assert record.journal_ref == "Phys. Rev. B 85, 115117 (2012)"
    assert record.doi == "10.1103/physrevb.85.115117"
    assert record.url == "https://arxiv.org/abs/1111.2011"
    assert record.pdf_url == "https://arxiv.org/pdf/1111.2011v2"
    assert record.withdrawn is False


def test_an_old_id_keeps_its_archive_and_loses_its_version() -> None:
    record = one(recorded("arxiv-api/old-style-id-v1.xml"))
    assert (record.arxiv_id, record.version) == ("quant-ph/0201082", 1)


def test_a_search_page_is_clean_unicode_from_end_to_end() -> None:
    listing = arxiv_api.parse(recorded("arxiv-api/search-page-0-15.xml"), today=TODAY)
    assert (len(listing.records), listing.total) == (15, 214881)
    texts = [record.title + record.abstract + str(record.authors) for record in listing.records]
    assert "José Raúl Romero" in texts[1]
    assert not [found for found in texts if set("\\$\u008d") & set(found) or "Ã" in found]
    (sample,) = [found for found in texts if "sample complexity of simple binary" in found]
    assert "0 ≤ α, β ≤ 1/8" in sample
    assert "i.i.d. samples" in sample


def test_the_error_entry_is_an_error_and_no_paper() -> None:
    with pytest.raises(ListingError, match="incorrect id format for abc"):
        arxiv_api.parse(recorded("arxiv-api/error-bad-id.xml"), today=TODAY)


def test_no_result_is_quiet() -> None:
    listing = arxiv_api.parse(recorded("arxiv-api/zero-results.xml"), today=TODAY)
    assert (listing.records, listing.rejections, listing.total) == ([], [], 0)
    assert listing.note


def test_a_withdrawn_version_says_so_and_has_no_pdf() -> None:
    body = recorded("arxiv-api/one-paper.xml").replace(
        b"20 pages, 3 figures",
        b"This paper has been withdrawn by the author due to an error in (2)",
    )
    record = one(body)
    assert (record.withdrawn, record.pdf_url) == (True, "")


def test_a_version_without_a_pdf_whose_abstract_says_so_is_withdrawn() -> None:
    body = recorded("arxiv-api/one-paper.xml")
    words = b"This paper has been withdrawn by the author."
    body = re.sub(
        rb"(<summary[^>]*>).*?(</summary>)", rb"\g<1>" + words + rb"\g<2>", body, flags=re.S
    )
    assert one(body).withdrawn is False
    assert one(re.sub(rb'<link [^>]*title="pdf"[^>]*>', b"", body)).withdrawn is True


@pytest.mark.parametrize(
    ("comment", "withdrawn"),
    [
        ("This paper has been withdrawn by the authors", True),
        ("10 pages. This submission has been withdrawn by arXiv administrators", True),
        ("Withdrawn", True),
        ("arXiv admin note: This version has been removed by arXiv administrators", True),
        ("arXiv admin note: submission withdrawn by arXiv due to overlap", True),
        ("We withdraw this paper because of a gap in Lemma 2", True),
        ("We removed a figure from this version", False),
        ("Paper withdrawn: superseded", True),
        ("Withdrawn from ICLR 2024", False),
        ("This replaces 1234.5678, which has been withdrawn by the author", False),
        ("The proof of Theorem 3 is withdrawn", False),
        ("8 pages", False),
    ],
)
def test_only_the_paper_s_own_withdrawal_counts(comment: str, withdrawn: bool) -> None:
    assert is_withdrawn(comment) is withdrawn


@pytest.mark.parametrize(
    "name", ["cs.AI-atom-2025-08-20-short.xml", "derived-cs.AI-rss2-short.xml"]
)
def test_both_forms_of_the_announcement_say_the_same(name: str) -> None:
    listing = arxiv_rss.parse(recorded(f"arxiv-rss/{name}"), today=TODAY)
    assert (len(listing.records), listing.day) == (7, date(2025, 8, 20))
    record = listing.records[2]
    assert (record.arxiv_id, record.version) == ("2508.13429", 1)
    assert record.authors == ("Paulo André Lima de Castro",)
    assert record.categories == ("q-fin.CP", "cs.AI")
    assert record.abstract.startswith("Autonomous trading strategies")
    assert record.license == "http://creativecommons.org/licenses/by/4.0/"
    assert record.announced_at == datetime(2025, 8, 20, 4, 0, tzinfo=UTC)
    assert record.published_at is None


def test_an_empty_announcement_is_a_quiet_day_with_its_reason() -> None:
    listing = arxiv_rss.parse(recorded("arxiv-rss/derived-weekend-empty-rss2.xml"), today=TODAY)
    assert (listing.records, listing.rejections) == ([], [])
    assert "quiet day" in listing.note


@pytest.mark.parametrize(
    ("kind", "arxiv_id", "day"),
    [
        ("new", "2508.13426", date(2025, 8, 20)),
        ("cross", "2508.13426", date(2025, 8, 20)),
        ("cross", "2504.13426", date(2025, 4, 1)),
        ("replace", "2508.13426", date(2025, 8, 1)),
        ("replace-cross", "math/0309136", date(2003, 9, 1)),
    ],
)
def test_a_new_version_or_a_late_cross_list_is_never_new(
    kind: str, arxiv_id: str, day: date
) -> None:
    body = recorded("arxiv-rss/derived-cs.AI-rss2-short.xml")
    body = body.replace(b"2508.13426", arxiv_id.encode())
    body = body.replace(b"<arxiv:announce_type>cross<", f"<arxiv:announce_type>{kind}<".encode(), 1)
    announced = arxiv_rss.parse(body, today=TODAY).records[0].announced_at
    assert announced is not None
    assert announced.date() == day


def test_the_feed_of_earlier_years_is_read() -> None:
    body = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
      <channel><title>cs.CL updates on arXiv.org</title></channel>
      <item><title>A Study. (arXiv:2301.01234v2 [cs.CL] UPDATED)</title>
        <link>http://arxiv.org/abs/2301.01234</link>
        <description>&lt;p&gt;We study.&lt;/p&gt;</description>
        <dc:creator>&lt;a href="http://arxiv.org/a/1"&gt;Ann Lee&lt;/a&gt;, Bo Chen</dc:creator>
      </item></rdf:RDF>"""
    (record,) = arxiv_rss.parse(body, today=TODAY).records
    assert (record.title, record.arxiv_id, record.version) == ("A Study", "2301.01234", 2)
    assert (record.abstract, record.authors) == ("We study.", ("Ann Lee", "Bo Chen"))


def test_names_in_one_line_are_taken_apart() -> None:
    names = "Ann Lee (MIT, USA), Bo Chen Jr., John Smith, Jr. and Zoë Å, and O'Neil"
    assert split_names(names) == [
        "Ann Lee", "Bo Chen Jr.", "John Smith, Jr.", "Zoë Å", "O'Neil",
    ]  # fmt: skip


def test_a_harvested_record_is_read_whole() -> None:
    (record,) = arxiv_oai.parse(recorded("oai-pmh/arXiv-GetRecord.xml"), today=TODAY).records
    assert (record.arxiv_id, record.version, record.authors) == (
        "1401.2122",
        None,
        ("A. Sergyeyev",),
    )
    assert record.categories[0] == record.primary_category == "math.AP"
    assert record.published_at == datetime(2014, 1, 9, tzinfo=UTC)
    assert record.revised_at == datetime(2017, 10, 23, tzinfo=UTC)
    assert record.doi == "10.1007/s11005-017-1013-4"
    assert record.comment.startswith("16 pages, LaTeX, no figures, revised and abridged, in this")
    assert record.abstract.count("\n\n") == 1
    assert record.abstract.partition("\n\n")[2].startswith("In particular, we present")


def test_harvested_pages_tell_formulas_in_words_and_the_day_they_are_of() -> None:
    listing = arxiv_oai.parse(recorded("oai-pmh/arXiv-ListRecords-hep-ex.xml"), today=TODAY)
    assert [record.arxiv_id for record in listing.records] == [
        "1706.05371", "1706.09418", "1707.00874",
    ]  # fmt: skip
    assert listing.day == date(2017, 12, 14)
    assert "including the ŪD̄D̄ models" in listing.records[1].abstract
    assert "100fb^-1 is sufficient to probe m_(Z') ∼ 5.5 TeV" in listing.records[2].abstract


def test_dublin_core_is_read_as_far_as_it_goes() -> None:
    listing = arxiv_oai.parse(recorded("oai-pmh/oai_dc-ListRecords-token.xml"), today=TODAY)
    first = listing.records[0]
    assert (first.arxiv_id, first.authors) == ("1303.2033", ("Vilnis Liepins",))
    assert first.categories == ("cs.DS", "cs.IT", "math.NA")
    assert first.comment == "32 pages, 9 figures"
    assert (listing.next_page, listing.total) == ("6960524|1001", 1162)
    assert category_of("High Energy Physics - Theory") == "hep-th"


def test_deleted_records_are_no_papers_and_the_last_page_has_no_next() -> None:
    first = arxiv_oai.parse(recorded("oai-pmh/other-deleted-page-1.xml"), today=TODAY)
    last = arxiv_oai.parse(recorded("oai-pmh/other-deleted-page-2.xml"), today=TODAY)
    assert (len(first.records), first.next_page) == (1, "1429887886829_null:10:null:oai_dc")
    assert (len(last.records), last.next_page) == (3, "")
    body = recorded("oai-pmh/arXiv-GetRecord.xml").replace(
        b"<header>", b'<header status="deleted">'
    )
    deleted = arxiv_oai.parse(body, today=TODAY)
    assert (deleted.records, deleted.deleted) == ([], ["1401.2122"])


def oai_error(code: str) -> bytes:
    return (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-23</responseDate>'
        f'<error code="{code}">no such thing</error></OAI-PMH>'
    ).encode()


def test_no_matching_record_is_quiet_and_any_other_error_is_one() -> None:
    assert "quiet" in arxiv_oai.parse(oai_error("noRecordsMatch"), today=TODAY).note
    with pytest.raises(ListingError, match="badArgument: no such thing"):
        arxiv_oai.parse(oai_error("badArgument"), today=TODAY)


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda body: body[: body.index(b"2005.14124v2</id>")], 2),
        (lambda body: body.replace(b"<name>Mohit", b"<name><broken>Mohit", 1), 14),
        (lambda body: body.replace(b"Aurora", b"Aurora &undefined; \x01", 1), 14),
    ],
)
def test_a_damaged_answer_yields_the_papers_that_are_whole(damage: object, kept: int) -> None:
    body = damage(recorded("arxiv-api/search-page-0-15.xml"))  # type: ignore[operator]
    listing = arxiv_api.parse(body, today=TODAY)
    assert len(listing.records) == kept
    assert len(listing.rejections) == 1
    assert listing.damage
    assert listing.records[-1].authors


def test_a_record_without_id_or_title_is_rejected_alone() -> None:
    body = recorded("arxiv-api/search-page-0-10.xml")
    body = body.replace(b"<id>http://arxiv.org/abs/2202.12139v1</id>", b"", 1)
    body = body.replace(b"Towards Explainable Test Case Prioritisation", b"", 1)
    body = body.replace(b" with Learning-to-Rank Models</title>", b"</title>", 1)
    listing = arxiv_api.parse(body, today=TODAY)
    assert len(listing.records) == 8
    reasons = {rejection.reason for rejection in listing.rejections}
    assert reasons == {"The record has no arXiv id.", "The record has no title."}


@pytest.mark.parametrize("parser", [arxiv_api, arxiv_rss, arxiv_oai])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>Rate exceeded.</body></html>", "web page"),
        (b'<!DOCTYPE x [<!ENTITY e "boom">]><feed>&e;</feed>', "document type"),
        (b'{"not": "xml"}', "not well-formed"),
        (b"<other/>", "<other>"),
    ],
)
def test_what_is_no_answer_of_arxiv_is_refused(parser: object, body: bytes, words: str) -> None:
    with pytest.raises(ListingError, match=words):
        parser.parse(body, today=TODAY)  # type: ignore[attr-defined]


def test_a_format_that_is_named_wrongly_is_said_by_its_right_name() -> None:
    answer, feed = (
        recorded("arxiv-api/one-paper.xml"),
        recorded("arxiv-rss/derived-cs.AI-rss2-short.xml"),
    )
    for parser, body, words in (
        (arxiv_rss, answer, "its format is arxiv-api"),
        (
            arxiv_api,
            recorded("arxiv-rss/cs.AI-atom-2025-08-20-short.xml"),
            "its format is arxiv-rss",
        ),
        (hf_daily, feed, "its format is arxiv-rss"),
    ):
        with pytest.raises(ListingError, match=words):
            parser.parse(body, today=TODAY)


def test_a_file_outside_is_never_read_by_the_parser() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/hostname">]><feed>&x;</feed>'
    with pytest.raises(ListingError, match="document type or entities"):
        arxiv_api.parse(bomb, today=TODAY)


def test_a_link_is_the_pdf_by_its_type_when_it_has_no_title() -> None:
    body = re.sub(rb'(<link [^>]*)title="pdf"', rb"\1", recorded("arxiv-api/one-paper.xml"))
    assert b'title="pdf"' not in body
    [record] = arxiv_api.parse(body, today=TODAY).records
    assert (record.pdf_url, record.withdrawn) == ("https://arxiv.org/pdf/1605.08386v1", False)


@pytest.mark.parametrize(
    "links",
    [
        b'<link title="pdf" rel="related" type="application/pdf"/>',
        b'<link title="pdf" href="" rel="related"/>',
        b'<link title="pdf" href="/pdf/1605.08386v1" rel="related"/>',
        b'<link title="PDF" href="//arxiv.org/pdf/1605.08386v1" rel="related"/>',
        b'<link title="pdf" href="javascript:alert(1)" rel="related"/>',
        b'<link href=" http://arxiv.org/pdf/1605.08386v1 " type="Application/PDF; v=1"/>',
        b'<link href="http://arxiv.org/pdf/1605.08386v1" rel="related"/>'
        b'<link title="doi" href="https://publisher.example/a.pdf" type="application/pdf"/>',
        b'<link title="doi" href="https://publisher.example/a.pdf" type="application/pdf"/>'
        b'<link href="http://arxiv.org/pdf/1605.08386v1" rel="related"/>',
    ],
)
def test_a_link_to_the_pdf_leads_to_arxiv_however_it_is_written(links: bytes) -> None:
    body = re.sub(rb"(<link [^>]*/>\s*)+<", links + b"<", recorded("arxiv-api/one-paper.xml"))
    [record] = arxiv_api.parse(body, today=TODAY).records
    assert (record.pdf_url, record.withdrawn) == ("https://arxiv.org/pdf/1605.08386v1", False)


def test_without_a_link_to_a_pdf_none_is_made_up() -> None:
    body = re.sub(rb'<link [^>]*title="pdf"[^>]*/>', b"", recorded("arxiv-api/one-paper.xml"))
    [record] = arxiv_api.parse(body, today=TODAY).records
    assert (record.pdf_url, record.withdrawn) == ("", False)


def test_a_colon_after_a_collaboration_is_no_author() -> None:
    authors = (
        b"<authors><author><keyname>Grand Collaboration</keyname></author>"
        b"<author><keyname>:</keyname></author>"
        b"<author><keyname>One</keyname><forenames>A.</forenames></author></authors>"
    )
    page = recorded("oai-pmh/arXiv-GetRecord.xml")
    body = re.sub(rb"(?s)<authors>.*</authors>", authors, page)
    [record] = arxiv_oai.parse(body, today=TODAY).records
    assert record.authors == ("Grand Collaboration", "A. One")
