import django.db.models.deletion
from django.db import migrations, models


def words_of(price):
    """What a render kept of its price until now."""
    what = f"${price.usd_per_second:.4f} per second of {price.model} at {price.resolution}"
    return f"{what}, valid since {price.since}: {price.source}"[:600]


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    renders = apps.get_model("videogen", "VideoRender").objects.using(alias)
    for price in apps.get_model("videogen", "Price").objects.using(alias):
        renders.filter(
            model=price.model, resolution=price.resolution, price_source=words_of(price)
        ).update(price=price)


class Migration(migrations.Migration):
    dependencies = [("videogen", "0022_is_link_given")]

    operations = [
        migrations.AddField(
            model_name="videorender",
            name="price",
            field=models.ForeignKey(
                blank=True,
                help_text="The listed price it was queued under, if it was a listed one.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="renders",
                to="videogen.price",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
