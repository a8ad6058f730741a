"""The video models: what each takes, and what it costs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.db.models import CharField, Field, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from storybook.form_versions import VersionedForms
from videogen.models import Price, VideoFormat, VideoModel
from videogen.models.routes import Route

from .model_names import check_model_name


class VideoModelForm(forms.ModelForm):
    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        # A row of before must stay possible to edit.
        if "name" in self.changed_data:
            check_model_name(name)
        return name

    def clean_takes_seed(self) -> bool:
        from videogen.catalog.capabilities import SEED_ROUTES

        takes, route = self.cleaned_data["takes_seed"], self.cleaned_data.get("route")
        if takes and route and route not in SEED_ROUTES:
            raise ValidationError(
                f"A seed is never sent to {Route(route).label}.", code="seed_not_sent"
            )
        return takes


class FormatFormSet(BaseInlineFormSet):
    """A model needs at least one format, for the plan checks requests against the formats."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        if not kept:
            raise ValidationError(
                "Add at least one resolution that the model makes.", code="no_format"
            )
        takes_references = any(each["reference_durations"] for each in kept)
        if self.instance.max_references and not takes_references:
            raise ValidationError(
                "The model takes reference pictures: fill in the columns about them for at least "
                "one resolution, or set the number of reference pictures to 0.",
                code="no_reference_formats",
            )
        if takes_references and not self.instance.max_references:
            raise ValidationError(
                "Enter how many reference pictures the model takes, or leave the columns about "
                "them empty.",
                code="no_reference_number",
            )


class FormatForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        ratios, seconds = values.get("reference_aspect_ratios"), values.get("reference_durations")
        if not self.errors and bool(ratios) != bool(seconds):
            raise ValidationError(
                "Fill in both the aspect ratios and the seconds with reference pictures, or "
                "neither.",
                code="half_of_references",
            )
        return values


class FormatInline(admin.TabularInline):
    model = VideoFormat
    form = FormatForm
    formset = FormatFormSet
    extra = 0
    verbose_name = "resolution"
    verbose_name_plural = "Resolutions, and what each allows"

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        # Django's own fields are so wide that five of them do not fit the page.
        if isinstance(db_field, CharField):
            kwargs["widget"] = forms.TextInput(attrs={"size": 12})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(VideoModel)
class VideoModelAdmin(VersionedForms, admin.ModelAdmin):
    """A change here counts from the next plan on."""

    form = VideoModelForm
    list_display = ["name", "route", "resolutions", "max_references", "shuts_down_on", "checked_on"]
    list_filter = ["route"]
    search_fields = ["name", "source"]
    readonly_fields = ["prices"]
    inlines = [FormatInline]
    fieldsets = [
        (None, {"fields": ["name", "route", "shuts_down_on", "source", "checked_on", "prices"]}),
        (
            "What it takes",
            {
                "fields": [
                    "prompt_limit_tokens",
                    "max_references",
                    "takes_seed",
                    "takes_negative_prompt",
                    "person_generation",
                    "reference_person_generation",
                ]
            },
        ),
    ]

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "source":
            kwargs["widget"] = AdminTextareaWidget(attrs={"rows": 4})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoModel]:
        return super().get_queryset(request).prefetch_related("formats")

    @admin.display
    def resolutions(self, model: VideoModel) -> str:
        return ", ".join(each.resolution for each in model.formats.all())

    @admin.display
    def prices(self, model: VideoModel) -> str:
        """Return the prices of the model, the newest first, and a link to the price list."""
        if not model.pk:
            return self.get_empty_value_display()
        rows = Price.objects.filter(model=model.name)
        words = format_html_join(
            "",
            '<span data-price="{}">{}: ${} per second since {}</span><br>',
            (
                (each.resolution, each.resolution, f"{each.usd_per_second:.4f}", each.since)
                for each in rows
            ),
        )
        where = f"{reverse('admin:videogen_price_changelist')}?{urlencode({'model': model.name})}"
        return format_html(
            '{}<a data-price-list href="{}">Prices of {}</a>',
            words
            or format_html(
                "<span data-no-price>{}</span> ",
                "No price is known, and nothing is sent to a model without a price.",
            ),
            where,
            model,
        )
