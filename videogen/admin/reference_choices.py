"""People's decisions on single references of a shot: pinned, or left out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from storybook.code_search import CodeSearchMixin
from storybook.form_versions import VersionedForms
from storybook.initial_values import InitialValuesMixin
from storybook.models import Shot
from videogen.models import ReferenceChoice

from .records import is_list


class ReferenceChoiceForm(forms.ModelForm):
    class Meta:
        model = ReferenceChoice
        fields = ["shot", "kind", "reference_id", "choice", "position"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        shot, kind = cleaned.get("shot"), cleaned.get("kind")
        reference_id = cleaned.get("reference_id")
        if shot and kind and reference_id:
            known = _known_ids(shot, kind)
            if reference_id not in known:
                label = ReferenceChoice.Kind(kind).label
                words = f"This shot has no {label} “{reference_id}”. " + (
                    f"It has: {', '.join(known)}." if known else f"It has no {label} at all."
                )
                self.add_error("reference_id", ValidationError(words, code="no_such_reference"))
        return cleaned


def _known_ids(shot: Shot, kind: str) -> list[str]:
    if kind == ReferenceChoice.Kind.KEY_FRAME:
        return [str(number) for number in range(1, shot.key_frames.count() + 1)]
    from videogen.prompts.prompt import referenced_ids

    plural = "characters" if kind == ReferenceChoice.Kind.CHARACTER else "environments"
    payload = shot.storyboard_payload
    return referenced_ids(payload if isinstance(payload, dict) else {}, plural)


@admin.register(ReferenceChoice)
class ReferenceChoiceAdmin(CodeSearchMixin, InitialValuesMixin, VersionedForms, admin.ModelAdmin):
    form = ReferenceChoiceForm
    list_display = ["shot", "kind", "reference_id", "choice", "position"]
    list_filter = ["choice", "kind", "shot__scenelet__story"]
    list_select_related = ["shot__scenelet"]
    code_path = "shot__"
    search_fields = ["reference_id", "shot__scenelet__scenelet_id", "shot__scenelet__title"]
    autocomplete_fields = ["shot"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReferenceChoice]:
        choices = super().get_queryset(request)
        return choices.defer("shot__storyboard_payload") if is_list(request) else choices


class ReferenceChoiceInline(admin.TabularInline):
    model = ReferenceChoice
    form = ReferenceChoiceForm
    extra = 0
    verbose_name_plural = "References that a person chose"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReferenceChoice]:
        return super().get_queryset(request).select_related("shot__scenelet")
