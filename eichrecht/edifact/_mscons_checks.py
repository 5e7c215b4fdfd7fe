"""Checks of a MSCONS message that has been read: header against envelope, locations, values, readings.

An error means that a value, its time, its place or its meaning is not certain. What only breaks a rule of the market's
processes, while the value is clear, is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from eichrecht.edifact._mscons_intervals import check_intervals
from eichrecht.edifact._mscons_profile import AGENCIES, CANCELLATION, PROFILES, STATUSES, VERSIONS, Profile
from eichrecht.edifact.codes import MsconsCode
from eichrecht.edifact.interchange import Interchange, Party
from eichrecht.edifact.metering import (
    TRUE_VALUE,
    LocationKind,
    MeasureKind,
    MsconsMessage,
    Quantity,
    Series,
)
from eichrecht.evidence import Finding, note, problem, warning

_ASSOCIATION = re.compile(r"2\.[1-9][a-z]?")
_PARTNER = re.compile(r"[0-9]{13}")
_LINE = re.compile(r"[0-9]{1,6}")
_LEGAL_TIME = ZoneInfo("Europe/Berlin")
_DAY = timedelta(days=1)
_MAX_DECIMALS = 3
"""Decimals of a meter reading by the handbook."""


def check_message(message: MsconsMessage, interchange: Interchange) -> Iterator[Finding]:
    """Yield what is to be said about header, locations and values, whatever the order of the message."""
    where = message.message.where
    yield from _check_type(message, interchange)
    profile = PROFILES.get(message.check_identifier)
    if profile is None:
        shown = message.check_identifier or "-"
        yield problem(MsconsCode.CHECK_IDENTIFIER_UNSUPPORTED, where, identifier=shown)
    else:
        yield from _check_profile(message, interchange, profile)
    yield from _check_parties(message, interchange)
    if message.created is None:
        yield problem(MsconsCode.TIME_MISSING, where, qualifier="137")
    lines: set[tuple[int, str]] = set()
    for series in message.series:
        yield from _check_series(message, series)
        # Behind the NAD stands the LOC; its number tells locations apart, as the same one may come twice.
        key = (series.context[1], series.line)
        line_where = message.message.segments.at(series.context[-1]).where
        if not _LINE.fullmatch(series.line):
            yield warning(MsconsCode.LINE_MALFORMED, line_where, line=series.line)
        elif key in lines:
            yield problem(MsconsCode.LINE_REPEATED, line_where, line=series.line)
        lines.add(key)
        if profile is not None and message.check_identifier != CANCELLATION:
            yield from _check_by_profile(message, series, profile)


def _check_type(message: MsconsMessage, interchange: Interchange) -> Iterator[Finding]:
    where = message.message.where
    kind = message.message.type
    if (kind.type, kind.version, kind.release, kind.agency) != ("MSCONS", "D", "04B", "UN"):
        shown = ":".join((kind.type, kind.version, kind.release, kind.agency))
        yield problem(MsconsCode.MESSAGE_TYPE, where, type=shown)
    if not _ASSOCIATION.fullmatch(kind.association):
        yield problem(MsconsCode.MESSAGE_TYPE, where, type=kind.association or "-")
    elif kind.association not in VERSIONS:
        yield warning(MsconsCode.VERSION_UNKNOWN, where, version=kind.association)
    syntax = interchange.syntax
    if (syntax.identifier, syntax.version) != ("UNOC", 3):
        yield note(MsconsCode.SYNTAX_OTHER, where, syntax=f"{syntax.identifier}:{syntax.version}")
    if message.function not in ("1", "9"):
        yield problem(MsconsCode.FUNCTION_UNKNOWN, where, function=message.function or "-")


def _check_profile(message: MsconsMessage, interchange: Interchange, profile: Profile) -> Iterator[Finding]:
    where = message.message.where
    identifier = message.check_identifier
    if interchange.application != profile.application:
        yield problem(
            MsconsCode.APPLICATION_DIFFERS,
            where,
            written=interchange.application or "-",
            expected=profile.application,
            identifier=identifier,
        )
    if profile.document_codes and message.document_code not in profile.document_codes:
        expected = ", ".join(sorted(profile.document_codes))
        yield warning(
            MsconsCode.DOCUMENT_CODE_DIFFERS,
            where,
            written=message.document_code or "-",
            expected=expected,
            identifier=identifier,
        )
    cancels = identifier == CANCELLATION
    if cancels != (message.function == "1") or (cancels and not message.cancels):
        yield problem(
            MsconsCode.CANCELLATION_INCONSISTENT, where, identifier=identifier, function=message.function
        )
    if cancels and message.series:
        yield problem(MsconsCode.CANCELLATION_WITH_VALUES, where)
    if not cancels and not any(series.quantities for series in message.series):
        yield problem(MsconsCode.NO_VALUES, where)


def _check_parties(message: MsconsMessage, interchange: Interchange) -> Iterator[Finding]:
    """Compare NAD, which a signature covers, with UNB, which it does not."""
    where = message.message.where
    for named, party, code in (
        (message.sender, interchange.sender, MsconsCode.SENDER_DIFFERS),
        (message.recipient, interchange.recipient, MsconsCode.RECIPIENT_DIFFERS),
    ):
        identification, agency = named
        if identification != party.identification or not _agency_fits(party, agency):
            yield problem(
                code,
                where,
                message=f"{identification or '-'}::{agency}",
                interchange=f"{party.identification or '-'}:{party.qualifier}",
            )
        elif not _PARTNER.fullmatch(identification):
            yield warning(MsconsCode.PARTY_MALFORMED, where, identification=identification)


def _agency_fits(party: Party, agency: str) -> bool:
    return AGENCIES.get(party.qualifier, agency) == agency


def _check_series(message: MsconsMessage, series: Series) -> Iterator[Finding]:
    """Check what holds under every check identifier."""
    segments = message.message.segments
    where = segments.at(series.context[-1]).where
    location = series.location
    if location is None:
        yield problem(MsconsCode.LOCATION_MISSING, where)
    elif location.check_digit_valid is False:
        yield problem(MsconsCode.LOCATION_CHECK_DIGIT, where, location=location.identification)
    elif location.kind is LocationKind.UNKNOWN:
        yield warning(MsconsCode.LOCATION_UNKNOWN, where, location=location.identification)
    elif location.kind is LocationKind.NONE and not series.configuration:
        yield problem(MsconsCode.LOCATION_MISSING, where)
    if series.obis is None:
        yield problem(MsconsCode.PRODUCT_NOT_OBIS, where, product=series.product or "-")
    if not series.quantities:
        yield problem(MsconsCode.NO_VALUES, where)
    yield from _check_units(message, series)
    for quantity in series.quantities:
        if quantity.status != TRUE_VALUE:
            yield _status(quantity, segments.at(quantity.number).where)
        last = quantity.end or quantity.time("9")
        if last is not None and message.created is not None and last > message.created:
            yield problem(MsconsCode.TIME_AFTER_MESSAGE, segments.at(quantity.number).where)


def _status(quantity: Quantity, where: str) -> Finding:
    if quantity.status not in STATUSES:
        return problem(MsconsCode.STATUS_UNKNOWN, where, status=quantity.status or "-")
    return note(MsconsCode.STATUS_NOT_BILLABLE, where, status=quantity.status)


def _check_units(message: MsconsMessage, series: Series) -> Iterator[Finding]:
    first: dict[str, Quantity] = {}
    for quantity in series.quantities:
        first.setdefault(quantity.unit, quantity)
    implied = series.obis.unit if series.obis is not None else None
    for written, quantity in first.items():
        unit = series.unit_of(quantity)
        where = message.message.segments.at(quantity.number).where
        if unit is None:
            yield problem(MsconsCode.UNIT_UNKNOWN, where, unit=written or "-")
        elif implied is not None and unit != implied:
            yield problem(MsconsCode.UNIT_DIFFERS, where, unit=unit, implied=implied, product=series.product)


def _check_by_profile(message: MsconsMessage, series: Series, profile: Profile) -> Iterator[Finding]:
    segments = message.message.segments
    where = segments.at(series.context[-1]).where
    session = message.session is not None and message.session.series is series
    if series.kind not in profile.kinds and not session:
        identifier = message.check_identifier
        yield problem(
            MsconsCode.MEASURE_UNEXPECTED, where, product=series.product or "-", identifier=identifier
        )
    if session:
        yield note(MsconsCode.SESSION_PROFILE, message.message.where)
        yield from _check_reading_series(series, where)
    elif profile.intervals:
        yield from check_intervals(message, series)
    elif profile.periods:
        for quantity in series.quantities:
            yield from _check_period(quantity, segments.at(quantity.number).where)
    elif profile.readings:
        yield from _check_reading_series(series, where)
        for quantity in series.quantities:
            yield from _check_reading(message, series, quantity, segments.at(quantity.number).where)
    if series.kind is MeasureKind.REGISTER:
        yield from _check_register(message, series)


def _check_period(quantity: Quantity, where: str) -> Iterator[Finding]:
    if quantity.begin is None or quantity.end is None:
        yield problem(MsconsCode.PERIOD_MISSING, where)
    elif quantity.begin >= quantity.end:
        yield problem(MsconsCode.PERIOD_REVERSED, where)


def _check_reading_series(series: Series, where: str) -> Iterator[Finding]:
    """A reading names its device, or the gateway configuration in place of location and device."""
    if series.configuration is None:
        if not series.device:
            yield problem(MsconsCode.DEVICE_MISSING, where)
    elif series.location is not None and series.location.kind is not LocationKind.NONE:
        yield warning(MsconsCode.LOCATION_UNEXPECTED, where, location=series.location.identification)


def _check_reading(
    message: MsconsMessage, series: Series, quantity: Quantity, where: str
) -> Iterator[Finding]:
    """Check one meter reading of 13017."""
    gateway = series.configuration is not None
    if quantity.status in STATUSES and quantity.status not in ("220", "67", "Z18"):
        yield problem(MsconsCode.STATUS_UNEXPECTED, where, status=quantity.status)
    if quantity.status == "Z18" and not gateway:
        yield warning(MsconsCode.STATUS_UNEXPECTED, where, status=quantity.status)
    if quantity.status == "67" and not {"Z32", "Z40"} <= {remark.category for remark in quantity.remarks}:
        yield warning(MsconsCode.SUBSTITUTE_UNEXPLAINED, where)
    mark = max(quantity.text.find("."), quantity.text.find(","))
    if mark >= 0 and len(quantity.text) - mark - 1 > _MAX_DECIMALS:
        yield warning(MsconsCode.VALUE_DECIMALS, where, text=quantity.text, limit=_MAX_DECIMALS)
    for qualifier, present in (("163", quantity.begin), ("164", quantity.end)):
        if present is not None:
            yield warning(MsconsCode.TIME_UNEXPECTED, where, qualifier=qualifier)
    if quantity.moment("9") is not None and (quantity.status != TRUE_VALUE or gateway):
        yield warning(MsconsCode.TIME_UNEXPECTED, where, qualifier="9")
    yield from _check_use(message, quantity, where)


def _check_use(message: MsconsMessage, quantity: Quantity, where: str) -> Iterator[Finding]:
    """Check the moment of use (DTM+7) and its distance to reading and device change."""
    use = quantity.time("7")
    if use is None:
        yield problem(MsconsCode.TIME_MISSING, where, qualifier="7")
        return
    local = use.astimezone(_LEGAL_TIME)
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        yield warning(MsconsCode.NOT_AT_DAY_BORDER, where)
    if message.created is not None and use > message.created:
        yield problem(MsconsCode.TIME_AFTER_MESSAGE, where)
    for qualifier in ("9", "60"):
        other = quantity.time(qualifier)
        if other is not None and abs(use - other) >= _DAY:
            yield warning(MsconsCode.READING_FAR_FROM_USE, where, qualifier=qualifier)


def _check_register(message: MsconsMessage, series: Series) -> Iterator[Finding]:
    """A register never runs back between two readings of one series."""
    timed = [(time, one) for one in series.quantities if (time := one.time("9") or one.time("7")) is not None]
    timed.sort(key=lambda pair: pair[0])
    for (_, earlier), (_, later) in pairwise(timed):
        first, second = earlier.value, later.value
        if first is not None and second is not None and second < first:
            yield problem(
                MsconsCode.REGISTER_RUNS_BACK,
                message.message.segments.at(later.number).where,
                first=earlier.text,
                second=later.text,
            )
