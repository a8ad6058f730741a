"""The price list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from videogen.catalog.prices import floor_price, is_used
from videogen.models import Price
from videogen.models.prices import LOWEST_USD_PER_SECOND

from .model_names import check_model_name

LOWER_PRICE = "videogen.lower_price"


class PriceForm(forms.ModelForm):
    # Set by the admin for the person who asks.
    may_lower = False

    def clean_model(self) -> str:
        name = str(self.cleaned_data["model"]).strip()
        check_model_name(name)
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # Without spaces around them, they are what a plan looks for.
        for name in ("model", "resolution"):
            if name in cleaned:
                cleaned[name] = cleaned[name].strip()
        price = Price(**{name: cleaned.get(name, "") for name in ("model", "resolution")})
        if since := cleaned.get("since"):
            price.since = since
        per_second = cleaned.get("usd_per_second")
        floor = floor_price(price)
        if (
            per_second is not None
            and floor is not None
            and per_second < floor
            and not self.may_lower
        ):
            self.add_error(
                "usd_per_second",
                f"The known price is {_rate(floor)} per second. With a lower one every budget "
                "counts less than is charged, so this needs a right of its own: “Can set a price "
                "below Google's list”.",
            )
        return cleaned


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):
    """People add prices and never edit them: a new price counts from its day on.

    A price may be deleted as long as no render was queued under it.
    """

    form = PriceForm
    list_display = ["model", "resolution", "per_second", "since", "is_valid", "source"]
    list_filter = ["model", "resolution"]
    search_fields = ["model", "source"]
    fields = ["model", "resolution", "usd_per_second", "since", "source"]

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **options: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **options)
        form.may_lower = request.user.has_perm(LOWER_PRICE)  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        floor = floor_price(obj)
        super().save_model(request, obj, form, change)
        if floor is not None and obj.usd_per_second < floor:
            self.message_user(
                request,
                f"From {obj.since} on, a second of {obj.model} at {obj.resolution} counts as "
                f"{_rate(obj.usd_per_second)} and not as {_rate(floor)}. Every budget, spend "
                "window and report counts by the new price, whatever Google charges.",
                messages.WARNING,
            )

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        may_delete = super().has_delete_permission(request, obj)
        return may_delete and not (obj is not None and is_used(obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        # The price that is valid today is found in a subquery, not by a query for each row.
        begun = Price.objects.filter(
            model=OuterRef("model"),
            resolution=OuterRef("resolution"),
            since__lte=timezone.localdate(),
            usd_per_second__gte=LOWEST_USD_PER_SECOND,
        )
        newest = begun.order_by("-since").values("pk")[:1]
        return super().get_queryset(request).annotate(valid_pk=Subquery(newest))

    @admin.display(description="USD per second", ordering="usd_per_second")
    def per_second(self, price: Price) -> str:
        return f"${price.usd_per_second:.4f}"

    @admin.display(description="valid today", boolean=True)
    def is_valid(self, price: Any) -> bool:
        return price.valid_pk == price.pk


def _rate(per_second: Decimal) -> str:
    return f"${per_second.normalize():f}"
