"""Lints of the tariff as an object: its names, codes, fields, texts and validity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.tariff import PriceComponent, Tariff, TariffRestrictions
from ocpi.tariffs._lint_codes import LintCode
from ocpi.tariffs._lint_context import Linted
from ocpi.tariffs._lint_tables import COUNTRIES, CURRENCIES
from ocpi.types import OcpiModel

_EXTENSIONS = frozenset({"price_round", "step_round", "exact_price_component"})
"""Gireve's, which the engine reads (:mod:`ocpi.tariffs.extensions`)."""

_EDITIONS = frozenset({"preauthorize_amount"})
"""Fields of the edition of 2.3.0 with payments, which names its version alike."""

_PARTY_ID = re.compile(r"[A-Z0-9]{3}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_AMOUNT = re.compile(r"\d[.,]\d{1,2}\s*(?:€|EUR|ct|Cent|CHF|£|GBP|\$|USD)|(?:€|£|\$)\s*\d", re.IGNORECASE)
_SHOWN = 100  # characters of a stranger's field name
_WHOLE_MIX = Decimal(100)


def object_lints(linted: Linted) -> Iterator[Finding]:
    """Yield what there is to say of everything but elements."""
    tariff = linted.tariff
    yield from _codes(tariff)
    yield from _validity(linted)
    yield from _texts(tariff)
    mix = tariff.energy_mix
    if mix is not None and mix.energy_sources:
        total = sum((source.percentage for source in mix.energy_sources), Decimal(0))
        if total != _WHOLE_MIX:
            yield warning(LintCode.ENERGY_MIX_SUM, "/energy_mix/energy_sources", total=f"{total:f}")
    yield from _fields(tariff, "")


def _codes(tariff: Tariff) -> Iterator[Finding]:
    country, party, currency = tariff.country_code, tariff.party_id, tariff.currency
    if country.upper() not in COUNTRIES:
        yield warning(LintCode.COUNTRY_CODE_UNKNOWN, "/country_code", value=country)
    elif country != country.upper():
        yield note(LintCode.COUNTRY_CODE_CASE, "/country_code", value=country)
    if not _PARTY_ID.fullmatch(party.upper()):
        yield warning(LintCode.PARTY_ID_SHAPE, "/party_id", value=party)
    elif party != party.upper():
        yield note(LintCode.PARTY_ID_CASE, "/party_id", value=party)
    if currency.upper() not in CURRENCIES:
        yield warning(LintCode.CURRENCY_UNKNOWN, "/currency", value=currency)
    elif currency != currency.upper():
        yield note(LintCode.CURRENCY_CASE, "/currency", value=currency)


def _validity(linted: Linted) -> Iterator[Finding]:
    start, end, now = linted.tariff.start_date_time, linted.tariff.end_date_time, linted.options.now
    if start is not None and end is not None and end <= start:
        yield problem(LintCode.NEVER_ACTIVE, "/end_date_time", start=start.isoformat(), end=end.isoformat())
    elif end is not None and now is not None and end <= now:
        yield note(LintCode.TARIFF_EXPIRED, "/end_date_time", end=end.isoformat())


def _texts(tariff: Tariff) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, text in enumerate(tariff.tariff_alt_text or ()):
        place = f"/tariff_alt_text/{index}"
        if text.language.lower() in seen:
            yield note(LintCode.ALT_TEXT_LANGUAGE_TWICE, f"{place}/language", language=text.language)
        seen.add(text.language.lower())
        if _AMOUNT.search(text.text):
            yield note(LintCode.ALT_TEXT_HAS_PRICE, f"{place}/text")


def _fields(model: OcpiModel, place: str) -> Iterator[Finding]:
    """Yield fields that are null or unknown, of this object and those inside."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        where = f"{place}/{name}"
        if value is None and name in model.model_fields_set:
            yield note(LintCode.NEEDLESS_NULL_FIELD, where, field=name)
        for inner, at in _inside(value, where):
            yield from _fields(inner, at)
    for name, value in (model.model_extra or {}).items():
        where = f"{place}/{name.replace('~', '~0').replace('/', '~1')[:_SHOWN]}"
        shown = name[:_SHOWN]
        if isinstance(model, PriceComponent) and name in _EXTENSIONS:
            yield note(LintCode.ROUNDING_EXTENSION, where, field=shown)
        elif value is None:
            yield note(LintCode.NEEDLESS_NULL_FIELD, where, field=shown)
        elif name in _EDITIONS or isinstance(model, TariffRestrictions):
            continue  # of restrictions the engine says more: the element is never used
        else:
            meant = _CAMEL.sub("_", shown).replace("-", "_").replace(" ", "_").lower()
            if meant in type(model).model_fields:
                yield warning(LintCode.MISSPELT_FIELD, where, field=shown, meant=meant)
            else:
                yield note(LintCode.UNEXPECTED_FIELD, where, field=shown)


def _inside(value: object, where: str) -> Iterator[tuple[OcpiModel, str]]:
    if isinstance(value, OcpiModel):
        yield value, where
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            if isinstance(item, OcpiModel):
                yield item, f"{where}/{index}"
