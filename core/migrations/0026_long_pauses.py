from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0025_push_session"),
    ]

    operations = [
        migrations.AddField(
            model_name="usersession",
            name="returned_at",
            field=models.DateTimeField(default=None, editable=False, null=True),
        ),
    ]
