from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storybook', '0003_scenelet_place'),
    ]

    operations = [
        migrations.AddField(
            model_name='story',
            name='archived_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='Since then it is out of the way: nothing of it is deleted or generated.', null=True),
        ),
    ]
