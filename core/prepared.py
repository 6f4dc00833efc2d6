"""Questions to the database that are composed once per process, and asked again and again with other values.

Composing takes Django longer than PostgreSQL needs to answer: 10 ms of the places of one person, which every page of
theirs asks for. Only what stays the same is kept, the text of the question and which columns make which object; every
answer is read anew.
"""

from collections.abc import Callable
from copy import copy
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, CharField, DateTimeField, Field, Model, QuerySet, Value
from django.db.models.query import ModelIterable
from django.db.models.sql import UpdateQuery

from .many import among, as_parameter
from .planned import Planned, plans, written_out

M = TypeVar("M", bound=Model)


class Given(Value):
    """A value of a question that is known when it is asked, by its name."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Leave its place open."""
        return "%s", [self]

    def bind(self, values: dict[str, Any], connection: Any) -> Any:
        """Return the value as the database's driver takes it; KeyError if it was not given."""
        return self.output_field.get_db_prep_value(values[self.value], connection)


def _given(name: str, field: "Field[Any, Any]") -> Any:
    """Return what stands for a value; typed as nothing in particular, as it goes where the value itself would."""
    return Given(name, output_field=field)


def moment(name: str) -> Any:
    """Return what stands for a datetime that is given by this name."""
    return _given(name, DateTimeField())


def number(name: str) -> Any:
    """Return what stands for an id that is given by this name."""
    return _given(name, BigIntegerField())


def text(name: str) -> Any:
    """Return what stands for a string that is given by this name."""
    return _given(name, CharField())


class GivenMany(Given):
    """A list of ids that is known when it is asked, by its name: one parameter, however many they are."""

    def bind(self, values: dict[str, Any], connection: Any) -> Any:
        """Return the list as the database's driver takes it; KeyError if it was not given."""
        return as_parameter(values[self.value])


def numbers(name: str) -> Any:
    """Return what stands for ids that are given by this name, as the right side of `__in`."""
    return among([], GivenMany(name))


def texts(name: str) -> Any:
    """Return what stands for strings that are given by this name, as the right side of `__in`."""
    return among([""], GivenMany(name))


class Question(Generic[M]):
    """What is kept of a queryset that `compose` makes: its compiler, and the text with the places left open.

    What depends on a setting or on the moment must be given, since it would stay as it was.
    """

    def __init__(self, compose: Callable[[], "QuerySet[M, Any]"]) -> None:
        self._compose = compose
        self._made: tuple[Any, str, tuple[Any, ...]] | None = None
        self._converters: Any = None  # of the columns; they look at the settings of a connection alone

    def _asking(self, values: dict[str, Any]) -> Any:
        """Return a compiler with these values in place; KeyError if one is missing."""
        connection = connections[DEFAULT_DB_ALIAS]
        compiler, sql, params = self._made = self._made or self._compile()
        bound = tuple(param.bind(values, connection) if isinstance(param, Given) else param for param in params)
        asking = copy(compiler)  # threads ask at the same time, each by its own connection
        asking.connection = Planned(connection) if plans(connection) else connection
        asking.as_sql = lambda: (sql, bound)
        asking.get_converters = lambda columns: self._converters_of(compiler, columns)
        return asking

    def _converters_of(self, compiler: Any, columns: Any) -> Any:
        if self._converters is None:
            self._converters = compiler.get_converters(columns)
        return self._converters

    def _compile(self) -> tuple[Any, str, tuple[Any, ...]]:
        compiler = self._composed().get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        if plans(compiler.connection):
            sql, params = written_out(sql, params)
        return compiler, sql, tuple(params)

    def _composed(self) -> Any:
        return self._compose().query


class Rows(Question[M]):
    """A question that asks for columns, a `values_list`."""

    def __call__(self, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows for these values; KeyError if one is missing."""
        return list(self._asking(values).results_iter(tuple_expected=True))


class Prepared(Question[M]):
    """A question that asks for whole models, without prefetches."""

    def __call__(self, **values: Any) -> list[M]:
        """Return the rows for these values; KeyError if one is missing."""
        asking = self._asking(values)
        query = SimpleNamespace(get_compiler=lambda using: asking)
        # All that the iterable looks at of a queryset.
        queryset: Any = SimpleNamespace(query=query, db=DEFAULT_DB_ALIAS, _known_related_objects={})
        return list(ModelIterable(queryset))


class Change(Question[M]):
    """An `update(**to)` of rows."""

    def __init__(self, compose: "Callable[[], QuerySet[M, Any]]", **to: Any) -> None:
        super().__init__(compose)
        self._to = to

    def __call__(self, **values: Any) -> int:
        """Change the rows for these values; return how many there were. KeyError if a value is missing."""
        asking = self._asking(values)
        sql, bound = asking.as_sql()
        with asking.connection.cursor() as cursor:
            cursor.execute(sql, bound)
            return int(cursor.rowcount)

    def _composed(self) -> Any:
        query = super()._composed().chain(UpdateQuery)
        query.add_update_values(self._to)
        return query
