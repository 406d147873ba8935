"""Forms for signing up and for preferences."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any, Final, cast

from django import forms
from django.core.signing import BadSignature, TimestampSigner

from newsletter.models import Subscriber
from newsletter.security import email_addresses
from newsletter.security.email_addresses import Address
from newsletter.subscriptions import parsers, preferences
from newsletter.subscriptions.preferences import Choices
from newsletter.web.lists import week_counts
from papers.ingest.fields import fed_fields
from papers.text import taxonomy

# A person needs at least this long to type an address; programs keep forms for longer than an hour.
SHORTEST_FILL: Final = timedelta(seconds=2)
LONGEST_FILL: Final = timedelta(hours=1)
STAMP_BYTES: Final = 12

TopicGroup = tuple[str, int, list[tuple[str, str, bool, str]]]


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


class LinesTextarea(forms.Textarea):
    """A textarea for a list, one entry a line; repeated parameters are joined."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> str | None:
        """Return the lines of all parameters of this name, or None if there are none."""
        if name not in data:
            return None
        getlist = getattr(data, "getlist", None)
        return "\n".join(map(str, getlist(name) if getlist else [data[name]]))

    def format_value(self, value: Any) -> str:
        """Return a list as lines."""
        return "\n".join(value) if isinstance(value, list) else value or ""


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
    topics = ParsedField(parsers.topics, empty=[], label="Fields", widget=LinesTextarea())
    interests = ParsedField(
        parsers.phrases,
        empty=[],
        label="In your own words",
        help_text="One subject a line, in words that a paper about it would use.",
        widget=LinesTextarea({"rows": 4, "placeholder": "long-context language models"}),
    )
    likes = ParsedField(
        parsers.paper_ids,
        empty=[],
        label="Papers you like",
        help_text="One a line: an arXiv id, an address or a title. Digests look for more of these.",
        widget=LinesTextarea({"rows": 4, "placeholder": "https://arxiv.org/abs/1706.03762"}),
    )
    dislikes = ParsedField(
        parsers.paper_ids,
        empty=[],
        label="Papers you would rather not see more of",
        help_text="One a line. They never come again, and what is like them comes less often, "
        "whether a liked paper, a subject or a field would bring it.",
        widget=LinesTextarea({"rows": 2}),
    )
    authors = ParsedField(
        parsers.phrases,
        empty=[],
        label="Authors you follow",
        help_text="One name a line.",
        widget=LinesTextarea({"rows": 3, "placeholder": "Ada Lovelace"}),
    )
    muted = ParsedField(
        parsers.phrases,
        empty=[],
        label="Muted words and authors",
        help_text="One a line. A paper with one of these in its title or abstract, or among its "
        "authors, never comes, however much it trends. Words match as you write them; only "
        "capitals, hyphens and a plural s make no difference. GAN* mutes every word that begins "
        "so.",
        widget=LinesTextarea({"rows": 3}),
    )
    names = ParsedField(
        parsers.phrases,
        empty=[],
        label="Names you publish under",
        help_text="One a line. Your own papers never come: you know them.",
        widget=LinesTextarea({"rows": 2}),
    )

    @property
    def choices(self) -> Choices:
        """Return the choices of a valid form: the fields that were sent."""
        chosen = {
            name: self.cleaned_data[name]
            for name in (*preferences.SETTINGS, *preferences.LISTS)
            if name in self.data and self.cleaned_data.get(name) is not None
        }
        return cast(Choices, chosen)

    @property
    def topic_groups(self) -> list[TopicGroup]:
        """Return the categories that the sources bring, and the chosen ones, by group.

        Each group: (group, number chosen, [(code, name, chosen, new papers in words)]).
        """
        chosen = set(self._topics())
        offered = fed_fields() | chosen
        counts = week_counts()
        groups: list[TopicGroup] = []
        for group, names in taxonomy.GROUPS.items():
            rows = [
                (code, name, code in chosen, _news(counts, code))
                for code, name in names.items()
                if code in offered
            ]
            if rows:
                groups.append((group, len(chosen.intersection(names)), rows))
        return groups

    @property
    def other_topics(self) -> list[str]:
        """Return chosen codes without a checkbox of their own: whole archives such as ``cs``."""
        return [code for code in self._topics() if code not in taxonomy.NAMES]

    def _topics(self) -> list[str]:
        """Return the chosen categories, or those that were sent with an invalid form."""
        value = self["topics"].value() or []
        sent = value if isinstance(value, list) else parsers.CODE_SEPARATORS.split(value)
        return [taxonomy.category(code) or code for code in sent if code]


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
        *("topics", "interests", "likes", "authors", "muted", "dislikes", "names"),
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
        chosen: dict[str, Any] = dict(preferences.of(subscriber))
        for name in ("likes", "dislikes"):
            chosen[name] = parsers.with_titles(chosen[name])
        super().__init__(data, initial=chosen)
        attrs = {"data-propose": ""} if propose_timezone else {}
        self.fields["timezone"].widget = forms.Select(attrs, choices=timezone_choices())


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


@cache
def timezone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the time zones grouped by region, as choices of a select."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in parsers.timezones().values():
        region, slash, place = name.partition("/")
        row = (name, place.replace("_", " ") if slash else name)
        regions.setdefault(region if slash else "Other", []).append(row)
    return sorted(regions.items())


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="newsletter.sign-up")
