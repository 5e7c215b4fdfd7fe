"""Every finding code has a German and an English sentence with the same parameters."""

import importlib
import pkgutil
import string
from enum import StrEnum

import pytest

import eichrecht
import ocpi
from eichrecht import locales
from ocpi.findings import Finding, Severity


def _code_enums() -> list[type[StrEnum]]:
    found: dict[str, type[StrEnum]] = {}
    for package in (eichrecht, ocpi):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            own = module.name.startswith(("eichrecht.formats.", "eichrecht.containers."))
            if not own and not module.name.endswith(".codes"):
                continue
            for value in vars(importlib.import_module(module.name)).values():
                is_enum = isinstance(value, type) and issubclass(value, StrEnum)
                if (
                    is_enum
                    and value.__module__ == module.name
                    and value.__name__.endswith(("Code", "Finding"))
                ):
                    found[f"{value.__module__}.{value.__name__}"] = value
    return list(found.values())


CODES = sorted({str(code) for enum in _code_enums() for code in enum})


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", CODES)
def test_code_has_sentences(code: str) -> None:
    assert code in locales.finding_codes()


@pytest.mark.parametrize("code", sorted(locales.finding_codes()))
def test_sentences_agree(code: str) -> None:
    texts = locales._catalogue("findings.d")[code]
    assert set(texts) == {"de", "en"}
    assert _fields(texts["de"]) == _fields(texts["en"])
    for language in locales.LANGUAGES:
        assert locales.sentence(Finding(code, Severity.NOTE), language)


def test_hostile_parameter_reaches_nothing() -> None:
    finding = Finding("meter_differs", Severity.ERROR, "", {"first": "{other.__class__}", "other": "{0}"})
    assert "{other.__class__}, then {0}" in locales.sentence(finding, "en")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr, de;q=0.5", "de"),
        ("en;q=x,de", "de"),
        ("x" * 9999, "de"),
    ],
)
def test_language_is_negotiated(header: str | None, language: str) -> None:
    assert locales.choose_language(header) == language
