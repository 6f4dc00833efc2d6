import core.models.transfers
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_gate"),
    ]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="replaces",
            field=models.OneToOneField(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="core.ticket",
            ),
        ),
        migrations.CreateModel(
            name="TicketTransfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(blank=True, max_length=254)),
                (
                    "token",
                    models.CharField(
                        default=core.models.transfers.new_token, editable=False, max_length=43, unique=True
                    ),
                ),
                ("reason", models.CharField(blank=True, db_default="", default="", editable=False, max_length=200)),
                ("offered_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("withdrawn", "Withdrawn"),
                            ("declined", "Declined"),
                            ("replaced", "Replaced"),
                            ("void", "Void"),
                        ],
                        max_length=9,
                    ),
                ),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "accepted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accepted_offers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "offered_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="offers", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="transfers", to="core.ticket"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("mailed_at", None)), fields=["id"], name="transfer_to_mail"),
                    models.Index(
                        condition=models.Q(("accepted_at", None), ("ended_at", None)),
                        fields=["email"],
                        name="transfer_to_person",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("accepted_at", None), ("ended_at", None)),
                        fields=("ticket",),
                        name="transfer_one_open_per_ticket",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("accepted_at", None), ("ended_at", None), _connector="OR"),
                        name="transfer_accepted_or_ended",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("accepted_at", None), ("accepted_by", None)),
                            models.Q(("accepted_at__isnull", False), ("accepted_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="transfer_accepted_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("end", ""), ("ended_at", None)),
                            models.Q(("ended_at__isnull", False), models.Q(("end", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="transfer_ended_somehow",
                    ),
                ],
            },
        ),
    ]
