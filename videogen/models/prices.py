from __future__ import annotations

from django.db import models


class Price(models.Model):
    """What a second of video costs from a day on.

    The newest price whose day has come is valid. A render keeps the price under which it was
    queued.
    """

    model = models.CharField(max_length=100, help_text="As the API names it.")
    resolution = models.CharField(max_length=10, help_text="720p, 1080p or 4k.")
    usd_per_second = models.DecimalField(max_digits=8, decimal_places=4, help_text="USD")
    since = models.DateField(help_text="The first day on which it is valid.")
    source = models.CharField(
        max_length=500, help_text="Where it was read and when: a price list, an invoice."
    )

    class Meta:
        ordering = ["model", "resolution", "-since"]
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
