from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from storybook.models import Story


class Budget(models.Model):
    """A limit on what may be spent. Queued renders and renders in flight count as spent.

    Several budgets may apply to one render, and each of them must have room for it. The setting
    VIDEO_BUDGET_USD is one more budget, over everything.
    """

    class Scope(models.TextChoices):
        OVERALL = "overall", "everything"
        STORY = "story", "one story"
        PERSON_DAY = "person_day", "one person on one day"

    scope = models.CharField(max_length=12, choices=Scope)
    story = models.ForeignKey(Story, on_delete=models.CASCADE, null=True, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="Empty: everybody who has no daily budget of their own.",
    )
    limit_usd = models.DecimalField("limit (USD)", max_digits=10, decimal_places=2)

    class Meta:
        ordering = ["scope", "story", "user"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope"], condition=Q(scope="overall"), name="one_overall_budget"
            ),
            models.UniqueConstraint(
                fields=["story"], condition=Q(scope="story"), name="one_budget_per_story"
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(scope="person_day"),
                name="one_daily_budget_per_person",
            ),
            models.UniqueConstraint(
                fields=["scope"],
                condition=Q(scope="person_day", user=None),
                name="one_daily_budget_for_everybody",
            ),
            models.CheckConstraint(
                condition=Q(scope="overall", story=None, user=None)
                | Q(scope="story", story__isnull=False, user=None)
                | Q(scope="person_day", story=None),
                name="budget_names_what_its_scope_needs",
            ),
            models.CheckConstraint(condition=Q(limit_usd__gte=0), name="budget_is_not_negative"),
        ]

    def __str__(self) -> str:
        whose = self.story or self.user or "everybody" * (self.scope == self.Scope.PERSON_DAY)
        about = f" ({whose})" if whose else ""
        return f"{self.get_scope_display()}{about}: ${self.limit_usd}"
