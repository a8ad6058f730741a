from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

# What a second can cost. Below a cent a video could cost nothing when it is rounded, and budgets
# would not count it; the simulator alone is free, and it has no price. The dearest second that
# Google sells costs $0.60.
LOWEST_USD_PER_SECOND = Decimal("0.01")
HIGHEST_USD_PER_SECOND = Decimal("20")


class Price(models.Model):
    """What a second of video costs from a day on.

    The newest price whose day has come is valid. A render keeps the price under which it was
    queued.
    """

    model = models.CharField(max_length=100, help_text="As the API names it.")
    resolution = models.CharField(max_length=10, help_text="720p, 1080p or 4k.")
    usd_per_second = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        help_text="USD, from 0.01 to 20. Budgets count by it, so it has to be what is charged.",
        validators=[
            MinValueValidator(
                LOWEST_USD_PER_SECOND,
                "A second costs at least $%(limit_value)s: what costs nothing is not counted by "
                "any budget. The simulator is free without a price.",
            ),
            MaxValueValidator(
                HIGHEST_USD_PER_SECOND,
                "A second costs at most $%(limit_value)s. Is this the price of a whole video?",
            ),
        ],
    )
    since = models.DateField(help_text="The first day on which it is valid.")
    source = models.CharField(
        max_length=500, help_text="Where it was read and when: a price list, an invoice."
    )

    class Meta:
        ordering = ["model", "resolution", "-since"]
        permissions = [
            ("lower_price", "Can set a price below Google's list (budgets then count less)")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "resolution", "since"], name="one_price_a_day"
            ),
            models.CheckConstraint(
                condition=models.Q(usd_per_second__gte=0), name="price_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.resolution}: ${self.usd_per_second.normalize():f} per second"
