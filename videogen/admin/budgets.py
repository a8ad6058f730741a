from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList

from videogen.billing.budgets import usage_of
from videogen.common.formats import usd
from videogen.models import Budget

Scope = Budget.Scope

# scope → what a budget of it names, and what it must leave empty.
_NAMES = {Scope.OVERALL: (), Scope.STORY: ("story",), Scope.PERSON_DAY: ("user",)}


class BudgetForm(forms.ModelForm):
    class Meta:
        model = Budget
        fields = ["scope", "story", "user", "limit_usd"]

    def clean(self):
        cleaned = super().clean()
        scope = cleaned.get("scope")
        for field in ("story", "user"):
            if scope and cleaned.get(field) and field not in _NAMES[scope]:
                words = f"A budget for {Scope(scope).label} names none: leave it empty."
                self.add_error(field, words)
        if scope == Scope.STORY and "story" in cleaned and not cleaned["story"]:
            self.add_error("story", "Whose budget is it? Choose a story.")
        return cleaned


class WithUsage(ChangeList):
    """The page's rows with what is used of them, in a fixed number of queries."""

    def get_results(self, request):
        super().get_results(request)
        self.result_list = with_usage(self.result_list)


def with_usage(budgets):
    budgets = list(budgets)
    usage = usage_of(budgets)
    for budget in budgets:
        budget.usage = usage[budget.pk]
    return budgets


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    form = BudgetForm
    list_display = ["__str__", "limit", "spent", "reserved", "left"]
    list_filter = ["scope"]
    list_select_related = ["story", "user"]
    search_fields = ["story__title", "story__story_id", "user__username"]
    autocomplete_fields = ["story"]
    fieldsets = [
        (None, {"fields": ["scope", "story", "user", "limit_usd"]}),
        (
            "As it stands",
            {
                "fields": ["spent", "reserved", "left"],
                "description": (
                    "A daily budget: today, by the site's time zone. Everybody's: whoever has used "
                    "most of it."
                ),
            },
        ),
    ]
    readonly_fields = ["spent", "reserved", "left"]

    def get_fieldsets(self, request, obj=None):
        return super().get_fieldsets(request, obj)[: None if obj else 1]

    def get_changelist(self, request, **kwargs):
        return WithUsage

    @admin.display(ordering="limit_usd")
    def limit(self, budget):
        return usd(budget.limit_usd)

    @admin.display(description="spent, or maybe")
    def spent(self, budget):
        return usd(_usage(budget).spent_usd)

    @admin.display(description="queued")
    def reserved(self, budget):
        return usd(_usage(budget).reserved_usd)

    @admin.display
    def left(self, budget):
        return usd(_usage(budget).left_usd)


def _usage(budget):
    if not hasattr(budget, "usage"):
        with_usage([budget])
    return budget.usage
