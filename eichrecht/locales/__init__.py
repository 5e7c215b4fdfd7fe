"""Sentences for people, in German and English; logic holds codes only.

``findings.d/*.toml`` holds one table per finding code with the keys ``de`` and ``en``; ``pages.toml`` and
``cli.toml`` hold the texts of the pages and the command line under their own keys. Braces name parameters.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from importlib.metadata import entry_points
from typing import Any

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_precision

from ocpi.findings import Finding

LANGUAGES = ("de", "en")
DEFAULT_LANGUAGE = "de"

ENTRY_POINT_GROUP = "eichrecht.sentences"
"""Entry point group of plug-ins; an entry names a mapping of finding codes to their texts by language."""


_QUANTITY = re.compile(
    r"(?<![\d.,:+/-])(-?\d+)\.(\d+)(?= ?(?:[kM]?Wh|k?W|kVA|A|V|h|s|ct|%|€|[A-Z]{3})(?!\w))"
)
"""A number with a decimal point before a unit or a currency. In German "21.000 kWh" would be twenty-one thousand;
versions, OBIS codes and times have no unit behind them and stay as they are written."""


class _Formatter(string.Formatter):
    """Fills ``{name}`` only: no attribute access, no indexing, and a missing parameter shows as ``?``."""

    def get_field(self, field_name: str, args: object, kwargs: Mapping[str, object]) -> tuple[object, str]:
        """Look ``field_name`` up literally, so that hostile parameters cannot reach into objects."""
        return kwargs.get(field_name, "?"), field_name


_FORMATTER = _Formatter()


@cache
def _catalogue(folder: str) -> Mapping[str, Mapping[str, str]]:
    root = resources.files(__package__)
    files = (
        sorted((root / folder).iterdir(), key=lambda entry: entry.name)
        if (root / folder).is_dir()
        else [root / f"{folder}.toml"]
    )
    merged: dict[str, Mapping[str, str]] = {}
    for file in files:
        if file.name.endswith(".toml"):
            merged.update(tomllib.loads(file.read_text(encoding="utf-8")))
    return _of_plug_ins() | merged if folder == "findings.d" else merged


def _of_plug_ins() -> dict[str, Mapping[str, str]]:
    """Return the sentences of plug-ins; those of this package are never replaced by them.

    What cannot be loaded is left out: then the bare codes are shown, which loses words and nothing else. A plug-in
    that cannot do its work is reported where its work is asked for.
    """
    found: dict[str, Mapping[str, str]] = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            texts = dict(entry.load())
        except Exception:  # noqa: S112 - a plug-in may fail in any way
            continue
        for code, words in texts.items():
            if isinstance(words, Mapping) and all(isinstance(words.get(one), str) for one in LANGUAGES):
                found[str(code)] = words
    return found


def finding_codes() -> frozenset[str]:
    """Return every finding code that has sentences."""
    return frozenset(_catalogue("findings.d"))


def sentence(finding: Finding, language: str) -> str:
    """Return the sentence for a finding; its bare code if there is none (a test keeps that from happening)."""
    return sentence_of(finding.code, finding.params, language)


def sentence_of(code: str, params: Mapping[str, Any], language: str) -> str:
    """Return the sentence for a finding of which code and parameters are known, e.g. from JSON."""
    texts = _catalogue("findings.d").get(code)
    if texts is None:
        return code
    written = _FORMATTER.vformat(texts[language], (), dict(params))
    return _QUANTITY.sub(r"\1,\2", written) if language == "de" else written


def text(catalogue: str, key: str, language: str, **params: object) -> str:
    """Return a text of the catalogue ``pages`` or ``cli``.

    Raises:
        KeyError: No such text: a programming error.
    """
    return _FORMATTER.vformat(_catalogue(catalogue)[key][language], (), params)


def number(value: Decimal, language: str) -> str:
    """Write a number with exactly its own decimals (never more than the meter gives) in the reader's style."""
    exponent = value.as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(value, format=pattern, locale=language, decimal_quantization=False))


def written(value: str, language: str) -> str:
    """Show a signed value with exactly its own characters, but the reader's decimal sign.

    "1274.000" on a German page would be read as more than a million.
    """
    return value.replace(".", ",") if language == "de" else value


def money(value: Decimal, currency: str, language: str) -> str:
    """Write an amount as a price: rounded half up to the currency's own decimals."""
    rounded = value.quantize(Decimal(1).scaleb(-get_currency_precision(currency)), ROUND_HALF_UP)
    return str(format_currency(rounded, currency, locale=language))


def moment(value: datetime, language: str) -> str:
    """Write an instant with the offset it was given in."""
    offset = value.strftime("%z")
    written = format_datetime(
        value.replace(tzinfo=None),
        "dd.MM.yyyy HH:mm:ss" if language == "de" else "d MMM yyyy HH:mm:ss",
        locale=language,
    )
    return f"{written} {offset[:3]}:{offset[3:5]}" if offset else str(written)


def choose_language(accept_language: str | None) -> str:
    """Choose German or English from an ``Accept-Language`` header; German where nothing fits."""
    best, best_quality = DEFAULT_LANGUAGE, Decimal(-1)
    for item in (accept_language or "")[:200].split(","):
        tag, _, quality_text = item.strip().partition(";q=")
        language = tag.strip().lower()[:2]
        try:
            quality = Decimal(quality_text) if quality_text else Decimal(1)
        except ArithmeticError:
            continue
        if language in LANGUAGES and quality.is_finite() and quality > best_quality:
            best, best_quality = language, quality
    return best
