from __future__ import annotations

from decimal import Decimal

from django.db import migrations, models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When

OPEN = ["queued", "submitting", "running", "downloading"]
MAY_COST = ["claimed", "accepted", "unknown"]


def fill(apps, schema_editor):
    """What every render came to that ended before this was written down: as ledger.py has it,
    spelled out as of this migration."""
    submissions = apps.get_model("videogen", "Submission").objects.filter(render=OuterRef("pk"))
    charge = submissions.filter(outcome__in=MAY_COST)
    price = Subquery(charge.order_by().values("price_usd")[:1])
    nothing = Value(Decimal("0.00"))
    renders = apps.get_model("videogen", "VideoRender").objects.exclude(state__in=OPEN)
    renders.update(
        actual_cost_usd=Case(
            When(Q(is_simulated=True) | Q(state__in=["rehearsed", "blocked", "failed"]), nothing),
            When(~Exists(charge), nothing),
            When(state="done", then=price),
            When(Q(download_uri__gt="") & Exists(charge.filter(outcome="accepted")), price),
            default=None,
            output_field=models.DecimalField(max_digits=8, decimal_places=2),
        )
    )


class Migration(migrations.Migration):
    dependencies = [("videogen", "0011_money_rights")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
