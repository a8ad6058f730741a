from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("videogen", "0013_notice_rights")]

    operations = [
        migrations.RemoveConstraint("submission", "one_possible_charge_per_render"),
        migrations.AddConstraint(
            "submission",
            models.UniqueConstraint(
                fields=["render"],
                condition=Q(outcome__in=["claimed", "accepted", "unknown"])
                | Q(outcome="not_charged") & ~Q(error_code="blocked_audio"),
                name="one_possible_charge_per_render",
            ),
        ),
        migrations.AddConstraint(
            "submission",
            models.UniqueConstraint(
                fields=["render"],
                condition=Q(outcome="not_charged", error_code="blocked_audio"),
                name="one_blocked_audio_per_render",
            ),
        ),
    ]
