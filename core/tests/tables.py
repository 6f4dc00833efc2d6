"""Everything that is stored, to tell whether anything changed."""

from typing import Any

from django.apps import apps

Rows = dict[str, list[dict[str, Any]]]


def all_rows() -> Rows:
    """Return the rows of every table of every model, many-to-many ones included, by the model's name."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}


def changed_tables(before: Rows, after: Rows) -> list[str]:
    """Return the names of the models whose rows differ."""
    return [label for label in before if before[label] != after[label]]
