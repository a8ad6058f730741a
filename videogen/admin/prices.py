"""The price list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from videogen.catalog.prices import is_used
from videogen.models import Price


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):
    """People add prices and never edit them: a new price counts from its day on.

    A price may be deleted as long as no render was queued under it.
    """

    list_display = ["model", "resolution", "per_second", "since", "is_valid", "source"]
    list_filter = ["model", "resolution"]
    search_fields = ["model", "source"]
    fields = ["model", "resolution", "usd_per_second", "since", "source"]

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
        )
        newest = begun.order_by("-since").values("pk")[:1]
        return super().get_queryset(request).annotate(valid_pk=Subquery(newest))

    @admin.display(description="USD per second", ordering="usd_per_second")
    def per_second(self, price: Price) -> str:
        return f"${price.usd_per_second:.4f}"

    @admin.display(description="valid today", boolean=True)
    def is_valid(self, price: Any) -> bool:
        return price.valid_pk == price.pk
