from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0024_records_are_never_emptied"),
    ]

    operations = [
        migrations.AddField(
            model_name="pushsubscription",
            name="session_key",
            field=models.CharField(db_default="", default="", editable=False, max_length=40),
        ),
    ]
