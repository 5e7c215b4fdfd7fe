"""Points 1, 2, 3 and 12 of the checklist: the CDR as an object, before any arithmetic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ValidationError

from ocpi.cdrs.codes import CdrFinding, UncheckedReason
from ocpi.cdrs.credit import MAX_CREDIT_ID, MAX_ID_WITH_ROOM, MAX_NORMAL_ID, is_credit
from ocpi.cdrs.numbers import MAX_MAGNITUDE
from ocpi.cdrs.report import Check, CheckResult, Rule
from ocpi.objects.cdr import SESSION_ONLY_DIMENSIONS, Cdr, CdrDimensionType, ChargingPeriod
from ocpi.types import format_datetime

WITHOUT_LATER_FIELDS = "2.1.1"
"""Version without session, token, signed data, parts of the cost and amounts with VAT (2.1.1 mod_cdrs)."""

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Start or end that is not known, by agreement (mod_cdrs prints the invalid ``1970-1-1T00:00:00Z``)."""

DURATION_DIMENSIONS = (
    CdrDimensionType.TIME,
    CdrDimensionType.PARKING_TIME,
    CdrDimensionType.RESERVATION_TIME,
)

_SHAPES = (
    ("/country_code", re.compile(r"[A-Za-z]{2}")),  # ISO 3166-1 alpha-2
    ("/party_id", re.compile(r"[A-Za-z0-9]{3}")),  # eMI3 / ISO 15118
    ("/cdr_token/country_code", re.compile(r"[A-Za-z]{2}")),
    ("/cdr_token/party_id", re.compile(r"[A-Za-z0-9]{3}")),
    ("/cdr_location/country", re.compile(r"[A-Za-z]{3}")),  # ISO 3166-1 alpha-3
    ("/currency", re.compile(r"[A-Z]{3}")),  # ISO 4217
)
_NOT_EMPTY = (
    "/id",
    "/session_id",
    "/cdr_token/uid",
    "/cdr_token/contract_id",
    "/cdr_location/id",
    "/cdr_location/address",
    "/cdr_location/city",
    "/cdr_location/evse_uid",
    "/cdr_location/evse_id",
    "/cdr_location/connector_id",
    "/cdr_location/connector_standard",
    "/cdr_location/connector_format",
    "/cdr_location/connector_power_type",
)
_CROSSABLE = (
    (CdrDimensionType.MIN_POWER, CdrDimensionType.MAX_POWER),
    (CdrDimensionType.MIN_CURRENT, CdrDimensionType.MAX_CURRENT),
)


def readable(cdr: Cdr) -> tuple[Cdr | None, CheckResult]:
    """Return the CDR with every field validated again, or ``None`` and why no arithmetic may touch it.

    Objects that came through validation are always readable; ``model_construct`` and ``model_copy`` make
    others.
    """
    check = Check(Rule.IDENTIFIERS)
    clean: Cdr | None = None
    try:
        clean = Cdr.model_validate(_plain(cdr))
    except ValidationError as invalid:
        for item in invalid.errors(include_url=False, include_context=False, include_input=False):
            place = "".join(f"/{part}" for part in item["loc"])
            check.error(CdrFinding.FIELD_INVALID, place, reason=item["type"])
    except (ValueError, TypeError, AttributeError, RecursionError) as invalid:
        check.error(CdrFinding.FIELD_INVALID, reason=type(invalid).__name__)
    if clean is not None:
        for place, number in _numbers(clean, ""):
            if number and abs(number.adjusted()) > MAX_MAGNITUDE:
                check.error(CdrFinding.NUMBER_IMPLAUSIBLE, place)
    result = check.result()
    return (None if result.findings else clean), result


def shown_id(cdr: Cdr) -> str:
    """Return the id of a CDR that may be unreadable, fit for any report."""
    text = str(getattr(cdr, "id", ""))[:MAX_CREDIT_ID]
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _plain(part) for name, part in value}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value


def _numbers(value: Any, place: str) -> Iterator[tuple[str, Decimal]]:
    if isinstance(value, Decimal):
        yield place, value
    elif isinstance(value, BaseModel):
        for name, part in value:
            yield from _numbers(part, f"{place}/{name}")
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from _numbers(part, f"{place}/{index}")


def check_identifiers(cdr: Cdr, version: str = "2.2.1") -> CheckResult:
    """Point 1: ids, lengths, characters; those that the model cannot know.

    Args:
        cdr: The object.
        version: In which it was written; 2.1.1 knows no ``session_id``.
    """
    check = Check(Rule.IDENTIFIERS)
    if not is_credit(cdr) and len(cdr.id) > MAX_NORMAL_ID:
        check.error(CdrFinding.ID_TOO_LONG, "/id", length=len(cdr.id), limit=MAX_NORMAL_ID)
    elif not is_credit(cdr) and len(cdr.id) > MAX_ID_WITH_ROOM:
        check.note(CdrFinding.ID_LEAVES_NO_ROOM_FOR_CREDIT, "/id", length=len(cdr.id), limit=MAX_ID_WITH_ROOM)
    for place, shape in _SHAPES:
        if not shape.fullmatch(_at(cdr, place)):
            check.error(CdrFinding.CODE_MALFORMED, place, field=place.removeprefix("/"))
    for place in _NOT_EMPTY:
        text = _at(cdr, place)
        if text is not None and not text.strip():
            check.error(CdrFinding.FIELD_EMPTY, place, field=place.removeprefix("/"))
    if cdr.session_id is None and version != WITHOUT_LATER_FIELDS:
        check.warn(CdrFinding.SESSION_ID_MISSING, "/session_id")
    return check.result()


def _at(cdr: Cdr, place: str) -> Any:
    value: Any = cdr
    for name in place.removeprefix("/").split("/"):
        value = getattr(value, name)
    return value


def check_period_order(cdr: Cdr) -> CheckResult:
    """Point 2: the first period starts with the session, periods ascend strictly, the last ends with it."""
    check = Check(Rule.PERIOD_ORDER)
    periods = cdr.charging_periods
    first, last = periods[0].start_date_time, periods[-1].start_date_time
    if cdr.start_date_time == UNKNOWN_TIME:
        check.skip(UncheckedReason.START_UNKNOWN, "/start_date_time")
    elif first < cdr.start_date_time:
        _moments(
            check.error, CdrFinding.PERIOD_BEFORE_START, "/charging_periods/0", first, cdr.start_date_time
        )
    elif first > cdr.start_date_time:  # legal for receivers, not what a CPO should write (cdrs facts §8)
        _moments(check.warn, CdrFinding.PERIOD_AFTER_START, "/charging_periods/0", first, cdr.start_date_time)
    for index, (period, following) in enumerate(pairwise(periods), start=1):
        if following.start_date_time <= period.start_date_time:
            check.error(CdrFinding.PERIODS_NOT_ASCENDING, f"/charging_periods/{index}", index=index)
    if cdr.end_date_time == UNKNOWN_TIME:
        check.skip(UncheckedReason.START_UNKNOWN, "/end_date_time")
    elif last >= cdr.end_date_time:
        place = f"/charging_periods/{len(periods) - 1}"
        _moments(check.error, CdrFinding.PERIOD_NOT_BEFORE_END, place, last, cdr.end_date_time)
    return check.result()


def _moments(
    report: Callable[..., None], code: CdrFinding, place: str, period: datetime, session: datetime
) -> None:
    report(code, place, period=format_datetime(period), session=format_datetime(session))


def check_dimensions(cdr: Cdr) -> CheckResult:
    """Point 3: no dimension that only a Session may have, each once; at least one (:func:`readable`)."""
    check = Check(Rule.DIMENSIONS)
    for index, period in enumerate(cdr.charging_periods):
        _check_period_dimensions(check, f"/charging_periods/{index}/dimensions", period)
    return check.result()


def _check_period_dimensions(check: Check, place: str, period: ChargingPeriod) -> None:
    for kind, count in Counter(dimension.type for dimension in period.dimensions).items():
        if kind in SESSION_ONLY_DIMENSIONS:
            check.error(CdrFinding.DIMENSION_SESSION_ONLY, place, dimension=kind.value)
        if count > 1:
            check.error(CdrFinding.DIMENSION_REPEATED, place, dimension=kind.value)
    volumes = {dimension.type: dimension.volume for dimension in period.dimensions}
    for kind in DURATION_DIMENSIONS:
        if kind in volumes and volumes[kind] < 0:
            check.error(CdrFinding.DURATION_NEGATIVE, place, dimension=kind.value)
    for low, high in _CROSSABLE:
        if low in volumes and high in volumes and volumes[low] > volumes[high]:
            check.error(CdrFinding.LIMITS_CROSSED, place, low=low.value, high=high.value)


def check_last_updated(cdr: Cdr) -> CheckResult:
    """Point 12: a CDR is final, so it cannot be older than its session (the 2.2.1 example is: gotcha 38)."""
    check = Check(Rule.LAST_UPDATED)
    if cdr.last_updated < cdr.end_date_time:
        check.error(
            CdrFinding.LAST_UPDATED_BEFORE_END,
            "/last_updated",
            last_updated=format_datetime(cdr.last_updated),
            end=format_datetime(cdr.end_date_time),
        )
    return check.result()
