from __future__ import annotations

from decimal import Decimal

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0026_help_texts")]

    operations = [
        migrations.AlterModelOptions(
            name="price",
            options={
                "ordering": ["model", "resolution", "-since"],
                "permissions": [
                    ("lower_price", "Can set a price below Google's list (budgets then count less)")
                ],
            },
        ),
        migrations.AlterField(
            model_name="price",
            name="usd_per_second",
            field=models.DecimalField(
                decimal_places=4,
                help_text="USD, from 0.01 to 20. Budgets count by it, so it has to be what is "
                "charged.",
                max_digits=8,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("0.01"),
                        "A second costs at least $%(limit_value)s: what costs nothing is not "
                        "counted by any budget. The simulator is free without a price.",
                    ),
                    django.core.validators.MaxValueValidator(
                        Decimal("20"),
                        "A second costs at most $%(limit_value)s. Is this the price of a whole "
                        "video?",
                    ),
                ],
            ),
        ),
    ]
