from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import admin
from django.forms.models import BaseInlineFormSet

from videogen.catalog.capabilities import ModelTable
from videogen.catalog.prices import PriceList
from videogen.common.formats import usd
from videogen.models import StorySettings
from videogen.models.routes import Route, account_of


class StorySettingsForm(forms.ModelForm):
    model = forms.ChoiceField(required=False)
    person_generation = forms.ChoiceField(required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        table = ModelTable()
        for name, choices in (
            ("model", _models(table, self.instance.model)),
            ("person_generation", _people(table, self.instance.person_generation)),
        ):
            self.fields[name].choices = choices
            self.fields[name].help_text = self._meta.model._meta.get_field(name).help_text


class StorySettingsFormSet(BaseInlineFormSet):
    def save_existing(self, form, obj, commit=True):
        saved = super().save_existing(form, obj, commit=commit)
        if commit and saved.is_empty:
            saved.delete()
        return saved


class StorySettingsInline(admin.StackedInline):
    """How a story's videos are asked for: what they cost follows from it, so it is for those who
    may generate them."""

    model = StorySettings
    form = StorySettingsForm
    formset = StorySettingsFormSet
    can_delete = False
    # Always there, and nothing to take away; empty it leaves no row.
    extra, min_num, max_num = 0, 1, 1
    fields = ["model", "seed", "negative_prompt", "person_generation"]

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "negative_prompt":
            field.widget.attrs["rows"] = 2
        return field

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm("videogen.view_videorender")

    def has_change_permission(self, request, obj=None):
        return request.user.has_perm("videogen.generate_video")

    def has_add_permission(self, request, obj=None):
        return obj is not None and self.has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return False


def _models(table, chosen):
    """Of the table, by route, each with what a video of the settings' shape costs; and the one
    that the story has."""
    prices = PriceList()
    groups = [("", f"VIDEO_MODEL: {settings.VIDEO_MODEL}")]
    for route in Route:
        named = [(name, f"{name} · {_price(prices, name, route)}") for name in table.names(route)]
        if named:
            groups.append((route.label, named))
    if chosen and chosen not in table.names():
        groups.append(("Not in the table", [(chosen, chosen)]))
    return groups


def _price(prices, model, route):
    shape = (settings.VIDEO_RESOLUTION, settings.VIDEO_DURATION_SECONDS)
    price = prices.find(account_of(route), model, *shape)
    if price is None:
        return f"no price at {settings.VIDEO_RESOLUTION}"
    return f"{usd(price.usd)} a video" if price.usd else "free"


def _people(table, chosen):
    words = [word for each in table.all() for word in each.person_generation or ()]
    empty = settings.VIDEO_PERSON_GENERATION or "not sent"
    known = dict.fromkeys([*words, *([chosen] if chosen else [])])
    return [("", f"VIDEO_PERSON_GENERATION: {empty}"), *((word, word) for word in known)]
