"""Every finding code has a sentence in both languages, with the same parameters, and none is left over."""

from __future__ import annotations

import string
import tomllib
from pathlib import Path

import pytest

import eichrecht
from eichrecht.containers import ContainerCode

FILE = Path(eichrecht.__file__).parent / "locales" / "findings.d" / "containers.toml"
SENTENCES = tomllib.loads(FILE.read_text("utf-8"))


def _names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_codes_and_sentences_match():
    assert set(SENTENCES) == {str(code) for code in ContainerCode}


@pytest.mark.parametrize("code", list(ContainerCode))
def test_both_languages_use_the_same_parameters(code):
    entry = SENTENCES[code]
    assert set(entry) == {"de", "en"}
    assert _names(entry["de"]) == _names(entry["en"])
