"""Forms for signing up and for preferences."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, cast

from django import forms
from django.core.signing import BadSignature, TimestampSigner

from newsletter.models import Subscriber
from newsletter.security import email_addresses
from newsletter.security.email_addresses import Address
from newsletter.subscriptions import parsers, pasted, preferences
from newsletter.subscriptions.preferences import Choices
from newsletter.web.lists import week_counts
from newsletter.web.timezones import common_timezones
from papers.ingest.fields import fed_fields
from papers.text import taxonomy

# A person needs at least this long to type an address; programs keep forms for longer than an hour.
SHORTEST_FILL: Final = timedelta(seconds=2)
LONGEST_FILL: Final = timedelta(hours=1)
STAMP_BYTES: Final = 12

TopicGroup = tuple[str, list[tuple[str, str, str]]]


class AddressField(forms.Field):
    """An email address; the cleaned value is an ``Address``."""

    def to_python(self, value: str | None) -> Address:
        """Parse the address; raises ValidationError with a sentence for the visitor."""
        try:
            return email_addresses.parse(value or "")
        except email_addresses.EmailAddressError as error:
            raise forms.ValidationError(str(error)) from error


class ParsedField(forms.Field):
    """A field whose text is parsed by ``read``; ``empty`` when it was left blank."""

    def __init__(
        self, read: Callable[[str], Any], *, empty: Any = None, widget: forms.Widget, **options: Any
    ) -> None:
        super().__init__(required=False, widget=widget, **options)
        self.read = read
        self.empty = empty

    def to_python(self, value: str | None) -> Any:
        """Parse the text; raises ValidationError with the parser's sentence."""
        if not value or not value.strip():
            return self.empty
        try:
            return self.read(value)
        except parsers.InputError as error:
            raise forms.ValidationError(str(error)) from error


class ListWidget(forms.Widget):
    """A box for the entries of a list, one per line; repeated parameters are joined."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> str | None:
        """Return the lines of all parameters of this name, or None if there are none."""
        if name not in data:
            return None
        getlist = getattr(data, "getlist", None)
        return "\n".join(map(str, getlist(name) if getlist else [data[name]]))

    def format_value(self, value: Any) -> str:
        """Return a list as lines."""
        return "\n".join(value) if isinstance(value, list) else value or ""


class LinesTextarea(ListWidget, forms.Textarea):
    """A box of several lines."""


class LineInput(ListWidget, forms.TextInput):
    """A box of one line."""


class ListField(ParsedField):
    """A list of choices: its entries are rows of the page, its box adds to them."""

    def __init__(self, read: Callable[[str], Any], **options: Any) -> None:
        options.setdefault("empty", [])
        super().__init__(read, **options)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> ListBoundField:
        """Return the box of this field."""
        return ListBoundField(form, self, field_name)


class ListBoundField(forms.BoundField):
    """The box to add entries: empty, unless it holds a mistake."""

    def value(self) -> Any:
        """Return what was sent if it cannot be read."""
        return self.data if self.errors else ""


class PapersField(ListField):
    """Papers, typed or pasted.

    Attributes:
        stored: Ids that are accepted even where the catalogue has lost the paper.
        note: Says which pasted entries were left out.
    """

    stored: frozenset[str] = frozenset()
    note = ""

    def __init__(self, **options: Any) -> None:
        super().__init__(pasted.read, empty=pasted.PastedPapers([]), **options)

    def to_python(self, value: str | None) -> list[str]:
        """Parse the text and keep the note; raises ValidationError with the parser's sentence."""
        lines = (value or "").splitlines()
        kept = [line for line in lines if line in self.stored]
        found = super().to_python("\n".join(line for line in lines if line not in self.stored))
        self.note = found.note
        return list(dict.fromkeys([*kept, *found.papers]))


def _timezone_or_none(text: str) -> str | None:
    """Parse the zone that the page's script guessed; None for an unknown one.

    The visitor never saw the guess, so it must not be the reason for an error.
    """
    with suppress(parsers.InputError):
        return parsers.timezone(text)
    return None


class ChoicesForm(forms.Form):
    """Everything that a subscriber can choose. A field that was not sent changes nothing."""

    frequency = ParsedField(
        parsers.frequency,
        label="How often",
        widget=forms.RadioSelect(choices=Subscriber.Frequency.choices),
    )
    weekday = ParsedField(
        parsers.weekday,
        label="Day of the week",
        help_text="For the weekly digest only.",
        widget=forms.Select(choices=[(int(day), str(day.label)) for day in Subscriber.Weekday]),
    )
    hour = ParsedField(
        parsers.hour,
        label="Hour",
        widget=forms.Select(choices=[(hour, f"{hour:02}:00") for hour in range(24)]),
    )
    timezone = ParsedField(parsers.timezone, label="Time zone", widget=forms.Select())
    size = ParsedField(
        parsers.size,
        label="Papers in a digest",
        widget=forms.NumberInput({"min": 1, "max": parsers.MAX_SIZE, "inputmode": "numeric"}),
    )
    topics = ListField(
        parsers.topics,
        label="Fields",
        help_text="Type a name, or open the list below.",
        widget=LineInput({"placeholder": "Robotics", "list": "fields"}),
    )
    interests = ListField(
        parsers.phrases,
        label="In your own words",
        help_text="One subject per line, in words that a paper on it would use.",
        widget=LinesTextarea(
            {"rows": 2, "placeholder": "long-context language models", "data-suggest": "subjects"}
        ),
    )
    likes = PapersField(
        label="Papers you like",
        help_text="arXiv ids, links, titles or BibTeX, as many as you like. Digests look "
        "for more like these.",
        widget=LinesTextarea(
            {"rows": 2, "placeholder": "1706.03762, or a title", "data-suggest": "papers"}
        ),
    )
    dislikes = PapersField(
        label="Papers you would rather not see more of",
        help_text="One per line. They never come again, and what is like them comes less often, "
        "whether a liked paper, a subject or a field would bring it.",
        widget=LinesTextarea({"rows": 2, "data-suggest": "papers"}),
    )
    authors = ListField(
        parsers.phrases,
        label="Authors you follow",
        help_text="One name per line.",
        widget=LinesTextarea({"rows": 2, "placeholder": "Ada Lovelace", "data-suggest": "authors"}),
    )
    muted = ListField(
        parsers.phrases,
        label="Muted words and authors",
        help_text="One per line. A paper with one of these in its title or abstract, or among its "
        "authors, never comes, however much it trends. Words match as you write them; only "
        "capitals, hyphens and a plural s make no difference. GAN* mutes every word that begins "
        "so.",
        widget=LinesTextarea({"rows": 2}),
    )
    names = ListField(
        parsers.phrases,
        label="Names you publish under",
        help_text="One per line. Your own papers never come: you know them.",
        widget=LinesTextarea({"rows": 2}),
    )
    ignored = ListField(
        parsers.phrases,
        label="Words that count for nothing",
        help_text="One per line. What is only like your liked papers by such a word moves down.",
        widget=LinesTextarea({"rows": 2}),
    )

    @property
    def choices(self) -> Choices:
        """Return the choices of a valid form: the fields that were sent, less what is removed.

        A subject that is to be followed as an author becomes one.
        """
        chosen = {
            name: self.cleaned_data[name]
            for name in (*preferences.SETTINGS, *preferences.LISTS)
            if name in self.data and self.cleaned_data.get(name) is not None
        }
        name, _, removed = self.data.get("remove", "").partition(":")
        if name in preferences.LISTS and name in chosen:
            chosen[name] = [value for value in chosen[name] if value != removed]
        followed = self.data.get("follow", "")
        if followed and followed in chosen.get("interests", []):
            chosen["interests"] = [one for one in chosen["interests"] if one != followed]
            chosen["authors"] = list(dict.fromkeys([*chosen.get("authors", []), followed]))
        return cast(Choices, chosen)

    def chosen(self, name: str) -> list[str]:
        """Return the entries of a list to show as rows; none of one that holds a mistake."""
        if self.is_bound and name in self.data:
            found = [] if name in self.errors else self.choices.get(name, [])
        else:
            found = self.get_initial_for_field(self.fields[name], name) or []
        return list(cast(list[str], found))

    @property
    def notes(self) -> list[str]:
        """Return what became of pasted entries."""
        fields = [field for field in self.fields.values() if isinstance(field, PapersField)]
        return [field.note for field in fields if field.note]

    @property
    def offered_topics(self) -> list[str]:
        """Return the names, with their codes, of the fields that can still be chosen."""
        groups = [rows for _, rows in self.topic_groups]
        return [f"{name} ({code})" for rows in groups for code, name, _ in rows]

    @cached_property
    def topic_groups(self) -> list[TopicGroup]:
        """Return the categories that the sources bring and that are not chosen yet, by group.

        Each group: (group, [(code, name, new papers in words)]).
        """
        offered = fed_fields() - set(self.chosen("topics"))
        counts = week_counts()
        groups: list[TopicGroup] = []
        for group, names in taxonomy.GROUPS.items():
            rows = [
                (code, name, _news(counts, code)) for code, name in names.items() if code in offered
            ]
            if rows:
                groups.append((group, rows))
        return groups


class SignUpForm(ChoicesForm):
    """The sign-up form: an address, optional choices and two checks against bots.

    ``website`` is a honeypot that people do not see. ``started`` is a signed time-stamp; requests
    without a valid one are served while they are few. ``altcha`` is the solution of a proof of
    work, which is only asked for when they are many.
    """

    email = AddressField(
        label="Your email address",
        widget=forms.EmailInput(
            {"autocomplete": "email", "maxlength": 254, "placeholder": "you@example.org"}
        ),
    )
    timezone = ParsedField(_timezone_or_none, widget=forms.HiddenInput())
    website = forms.CharField(required=False)
    started = forms.CharField(required=False)
    altcha = forms.CharField(required=False)

    @property
    def is_honeypot_filled(self) -> bool:
        """Return whether the honeypot was filled in."""
        return bool(self.cleaned_data["website"])

    @property
    def stamp(self) -> str:
        """Return the nonce of this form if it was made by this site as long ago as people take.

        It is empty otherwise.
        """
        text = self.cleaned_data["started"]
        return "" if _nonce(text, SHORTEST_FILL) else _nonce(text, LONGEST_FILL)


class PreviewForm(ChoicesForm):
    """What a visitor may try before signing up; the names are those of the preferences."""

    field_order = ("interests", "topics", "authors", "likes")

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Keep the fields of a preview only."""
        super().__init__(data)
        for name in set(self.fields).difference(self.field_order):
            del self.fields[name]


class PreferencesForm(ChoicesForm):
    """All choices of one subscriber, in the order of the page."""

    field_order = (
        *("topics", "interests", "likes", "authors", "muted", "dislikes", "names", "ignored"),
        *("frequency", "weekday", "hour", "timezone", "size"),
    )

    def __init__(
        self,
        subscriber: Subscriber,
        data: Mapping[str, Any] | None = None,
        *,
        propose_timezone: bool = False,
    ) -> None:
        """Fill the form; ``propose_timezone`` lets the page's script fill in the browser's zone."""
        chosen = preferences.of(subscriber)
        super().__init__(data, initial=dict(chosen))
        for field in self.fields.values():
            if isinstance(field, PapersField):
                field.stored = frozenset([*chosen["likes"], *chosen["dislikes"]])
        attrs = {"data-propose": ""} if propose_timezone else {}
        zones = common_timezones(subscriber.timezone)
        self.fields["timezone"].widget = forms.Select(attrs, choices=zones)


def _news(counts: Mapping[str, int], code: str) -> str:
    """Return how many new papers this week brought; empty before the first list was made."""
    if not counts:
        return ""
    return f"{counts[code]} this week" if counts.get(code) else "nothing new this week"


def started_stamp() -> str:
    """Return a new nonce, signed with the time at which a sign-up form is rendered."""
    return _signer().sign(secrets.token_urlsafe(STAMP_BYTES))


def _nonce(stamp: str, age: timedelta) -> str:
    """Return the nonce of a stamp that is younger than that age; empty for any other."""
    try:
        return _signer().unsign(stamp, max_age=age)
    except BadSignature:
        return ""


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="newsletter.sign-up")
