"""Markdown by an editor, as safe HTML and as plain text."""

from __future__ import annotations

import pytest

from papers.text.markdown import to_html, to_text


@pytest.mark.parametrize(
    ("markdown", "html", "text"),
    [
        ("One *two* **three**", "<p>One <em>two</em> <strong>three</strong></p>", "One two three"),
        ("a\nb  \nc", "<p>a\nb<br>\nc</p>", "a b\nc"),
        ("# Title\n\nText", "<p>Title</p>\n<p>Text</p>", "Title\n\nText"),
        (
            "[a paper](https://arxiv.org/abs/1)",
            '<p><a href="https://arxiv.org/abs/1" rel="noopener">a paper</a></p>',
            "a paper (https://arxiv.org/abs/1)",
        ),
        (
            "<https://example.org/>",
            '<p><a href="https://example.org/" rel="noopener">https://example.org/</a></p>',
            "https://example.org/",
        ),
        (
            "- one\n- two\n\n  more",
            "<ul>\n<li>\n<p>one</p>\n</li>\n<li>\n<p>two</p>\n<p>more</p>\n</li>\n</ul>",
            "- one\n\n- two\n\nmore",
        ),
        ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>', "3. c\n4. d"),
        ("![a cat](https://example.org/cat.png)", "<p>a cat</p>", "a cat"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>", "said"),
        ("", "", ""),
    ],
)
def test_what_an_editor_writes_is_html_and_text(markdown: str, html: str, text: str) -> None:
    assert to_html(markdown) == html
    assert to_text(markdown) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<javascript:alert(1)>",
        '[x](https://example.org/ "\\" onclick=alert(1) \\"")',
        "```<b onclick=alert(1)>\n</code><script>\n```",
        "<svg/onload=alert(1)>",
    ],
)
def test_no_markup_of_its_own_and_no_address_that_acts_gets_through(hostile: str) -> None:
    html = to_html(hostile)
    assert "<script" not in html
    assert "<img" not in html
    assert "<svg" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html


def test_styles_are_set_by_tag_and_for_headings() -> None:
    html = to_html(
        "# A\n\nb [c](https://d.org)", {"heading": {"style": "x:1"}, "p": {"class": "p"}}
    )
    assert html.startswith('<p style="x:1">A</p>\n<p class="p">b <a')
