from __future__ import annotations

from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from videogen.catalog.prices import is_used
from videogen.models import Price


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):
    """A price is added, never edited: another one takes over from its day on. One that nothing was
    queued under may be removed again."""

    list_display = ["model", "resolution", "per_second", "since", "is_valid", "source"]
    list_filter = ["model", "resolution"]
    search_fields = ["model", "source"]
    fields = ["model", "resolution", "usd_per_second", "since", "source"]

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        may_delete = super().has_delete_permission(request, obj)
        return may_delete and not (obj is not None and is_used(obj))

    def get_queryset(self, request):
        # The newest that has begun is known from the rows themselves: a subquery, no query a row.
        begun = Price.objects.filter(
            model=OuterRef("model"),
            resolution=OuterRef("resolution"),
            since__lte=timezone.localdate(),
        )
        newest = begun.order_by("-since").values("pk")[:1]
        return super().get_queryset(request).annotate(valid_pk=Subquery(newest))

    @admin.display(description="USD per second", ordering="usd_per_second")
    def per_second(self, price):
        return f"${price.usd_per_second:.4f}"

    @admin.display(description="valid today", boolean=True)
    def is_valid(self, price):
        return price.valid_pk == price.pk
