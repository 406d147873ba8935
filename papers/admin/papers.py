"""Papers for the editor: pick, hide and annotate; sources write everything else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import now
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from papers import search
from papers.admin.base import (
    ListAdmin,
    NeverAdded,
    NeverDeleted,
    ReadOnlyAdmin,
    ReadOnlyInline,
    counted,
    link,
    log,
    names_of,
    url_of,
    url_of_list,
)
from papers.ingest import service as ingest
from papers.ingest.summaries import summarize
from papers.models import Paper, Signal, Submission
from papers.text import clean
from papers.text.links import link as web_link
from papers.trending import reasons

EDITABLE: Final = frozenset({"hidden", "picked_at", "editor_note", "editor_summary"})
SUBMISSION_LENGTH = 4000
MOST_FOUND: Final = 500
"""Papers that a search by words shows."""


def ordered_list(papers: Iterable[tuple[str, str]]) -> str:
    """Return papers as a numbered list, each with its title, link and remark, in one query."""
    remarks = list(papers)
    known = {
        paper.canonical_id: paper
        for paper in Paper.objects.filter(canonical_id__in=[name for name, _ in remarks]).only(
            "canonical_id", "title"
        )
    }
    rows = (
        (link(url_of(known[name]), known[name].title) if name in known else name, remark)
        for name, remark in remarks
    )
    items = format_html_join("", "<li>{}<br>{}</li>", rows)
    return format_html('<ol class="plain-list">{}</ol>', items)


def _shown(address: str) -> str:
    """Return an http(s) address as a link and any other as plain text."""
    return link(address, address) if web_link(address) else address


class SignalInline(ReadOnlyInline):
    """The latest measurements of a paper."""

    model = Signal
    fields = ("name", "value", "source", "observed_at")
    readonly_fields = fields
    ordering = ("-observed_at",)


@admin.register(Paper)
class PaperAdmin(NeverAdded, NeverDeleted, ListAdmin):
    """Papers, written by sources; an editor can pick, hide and annotate them."""

    list_display = (
        "title",
        "canonical_id",
        "primary_category",
        "trending_score",
        "announced_at",
        "state",
    )
    list_filter = (
        "hidden",
        "withdrawn",
        ("picked_at", admin.EmptyFieldListFilter),
        ("announced_at", RangeDateTimeFilter),
    )
    list_filter_submit = True
    search_fields = ("title",)
    search_help_text = f"Words, as on the site (the best {MOST_FOUND}); an id or a DOI."
    list_before_template = "admin/papers/submit.html"
    inlines = (SignalInline,)
    actions = ("pick", "unpick", "hide", "unhide")
    fieldsets = (
        ("For the editor", {"fields": ("hidden", "picked_at", "editor_note", "editor_summary")}),
        (None, {"fields": ("title", "summary", "summary_source", "abstract", "byline", "links")}),
        (
            "As its sources tell it",
            {
                "fields": (
                    ("canonical_id", "former_id"),
                    ("primary_category", "version"),
                    ("category_list", "keyword_list"),
                    ("published_at", "revised_at"),
                    ("announced_at", "first_seen_at"),
                    ("withdrawn", "license"),
                    ("doi", "journal_ref"),
                    "comment",
                )
            },
        ),
        ("Trending", {"fields": ("score_table",)}),
    )
    readonly_fields = (
        *(name for name in names_of(Paper) if name not in EDITABLE),
        "byline",
        "links",
        "category_list",
        "keyword_list",
        "score_table",
    )

    def find_whole(self, rows: QuerySet[Paper], typed: str) -> QuerySet[Paper]:
        """Return the paper with this id or DOI, or those that the site's search finds."""
        for name in ("canonical_id", "former_id", "doi") if " " not in typed else ():
            named = rows.filter(**{name: typed})
            if named.order_by()[:1]:
                return named
        found = search.find(search.read(typed)).ids[:MOST_FOUND]
        hidden = Paper.objects.filter(hidden=True, title__icontains=typed).order_by()
        return rows.filter(pk__in=[*found, *hidden.values_list("pk", flat=True)])

    @display(description="trending", ordering="trending")
    def trending_score(self, paper: Paper) -> str:
        """Return the score with two decimals."""
        return f"{paper.trending:.2f}"

    @display(
        description="state",
        label={"hidden": "danger", "withdrawn": "warning", "picked": "success"},
    )
    def state(self, paper: Paper) -> str:
        """Return whether the paper is hidden, withdrawn or picked."""
        if paper.hidden:
            return "hidden"
        if paper.withdrawn:
            return "withdrawn"
        return "picked" if paper.picked_at else ""

    @display(description="authors")
    def byline(self, paper: Paper) -> str:
        """Return the first 20 authors and the number of the others."""
        names = paper.authors
        shown = ", ".join(str(name) for name in names[:20])
        return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown

    @display(description="links")
    def links(self, paper: Paper) -> str:
        """Return the paper's addresses, one a line."""
        addresses = filter(None, (paper.url, paper.pdf_url, paper.code_url))
        return format_html_join(mark_safe("<br>"), "{}", ((_shown(one),) for one in addresses))

    @display(description="categories")
    def category_list(self, paper: Paper) -> str:
        """Return the categories, separated by commas."""
        return ", ".join(map(str, paper.categories))

    @display(description="keywords")
    def keyword_list(self, paper: Paper) -> str:
        """Return the keywords, separated by commas."""
        return ", ".join(map(str, paper.keywords))

    @display(description="score, in votes of the first day")
    def score_table(self, paper: Paper) -> str:
        """Return the parts of the score, as the paper's public page shows them."""
        score = self.trending_score(paper)
        rows = reasons.explain(paper.trending_parts)
        if not rows:
            return f"{score}: the paper is not ranked."
        parts = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows)
        return format_html(
            '<table class="plain-table score-table"><tbody>{}</tbody>'
            '<tfoot><tr><th scope="row">Score</th><td>{}</td></tr></tfoot></table>',
            parts,
            score,
        )

    @admin.action(description="Pick for the site and this week's digests", permissions=["change"])
    def pick(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        """Pick the selected papers."""
        self._replace_picks(request, papers, "picked", now())

    @admin.action(description="Take back the pick", permissions=["change"])
    def unpick(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        """Take back the pick of the selected papers; one that has ended stays in their history."""
        self._replace_picks(request, papers, "no longer picked", None)

    @admin.action(description="Hide from site and digests", permissions=["change"])
    def hide(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        """Hide the selected papers from site and digests."""
        self._change(request, papers, "hidden", hidden=True)

    @admin.action(description="Show again", permissions=["change"])
    def unhide(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        """Show the selected papers again."""
        self._change(request, papers, "shown again", hidden=False)

    def save_model(self, request: HttpRequest, obj: Paper, form: Any, change: bool) -> None:
        """Save, and warn when a note will not be shown because the paper is not picked."""
        if "picked_at" in form.changed_data:
            before = Paper.objects.get(pk=obj.pk)
            before.keep_ended_pick(now())
            obj.former_picks = before.former_picks
        obj.editor_summary = clean.line(obj.editor_summary)
        summarize(obj)
        super().save_model(request, obj, form, change)
        if obj.editor_note and not obj.picked_at:
            unseen = (
                "The note is kept and shown once the paper is picked: give it a time under "
                "“Picked at”, or choose “Pick for the site and this week's digests” in the list."
            )
            self.message_user(request, unseen, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        """Add the URL that requests papers by id."""
        submit = self.admin_site.admin_view(require_POST(self.submit))
        urls: list[URLPattern] = super().get_urls()
        return [path("submit/", submit, name="papers_paper_submit"), *urls]

    def submit(self, request: HttpRequest) -> HttpResponse:
        """Request papers by arXiv id or URL; the next run of a source fetches them."""
        if not request.user.has_perm("papers.add_paper"):
            raise PermissionDenied
        submitted = ingest.submit(request.POST.get("papers", "")[:SUBMISSION_LENGTH])
        if submitted.queued:
            asked = Submission.objects.filter(arxiv_id__in=submitted.queued)
            log(request, asked, "asked for")
            self._tell(request, messages.SUCCESS, "Asked for", submitted.queued)
        if submitted.known:
            self._tell(request, messages.INFO, "Here already:", submitted.known)
        for refused in submitted.refused:
            self._tell(request, messages.ERROR, f"{refused.record}:", [refused.reason])
        return HttpResponseRedirect(url_of_list(Paper))

    def _tell(self, request: HttpRequest, level: int, verb: str, names: list[str]) -> None:
        self.message_user(request, f"{verb} {', '.join(names)}", level)

    def _replace_picks(
        self, request: HttpRequest, papers: QuerySet[Paper], verb: str, at: datetime | None
    ) -> None:
        chosen = list(papers)
        for paper in chosen:
            paper.keep_ended_pick(now())
            paper.picked_at = at
        Paper.objects.bulk_update(chosen, ["picked_at", "former_picks"])
        self._report(request, chosen, verb)

    def _change(
        self, request: HttpRequest, papers: QuerySet[Paper], verb: str, **values: Any
    ) -> None:
        chosen = list(papers)
        Paper.objects.filter(pk__in=[paper.pk for paper in chosen]).update(**values)
        self._report(request, chosen, verb)

    def _report(self, request: HttpRequest, chosen: list[Paper], verb: str) -> None:
        log(request, chosen, verb)
        self.message_user(request, f"{counted(Paper, len(chosen))}: {verb}.", messages.SUCCESS)


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """Every measurement, newest first."""

    list_display = ("paper_link", "name", "value", "source", "observed_at")
    list_filter = ("name", ("observed_at", RangeDateTimeFilter))
    list_filter_submit = True
    list_select_related = ("paper",)
    search_fields = ("=paper__canonical_id",)
    search_help_text = "A paper's id."
    ordering = ("-observed_at", "-pk")
    fields = list_display

    @display(description="paper")
    def paper_link(self, signal: Signal) -> str:
        """Return a link to the measured paper."""
        return link(url_of(signal.paper), signal.paper)
