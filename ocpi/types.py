"""OCPI basic types with the lengths and character sets of the specification (2.2.1 types chapter).

Numbers are ``Decimal`` from the wire to the wire: JSON must be read with :func:`ocpi.transport.json.loads`
(or any reader that yields ``Decimal`` or ``int`` for numbers); a Python ``float`` is refused, because its
digits are no longer those that were sent.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    Strict,
    StringConstraints,
)

_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?")
_MICROSECOND_DIGITS = 6


class OcpiModel(BaseModel):
    """Base of all OCPI objects: immutable, keeps unknown fields (2.3.0 forbids rejecting them).

    Unknown fields stay in ``model_extra``; nothing here gives them a meaning, and lints report them.
    """

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)


def _number(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("number must be finite")
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, float):
        raise ValueError("binary float refused: read the JSON with Decimal numbers")
    raise ValueError("must be a JSON number")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)  # "1.0" is accepted inbound: transport facts, handshake stance 12
    raise ValueError("must be a JSON integer")


def printable(text: str, limit: int) -> str:
    """Return a received text as it may stand in logs and on terminals: cut, control characters replaced.

    A partner's message with line breaks could pass for log lines of our own, one with escape sequences could
    steer the terminal of whoever reads it.

    Args:
        text: Anything received.
        limit: Most characters.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:limit])


def parse_datetime(text: str) -> datetime:
    """Read an OCPI DateTime (always UTC, ``Z`` or nothing behind it).

    Args:
        text: e.g. ``2015-06-29T20:39:09Z``; digits beyond microseconds are cut.

    Returns:
        An aware UTC ``datetime``.

    Raises:
        ValueError: Another offset, another shape, or no such date (types chapter, DateTime).
    """
    if not _DATETIME.fullmatch(text):
        raise ValueError("must be an OCPI DateTime in UTC, e.g. 2015-06-29T20:39:09Z")
    base, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.strptime(base, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return moment.replace(
        microsecond=int(fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0") or "0")
    )


def format_datetime(moment: datetime) -> str:
    """Write an OCPI DateTime in UTC with ``Z``: whole seconds, or milliseconds where there are any.

    Raises:
        ValueError: The datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("naive datetime")
    utc = moment.astimezone(UTC)
    if utc.microsecond:
        return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"
    return utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def _datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)
    if isinstance(value, str):
        return parse_datetime(value)
    raise ValueError("must be an OCPI DateTime string")


def _printable(value: str) -> str:
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):
        raise ValueError("control characters and line breaks are not allowed (types chapter, string)")
    return value


def _ascii(value: str) -> str:
    if any(not 0x20 <= ord(char) < 0x7F for char in value):
        raise ValueError("only printable ASCII is allowed (types chapter, CiString)")
    return value


def same_ci(left: str, right: str) -> bool:
    """Compare two CiStrings as the specification asks: without regard to case."""
    return left.lower() == right.lower()


Number = Annotated[Decimal, BeforeValidator(_number)]
"""OCPI ``number``: an exact ``Decimal``; JSON strings and binary floats are refused."""

Int = Annotated[int, BeforeValidator(_integer)]
"""OCPI ``int``; ``1.0`` is accepted inbound."""

Boolean = Annotated[bool, Strict()]
"""JSON ``true`` or ``false``; texts and numbers that look like one are refused."""

DateTime = Annotated[datetime, BeforeValidator(_datetime), PlainSerializer(format_datetime, return_type=str)]
"""OCPI ``DateTime``: aware, UTC."""

CiString2 = Annotated[str, StringConstraints(max_length=2, strict=True), AfterValidator(_ascii)]
CiString3 = Annotated[str, StringConstraints(max_length=3, strict=True), AfterValidator(_ascii)]
CiString4 = Annotated[str, StringConstraints(max_length=4, strict=True), AfterValidator(_ascii)]
CiString32 = Annotated[str, StringConstraints(max_length=32, strict=True), AfterValidator(_ascii)]
CiString36 = Annotated[str, StringConstraints(max_length=36, strict=True), AfterValidator(_ascii)]
CiString39 = Annotated[str, StringConstraints(max_length=39, strict=True), AfterValidator(_ascii)]
CiString48 = Annotated[str, StringConstraints(max_length=48, strict=True), AfterValidator(_ascii)]
String2 = Annotated[str, StringConstraints(max_length=2, strict=True), AfterValidator(_printable)]
String3 = Annotated[str, StringConstraints(max_length=3, strict=True), AfterValidator(_printable)]
String5 = Annotated[str, StringConstraints(max_length=5, strict=True), AfterValidator(_printable)]
String10 = Annotated[str, StringConstraints(max_length=10, strict=True), AfterValidator(_printable)]
String11 = Annotated[str, StringConstraints(max_length=11, strict=True), AfterValidator(_printable)]
String20 = Annotated[str, StringConstraints(max_length=20, strict=True), AfterValidator(_printable)]
String45 = Annotated[str, StringConstraints(max_length=45, strict=True), AfterValidator(_printable)]
String64 = Annotated[str, StringConstraints(max_length=64, strict=True), AfterValidator(_printable)]
String100 = Annotated[str, StringConstraints(max_length=100, strict=True), AfterValidator(_printable)]
String255 = Annotated[str, StringConstraints(max_length=255, strict=True), AfterValidator(_printable)]
String512 = Annotated[str, StringConstraints(max_length=512, strict=True), AfterValidator(_printable)]
String5000 = Annotated[str, StringConstraints(max_length=5000, strict=True), AfterValidator(_printable)]
Url = String255
"""OCPI ``URL``: string(255)."""


class DisplayText(OcpiModel):
    """A text for people in one language (types chapter, DisplayText)."""

    language: String2
    text: String512


class TaxAmount(OcpiModel):
    """One tax in an amount of money (2.3.0 types chapter, TaxAmount).

    Attributes:
        name: What the tax is called, e.g. ``VAT`` or ``QST``.
        account_number: Under which the tax is paid, where the law asks for it.
        percentage: Rate in percent; ``None`` = not given.
        amount: The tax itself.
    """

    name: String255
    account_number: String255 | None = None
    percentage: Number | None = None
    amount: Number


class Price(OcpiModel):
    """An amount of money in the currency of the object that holds it.

    Canonical for all versions: 2.2.1 sends ``excl_vat``/``incl_vat``; 2.3.0 sends ``before_taxes`` and tax
    lines, whose sum with ``excl_vat`` is ``incl_vat``; 2.1.1 sends the bare ``excl_vat``.

    Attributes:
        excl_vat: Amount without taxes.
        incl_vat: Amount with taxes; ``None`` where no VAT applies or none is known (not the same as 0 %).
        taxes: Tax lines, where they are known one by one; 2.3.0 only (:mod:`ocpi.versions`).
    """

    excl_vat: Number
    incl_vat: Number | None = None
    taxes: tuple[TaxAmount, ...] | None = None
