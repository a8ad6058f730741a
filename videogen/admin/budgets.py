"""The budgets, and how much of each is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from storybook.form_versions import VersionedForms
from storybook.initial_values import InitialValuesMixin
from videogen.common.formats import usd
from videogen.models import Budget

if TYPE_CHECKING:
    from videogen.billing.budgets import Limit

Scope = Budget.Scope

# The fields that a budget of each scope needs. It must leave the others empty.
_NAMES: dict[str, tuple[str, ...]] = {
    Scope.OVERALL: (),
    Scope.STORY: ("story",),
    Scope.PERSON_DAY: ("user",),
}


class BudgetForm(forms.ModelForm):
    class Meta:
        model = Budget
        fields = ["scope", "story", "user", "limit_usd"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        scope = cleaned.get("scope")
        for field in ("story", "user"):
            if scope and cleaned.get(field) and field not in _NAMES[scope]:
                words = f"Leave this empty: it does not apply to a budget for {Scope(scope).label}."
                self.add_error(field, ValidationError(words, code="not_of_scope"))
        if scope == Scope.STORY and "story" in cleaned and not cleaned["story"]:
            words = "Choose the story that the budget is for."
            self.add_error("story", ValidationError(words, code="required"))
        return cleaned


class ChangeListWithUsage(ChangeList):
    """Look up what is used of all budgets of the page, in a fixed number of queries."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        budgets = list(self.result_list)
        usage = _usage_of(budgets)
        for budget in budgets:
            budget.usage = usage[budget.pk]
        self.result_list = budgets


@admin.register(Budget)
class BudgetAdmin(InitialValuesMixin, VersionedForms, admin.ModelAdmin):
    form = BudgetForm
    list_display = ["__str__", "limit", "spent", "reserved", "left"]
    list_filter = ["scope"]
    list_select_related = ["story", "user"]
    search_fields = ["story__title", "story__story_id", "user__username"]
    autocomplete_fields = ["story"]
    fieldsets = [
        (None, {"fields": ["scope", "story", "user", "limit_usd"]}),
        (
            "Used so far",
            {
                "fields": ["spent", "reserved", "left"],
                "description": (
                    "Of a daily budget, what is used today in the server's time zone. Of a daily "
                    "budget for everybody, what the person used who used the most."
                ),
            },
        ),
    ]
    readonly_fields = ["spent", "reserved", "left"]

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        return super().get_fieldsets(request, obj)[: None if obj else 1]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeListWithUsage

    @admin.display(ordering="limit_usd")
    def limit(self, budget: Budget) -> str:
        return usd(budget.limit_usd)

    @admin.display(description="spent, or possibly spent")
    def spent(self, budget: Budget) -> str:
        return usd(_usage(budget).spent_usd)

    @admin.display(description="queued")
    def reserved(self, budget: Budget) -> str:
        return usd(_usage(budget).reserved_usd)

    @admin.display
    def left(self, budget: Budget) -> str:
        return usd(_usage(budget).left_usd)


def _usage(budget: Budget) -> Limit:
    """Return what the list has looked up, or look it up on the page of a single budget."""
    usage: Limit | None = getattr(budget, "usage", None)
    return usage or _usage_of([budget])[budget.pk]


def _usage_of(budgets: list[Budget]) -> dict[int, Limit]:
    from videogen.billing.budgets import usage_of

    return usage_of(budgets)
