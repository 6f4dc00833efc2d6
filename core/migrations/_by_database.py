"""Steps of migrations that each database says in its own words."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import migrations


def by_database(forwards: Mapping[str, Sequence[str]], backwards: Mapping[str, Sequence[str]]) -> migrations.RunPython:
    """Return the operation that executes these statements, `{vendor: statements}`, and its way back."""

    def step(statements: Mapping[str, Sequence[str]]) -> Any:
        def run(apps: Any, schema_editor: Any) -> None:
            for statement in statements[schema_editor.connection.vendor]:
                schema_editor.execute(statement)

        return run

    return migrations.RunPython(step(forwards), step(backwards))
