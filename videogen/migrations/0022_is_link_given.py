from django.db import migrations, models
from django.db.models.functions import Cast

# How the warning began that told of it, until now.
GIVEN_LINK = "The download link was given by"


def fill(apps, schema_editor):
    """A copy took over its original's warnings, but its own link came from the API: only what is
    said more often than of the original was said of the copy itself."""
    renders = apps.get_model("videogen", "VideoRender").objects.using(
        schema_editor.connection.alias
    )
    given = set(renders.filter(kind="link").values_list("pk", flat=True))
    told = renders.exclude(kind="link").annotate(text=Cast("warnings", models.TextField()))
    rows = told.filter(text__contains=GIVEN_LINK).values_list(
        "pk", "warnings", "copy_of__warnings"
    )
    for pk, warnings, taken_over in rows.iterator():
        if count_given(warnings) > count_given(taken_over or []):
            given.add(pk)
    keys = sorted(given)
    for start in range(0, len(keys), 500):
        renders.filter(pk__in=keys[start : start + 500]).update(is_link_given=True)


def count_given(warnings):
    return sum(str(each).startswith(GIVEN_LINK) for each in warnings)


class Migration(migrations.Migration):
    dependencies = [("videogen", "0021_pause_details")]

    operations = [
        migrations.AddField(
            model_name="videorender",
            name="is_link_given",
            field=models.BooleanField(
                default=False,
                help_text="A person gave the download link, not the API: it may lead to any host.",
                verbose_name="link given by a person",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
