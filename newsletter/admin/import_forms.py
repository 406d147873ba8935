"""The forms of an import: the file, the service that made it, and the confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from newsletter.models import ListImport
from newsletter.subscriptions import csv_import, list_imports, presets

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

Kind = ListImport.Kind
PRESETS: Final = [
    (presets.AUTO, "Recognised by its columns"),
    *((preset.name, preset.title) for preset in presets.PRESETS.values()),
]


class UploadForm(forms.Form):
    """A file, what it lists, and the service that made it."""

    file = forms.FileField(
        label="CSV file",
        help_text="UTF-8 or UTF-16, with a line of column names, at most "
        f"{list_imports.MAX_FILE_BYTES >> 20} MB. Nothing is taken in before you have seen "
        "what would happen.",
        widget=forms.ClearableFileInput(
            {"accept": ".csv,text/csv", "class": "chosen-file block w-full"}
        ),
    )
    kind = forms.ChoiceField(
        label="It lists",
        choices=Kind.choices,
        initial=Kind.SUBSCRIBERS,
        widget=UnfoldAdminSelectWidget,
    )
    preset = forms.ChoiceField(
        label="Made by",
        choices=PRESETS,
        initial=presets.AUTO,
        widget=UnfoldAdminSelectWidget,
        help_text="For subscribers; a list of suppressions needs a column of addresses only.",
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse a file that is too large before it is stored."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > list_imports.MAX_FILE_BYTES:
            limit = list_imports.MAX_FILE_BYTES >> 20
            raise forms.ValidationError(
                f"It has more than {limit} MB; use the command import_subscribers."
            )
        return file


class PresetForm(forms.Form):
    """The service that made a file which was not recognised, or wrongly."""

    preset = forms.ChoiceField(
        label="Read it as made by", choices=PRESETS, widget=UnfoldAdminSelectWidget
    )


class StartForm(forms.Form):
    """The confirmation of an import: its number of rows, typed."""

    send_confirmations = forms.BooleanField(
        label="Ask everybody without a proof of consent by mail to confirm",
        help_text=f"At most {csv_import.CONFIRMATIONS_A_MINUTE} mails a minute. Without it they "
        "get no mail, and are deleted after a week unless they sign up themselves.",
        required=False,
        widget=UnfoldBooleanWidget,
    )
    typed = forms.CharField(widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}))

    def __init__(self, stored: ListImport, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = f"import {sum(stored.planned.values())}"
        self.fields["typed"].label = f"To go on, type: {self.words}"
        if stored.kind != Kind.SUBSCRIBERS:
            del self.fields["send_confirmations"]

    def clean_typed(self) -> str:
        """Refuse any other words."""
        typed = " ".join(str(self.cleaned_data["typed"]).split())
        if typed.casefold() != self.words:
            raise forms.ValidationError(f"Nothing was imported. To go on, type: {self.words}")
        return typed
