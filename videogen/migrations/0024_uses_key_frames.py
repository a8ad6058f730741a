from django.db import migrations, models
from django.db.models.functions import Cast


def fill(apps, schema_editor):
    """Until now the setting stood in the rows of the plan, and for a copy in those of the batch of
    its original."""
    batches = apps.get_model("videogen", "RenderBatch").objects.using(
        schema_editor.connection.alias
    )
    plans = batches.annotate(text=Cast("plan", models.TextField()))
    for value, words in ((True, "true"), (False, "false")):
        plans.filter(text__contains=f'"uses_key_frames": {words}').update(uses_key_frames=value)
    open_ones = batches.filter(uses_key_frames=None)
    while True:
        found = list(
            open_ones.exclude(renders__copy_of__batch__uses_key_frames=None)
            .filter(renders__copy_of__isnull=False)
            .values_list("pk", "renders__copy_of__batch__uses_key_frames")
        )
        if not found:
            break
        for pk, value in found:
            batches.filter(pk=pk).update(uses_key_frames=value)


class Migration(migrations.Migration):
    dependencies = [("videogen", "0023_price_of_renders")]

    operations = [
        migrations.AddField(
            model_name="renderbatch",
            name="uses_key_frames",
            field=models.BooleanField(
                blank=True,
                editable=False,
                help_text="What VIDEO_USE_KEY_FRAMES said when its requests were put together.",
                null=True,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
