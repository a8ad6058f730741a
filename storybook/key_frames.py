"""The form of a shot's key frames: add, replace, remove and order pictures."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.db.models import F, Max, QuerySet

from .models import KeyFrame
from .uploads import PictureField, key_frame_folder, store_upload

# Added to every position while key frames change places, because no two may have the same.
_ASIDE = 1_000_000


class KeyFrameForm(forms.ModelForm):
    place = forms.IntegerField(
        min_value=1,
        required=False,
        label="Order",
        help_text="The first ones are sent first. Pinned references name a key frame by this.",
    )
    upload = PictureField(required=False, label="New picture", help_text="PNG or JPEG.")

    class Meta:
        model = KeyFrame
        fields: list[str] = []

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["place"].initial = self.instance.position

    def clean(self) -> dict[str, Any]:
        super().clean()
        is_new = self.instance.pk is None
        if is_new and not self.cleaned_data.get("upload") and "upload" not in self.errors:
            self.add_error("upload", "Choose a picture.")
        return self.cleaned_data

    def save(self, commit: bool = True) -> KeyFrame:
        if upload := self.cleaned_data.get("upload"):
            shot = self.instance.shot
            self.instance.picture = store_upload(
                shot.scenelet.story, key_frame_folder(shot), upload
            )
        return super().save(commit)


class KeyFrameFormSet(forms.BaseInlineFormSet):
    def save(self, commit: bool = True) -> list[KeyFrame]:
        with transaction.atomic():
            saved = super().save(commit)
            if commit and self.has_changed():
                self._put_in_order()
        return saved

    def save_new(self, form: forms.ModelForm, commit: bool = True) -> KeyFrame:
        last = self._rows().aggregate(last=Max("position"))["last"] or 0
        form.instance.position = last + 1
        return super().save_new(form, commit)

    def _put_in_order(self) -> None:
        """Number the shot's key frames from 1.

        Key frames whose place was changed go there. The others keep their order around them.
        """
        moves = {
            form.instance.pk: form.cleaned_data["place"]
            for form in self.forms
            if form.instance.pk and "place" in form.changed_data and form.cleaned_data.get("place")
        }
        current = list(self._rows().order_by("position").values_list("pk", flat=True))
        ordered = [pk for pk in current if pk not in moves]
        for pk in sorted((pk for pk in current if pk in moves), key=moves.__getitem__):
            ordered.insert(moves[pk] - 1, pk)
        self._rows().update(position=F("position") + _ASIDE)
        for place, pk in enumerate(ordered, start=1):
            self._rows().filter(pk=pk).update(position=place)

    def _rows(self) -> QuerySet[KeyFrame]:
        return KeyFrame.objects.filter(shot=self.instance)
