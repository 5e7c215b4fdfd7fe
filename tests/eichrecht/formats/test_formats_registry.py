"""The registry: built-in formats, plug-ins, and sentences for every code."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.metadata import EntryPoint

import pytest

from eichrecht.evidence import RecordSpan, SignedRecord
from eichrecht.formats import registry
from eichrecht.formats.base import SignedFormat
from eichrecht.formats.codes import FormatCode, OcmfCode, OcmfErrorCode
from eichrecht.formats.errors import FormatPluginError, NotThisFormatError, UnknownFormatError
from eichrecht.formats.ocmf import OcmfFormat

RECORD = b'OCMF|{"RD":[]}|{"SD":"30"}'


class Greedy:
    """A plug-in that claims whole texts."""

    name = "GREEDY"

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        return (RecordSpan(self.name, 0, len(content), "greedy"),)

    def decode(self, content: bytes) -> SignedRecord:
        raise NotThisFormatError("greedy")


class Impostor(Greedy):
    name = "OCMF"


def broken() -> None:
    raise AssertionError("never called")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let the test name entry points of this module."""
    names: list[str] = []

    def installed(group: str) -> list[EntryPoint]:
        assert group == "eichrecht.formats"
        return [EntryPoint(name, f"{__name__}:{name}", group) for name in names]

    monkeypatch.setattr(registry, "entry_points", installed)
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.name])
    registry.formats.cache_clear()
    yield names
    registry.formats.cache_clear()


def test_ocmf_is_built_in(plugins: list[str]) -> None:
    assert next(iter(registry.formats())) == "OCMF", "nearly every record is one, so it is asked first"
    assert isinstance(registry.format_named("OCMF"), OcmfFormat)
    assert isinstance(OcmfFormat(), SignedFormat)
    (span,) = registry.recognise(b"x " + RECORD)
    assert span == RecordSpan("OCMF", 2, 2 + len(RECORD), "ocmf_header")
    assert registry.decode("OCMF", RECORD).format == "OCMF"


def test_an_unknown_format_is_named(plugins: list[str]) -> None:
    for ask in (registry.format_named, lambda name: registry.decode(name, b"")):
        with pytest.raises(UnknownFormatError) as caught:
            ask("EDL_99")
        assert caught.value.params == {"format": "EDL_99"}


def test_a_plugin_joins_and_spans_do_not_overlap(plugins: list[str]) -> None:
    plugins.append("Greedy")
    assert list(registry.formats())[-1] == "GREEDY", "behind all that are built in"
    assert [span.format for span in registry.recognise(b" " + RECORD)] == ["GREEDY"]
    assert [span.format for span in registry.recognise(RECORD)] == ["OCMF", "GREEDY"]  # the same span


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Impostor", FormatCode.PLUGIN_NAME_TAKEN),
        ("broken", FormatCode.PLUGIN_BROKEN),
        ("no_such_thing", FormatCode.PLUGIN_BROKEN),
    ],
)
def test_an_unusable_plugin_is_named(plugins: list[str], name: str, code: str) -> None:
    plugins.append(name)
    with pytest.raises(FormatPluginError) as caught:
        registry.recognise(RECORD)
    assert caught.value.code == code
    assert caught.value.params["plugin"] == name


def test_every_code_has_sentences_with_the_same_parameters() -> None:
    text = (resources.files("eichrecht.locales") / "findings.d" / "formats.toml").read_text(encoding="utf-8")
    sentences = tomllib.loads(text)
    codes = {str(code) for enum in (FormatCode, OcmfErrorCode, OcmfCode) for code in enum}
    assert set(sentences) == codes
    for code, entry in sentences.items():
        used = [
            {name for _, name, _, _ in string.Formatter().parse(entry[language]) if name}
            for language in ("de", "en")
        ]
        assert used[0] == used[1], code
