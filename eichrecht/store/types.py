"""Column types that keep what was written: exact decimals, UTC instants, exact JSON.

A binary float never reaches a table: SQLite would turn a ``NUMERIC`` column into ``REAL`` and lose digits, so
decimals are text on every database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from ocpi.transport.json import dumps, loads

_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


def write_instant(moment: datetime) -> str:
    """Write an instant with fixed width in UTC, so that text order is time order.

    Raises:
        ValueError: The datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a stored time must be aware")
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}-{utc.month:02d}-{utc.day:02d}T{utc:%H:%M:%S.%f}Z"


class ExactDecimal(TypeDecorator[Decimal]):
    """A ``Decimal`` as text: every digit and every trailing zero survives."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Refuse everything but finite decimals."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise ValueError("an amount must be a finite Decimal")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Read the digits back."""
        if value is None:
            return None
        try:
            return Decimal(value)
        except InvalidOperation as error:
            raise ValueError(f"stored amount {value[:40]!r} is no decimal number") from error


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC: fixed-width text on SQLite, ``timestamptz`` on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the database's own instant type where it has one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive datetimes."""
        if value is None:
            return None
        text = write_instant(value)
        return value.astimezone(UTC) if dialect.name == "postgresql" else text

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read an aware UTC datetime."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.strptime(value, _INSTANT).replace(tzinfo=UTC)


class JsonText(TypeDecorator[Any]):
    """JSON as text, numbers as ``Decimal`` with their digits (never the driver's JSON type)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write JSON."""
        return None if value is None else dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read JSON exactly."""
        return None if value is None else loads(value)
