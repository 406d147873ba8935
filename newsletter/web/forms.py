"""The forms that strangers and subscribers fill in."""

from __future__ import annotations

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
from papers.text import taxonomy

# A person needs this long to write an address; a form older than a day was kept by a program.
QUICKEST: Final = timedelta(seconds=2)
OLDEST: Final = timedelta(days=1)

TopicGroup = tuple[str, int, list[tuple[str, str, bool]]]


class AddressField(forms.Field):
    """An email address; the cleaned value is an ``Address``."""

    def to_python(self, value: str | None) -> Address:
        try:
            return email_addresses.parse(value or "")
        except email_addresses.AddressError as error:
            raise forms.ValidationError(str(error)) from error


class AnswerField(forms.Field):
    """A field that one of the readers in ``answers`` understands; None when left empty."""

    def __init__(
        self, read: Callable[[str], Any], *, empty: Any = None, widget: forms.Widget, **options: Any
    ) -> None:
        super().__init__(required=False, widget=widget, **options)
        self.read = read
        self.empty = empty

    def to_python(self, value: str | None) -> Any:
        if not value or not value.strip():
            return self.empty
        try:
            return self.read(value)
        except parsers.AnswerError as error:
            raise forms.ValidationError(str(error)) from error


class Lines(forms.Textarea):
    """A list, one entry a line; a field that was sent several times is one longer list."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> str | None:
        if name not in data:
            return None
        getlist = getattr(data, "getlist", None)
        return "\n".join(map(str, getlist(name) if getlist else [data[name]]))

    def format_value(self, value: Any) -> str:
        return "\n".join(value) if isinstance(value, list) else value or ""


def _guessed_timezone(text: str) -> str | None:
    """A script's guess that nobody saw: one that means nothing is no reason to refuse."""
    with suppress(parsers.AnswerError):
        return parsers.timezone(text)
    return None


class ChoicesForm(forms.Form):
    """What a subscriber may choose. A field that is not sent at all says nothing."""

    frequency = AnswerField(
        parsers.frequency,
        label="How often",
        widget=forms.RadioSelect(choices=Subscriber.Frequency.choices),
    )
    weekday = AnswerField(
        parsers.weekday,
        label="Day of the week",
        help_text="For the weekly digest only.",
        widget=forms.Select(choices=[(int(day), str(day.label)) for day in Subscriber.Weekday]),
    )
    hour = AnswerField(
        parsers.hour,
        label="Hour",
        widget=forms.Select(choices=[(hour, f"{hour:02}:00") for hour in range(24)]),
    )
    timezone = AnswerField(parsers.timezone, label="Time zone", widget=forms.Select())
    size = AnswerField(
        parsers.size,
        label="Papers in a digest",
        widget=forms.NumberInput({"min": 1, "max": parsers.MAX_SIZE, "inputmode": "numeric"}),
    )
    topics = AnswerField(parsers.topics, empty=[], label="Fields", widget=Lines())
    interests = AnswerField(
        parsers.phrases,
        empty=[],
        label="In your own words",
        help_text="One subject a line, in words that a paper about it would use.",
        widget=Lines({"rows": 4, "placeholder": "long-context language models"}),
    )
    likes = AnswerField(
        parsers.paper_ids,
        empty=[],
        label="Papers you like",
        help_text="One a line: an arXiv id, an address or a title. Digests look for more of these.",
        widget=Lines({"rows": 4, "placeholder": "https://arxiv.org/abs/1706.03762"}),
    )
    dislikes = AnswerField(
        parsers.paper_ids,
        empty=[],
        label="Papers you would rather not see more of",
        help_text="One a line. They never come again, and what is like them comes less often, "
        "whether a liked paper, a subject or a field would bring it.",
        widget=Lines({"rows": 2}),
    )
    authors = AnswerField(
        parsers.phrases,
        empty=[],
        label="Authors you follow",
        help_text="One name a line.",
        widget=Lines({"rows": 3, "placeholder": "Ada Lovelace"}),
    )
    muted = AnswerField(
        parsers.phrases,
        empty=[],
        label="Muted words and authors",
        help_text="One a line. A paper with one of these in its title or abstract, or among its "
        "authors, never comes, however much it trends. Words match as you write them; only "
        "capitals and hyphens make no difference. Write GAN and GANs to mute both.",
        widget=Lines({"rows": 3}),
    )
    names = AnswerField(
        parsers.phrases,
        empty=[],
        label="Names you publish under",
        help_text="One a line. Your own papers never come: you know them.",
        widget=Lines({"rows": 2}),
    )

    @property
    def wishes(self) -> Choices:
        """What was said by this form, once it is valid."""
        said = {
            name: self.cleaned_data[name]
            for name in (*preferences.SETTINGS, *preferences.LISTS)
            if name in self.data and self.cleaned_data.get(name) is not None
        }
        return cast(Choices, said)


class SignUpForm(ChoicesForm):
    """The sign-up box: an address, whatever else was said, and two quiet questions to robots.

    ``website`` is a decoy that people do not see. ``started`` is a signed time-stamp; a request
    without a good one is served as long as few of them come (RULES C25).
    """

    email = AddressField(
        label="Your email address",
        widget=forms.EmailInput(
            {"autocomplete": "email", "maxlength": 254, "placeholder": "you@example.org"}
        ),
    )
    timezone = AnswerField(_guessed_timezone, widget=forms.HiddenInput())
    website = forms.CharField(required=False)
    started = forms.CharField(required=False)

    @property
    def trapped(self) -> bool:
        """Was the field filled in that people do not see?"""
        return bool(self.cleaned_data["website"])

    @property
    def vouched(self) -> bool:
        """Did the form come from a page of ours, in the time that a person takes?"""
        stamp = self.cleaned_data["started"]
        return _signed_within(stamp, OLDEST) and not _signed_within(stamp, QUICKEST)


class PreferencesForm(ChoicesForm):
    """Everything that a subscriber chose, to be changed, in the order of the page."""

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
        """``propose_timezone`` lets the page's script fill in the browser's own."""
        chosen: dict[str, Any] = dict(preferences.of(subscriber))
        for name in ("likes", "dislikes"):
            chosen[name] = parsers.titled(chosen[name])
        super().__init__(data, initial=chosen)
        attrs = {"data-propose": ""} if propose_timezone else {}
        self.fields["timezone"].widget = forms.Select(attrs, choices=timezone_choices())

    @property
    def topic_groups(self) -> list[TopicGroup]:
        """Every field of arXiv by its group: (group, how many chosen, [(code, name, chosen)])."""
        chosen = set(self._topics())
        groups: list[TopicGroup] = []
        for group, names in taxonomy.GROUPS.items():
            rows = [(code, name, code in chosen) for code, name in names.items()]
            groups.append((group, len(chosen.intersection(names)), rows))
        return groups

    @property
    def other_topics(self) -> list[str]:
        """What was chosen and has no box of its own: whole archives such as ``cs``."""
        return [code for code in self._topics() if code not in taxonomy.NAMES]

    def _topics(self) -> list[str]:
        """The chosen fields; as they were sent when the form comes back with an error."""
        value = self["topics"].value() or []
        sent = value if isinstance(value, list) else parsers.BETWEEN_CODES.split(value)
        return [taxonomy.category(code) or code for code in sent if code]


def started_stamp() -> str:
    """The signed time at which a sign-up form was made."""
    return _signer().sign("sign-up")


def _signed_within(stamp: str, age: timedelta) -> bool:
    try:
        _signer().unsign(stamp, max_age=age)
    except BadSignature:
        return False
    return True


@cache
def timezone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The time zones by region, as a select box wants them."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in parsers.timezones().values():
        region, slash, place = name.partition("/")
        row = (name, place.replace("_", " ") if slash else name)
        regions.setdefault(region if slash else "Other", []).append(row)
    return sorted(regions.items())


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="newsletter.sign-up")
