"""The options of a story: the model and what else is sent beside prompt and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Field
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import escape

from videogen.catalog.prices import PriceList
from videogen.common.formats import either, usd
from videogen.models import StorySettings
from videogen.models.routes import Route, account_of

if TYPE_CHECKING:
    from videogen.catalog.capabilities import ModelTable


class StorySettingsForm(forms.ModelForm):
    model = forms.ChoiceField(required=False, label="Final model")
    resolution = forms.ChoiceField(required=False, label="Final resolution")
    draft_model = forms.ChoiceField(required=False)
    draft_resolution = forms.ChoiceField(required=False)
    person_generation = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from videogen.catalog.capabilities import ModelTable

        super().__init__(*args, **kwargs)
        table = ModelTable()
        for name, choices in (
            ("model", _models(table, self.instance.model, f"VIDEO_MODEL: {settings.VIDEO_MODEL}")),
            (
                "resolution",
                _resolutions(
                    table,
                    self.instance.resolution,
                    f"VIDEO_RESOLUTION: {settings.VIDEO_RESOLUTION}",
                ),
            ),
            ("draft_model", _models(table, self.instance.draft_model, "the cheapest one")),
            (
                "draft_resolution",
                _resolutions(table, self.instance.draft_resolution, "as it is cheapest"),
            ),
            ("person_generation", _people(table, self.instance.person_generation)),
        ):
            field = cast(forms.ChoiceField, self.fields[name])
            field.choices = choices
            field.help_text = self._meta.model._meta.get_field(name).help_text
        # What would be used now, in the words of the plan and of the doctor.
        used = table.find(self.instance.model or settings.VIDEO_MODEL)
        if used.shutdown_note:
            # Django takes a help text for HTML.
            self.fields["model"].help_text += f" {escape(used.shutdown_note)}"
        self._table = table

    def clean(self) -> dict[str, Any] | None:
        """A preset is something that the table of models knows."""
        cleaned = super().clean()
        for model_field, field, empty in (
            ("model", "resolution", settings.VIDEO_MODEL),
            ("draft_model", "draft_resolution", ""),
        ):
            resolution = self.cleaned_data.get(field)
            model = self._table.find(self.cleaned_data.get(model_field) or empty)
            if resolution and model.formats and model.format(resolution) is None:
                known = either([each.resolution for each in model.formats])
                self.add_error(field, f"{model.name} makes {known}.")
        return cleaned


class StorySettingsFormSet(BaseInlineFormSet):
    def save_existing(
        self, form: forms.ModelForm[StorySettings], obj: StorySettings, commit: bool = True
    ) -> StorySettings:
        """Delete the row when everything in it was cleared."""
        saved = super().save_existing(form, obj, commit=commit)
        if commit and saved.is_empty:
            saved.delete()
        return saved


class StorySettingsInline(admin.StackedInline):
    """Only people who may generate videos may change the options: the cost depends on them."""

    model = StorySettings
    form = StorySettingsForm
    formset = StorySettingsFormSet
    can_delete = False
    # The form is always shown and cannot be removed. An empty form stores no row.
    extra, min_num, max_num = 0, 1, 1
    fields = [
        "model",
        "resolution",
        "draft_model",
        "draft_resolution",
        "seed",
        "negative_prompt",
        "person_generation",
        "prompt_profile",
    ]

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "negative_prompt":
            field.widget.attrs["rows"] = 2
        return field

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return request.user.has_perm("videogen.view_videorender")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return request.user.has_perm("videogen.generate_video")

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


Choices = list[tuple[str, Any]]


def _models(table: ModelTable, chosen: str, empty: str) -> Choices:
    """Return the known models, grouped by route, each with the price of one video.

    The price is that of a video with the resolution and duration of the settings. The model that
    the story already has is offered even if it is not in the table.
    """
    prices = PriceList()
    groups: Choices = [("", empty)]
    for route in Route:
        named = [(name, f"{name} · {_price(prices, name, route)}") for name in table.names(route)]
        if named:
            groups.append((route.label, named))
    if chosen and chosen not in table.names():
        groups.append(("Not in the table", [(chosen, chosen)]))
    return groups


def _resolutions(table: ModelTable, chosen: str, empty: str) -> Choices:
    """Return what any model makes, and what is stored already."""
    known = {each.resolution for model in table.all() for each in model.formats}
    return [("", empty), *((each, each) for each in sorted(known | ({chosen} - {""})))]


def _price(prices: PriceList, model: str, route: Route) -> str:
    shape = (settings.VIDEO_RESOLUTION, settings.VIDEO_DURATION_SECONDS)
    price = prices.find(account_of(route), model, *shape)
    if price is None:
        return f"no price at {settings.VIDEO_RESOLUTION}"
    return f"{usd(price.usd)} a video" if price.usd else "free"


def _people(table: ModelTable, chosen: str) -> Choices:
    """Return the values of person_generation that any model takes, and the one already stored."""
    words = [word for each in table.all() for word in each.person_generation or ()]
    empty = settings.VIDEO_PERSON_GENERATION or "not sent"
    known = dict.fromkeys([*words, *([chosen] if chosen else [])])
    return [("", f"VIDEO_PERSON_GENERATION: {empty}"), *((word, word) for word in known)]
