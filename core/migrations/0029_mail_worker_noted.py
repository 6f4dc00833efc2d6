"""The mail worker notes its rounds as the clock does."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0028_records_stay_on_sqlite")]
    operations = [
        migrations.AlterField(
            model_name="lastrun",
            name="work",
            field=models.CharField(
                choices=[("cleanup", "Cleanup"), ("clock", "Clock"), ("mail", "Mail"), ("figures", "Figures")],
                max_length=20,
                primary_key=True,
                serialize=False,
            ),
        )
    ]
