"""``eichrecht edifact show``: what a person reads, and that a file cannot steer the terminal."""

from __future__ import annotations

import io
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from eichrecht.cli.edifact import commands, show_file
from eichrecht.cli.errors import InputError
from eichrecht.edifact import read_file
from eichrecht.edifact.meaning import _LAYOUT
from sample_meters.edifact_mscons import BEGIN_KWH, END, END_KWH, START, MsconsGateway
from tests.eichrecht.edifact.edifact_support import (
    SHARED,
    encoded,
    energy,
    interchange,
    message,
    profile,
    profile_values,
    reading,
    utc,
)

GOOD = interchange(message(*reading()))


def shown(
    data: bytes, language: str = "en", covered: list[tuple[int, int]] | None = None, **named: bool
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=400, highlight=False, soft_wrap=True)
    show_file("file.edi", read_file(data), language, covered, console=console, **named)
    return stream.getvalue()


def lines(data: bytes, tag: str, **named: object) -> list[str]:
    return [line for line in shown(data, **named).splitlines() if f"  {tag}" in line]  # type: ignore[arg-type]


def test_segment_place_and_meaning() -> None:
    data = encoded(GOOD)
    (quantity,) = lines(data, "QTY")
    start = data.index(b"QTY")
    assert f"{start}–{start + 17}" in quantity
    assert quantity.split() == [
        *("13", f"{start}–{start + 17}", "QTY+220:1259.881'", "quantity:", "true", "value,", "1259.881"),
    ]
    assert "Menge: wahrer Wert, 1259.881" in shown(data, "de")
    assert "read, 14 Mar 2026 12:30:00 +00:00" in shown(data)
    assert "13017 Zählerstand" in shown(data, "de")
    for word in ("Zählerstände", "Absender, 9900000000001, BDEW", "Gerätenummer, 1EMH0012345678"):
        assert word in shown(data, "de")


def test_unchecked_is_said_and_no_mark_is_shown() -> None:
    text = shown(encoded(GOOD))
    assert "Signatures were not checked." in text
    assert "■" not in text
    assert "□" not in text
    assert "billable if signed" in text


def test_what_is_signed_is_marked() -> None:
    data = encoded(GOOD)
    start, end = data.index(b"BGM"), data.index(b"UNT")
    text = shown(data, covered=[(start, end)])
    marks = {
        line.split()[3][:3]: line.strip()[0] for line in text.splitlines() if "–" in line and "'" in line
    }
    assert marks.pop("UNH") == marks.pop("UNB") == marks.pop("UNT") == marks.pop("UNZ") == "□"
    assert set(marks.values()) == {"■"}
    assert "signed and billable" in text
    assert "14 of 18 segments are covered" in text
    less = shown(data, covered=[(start, end - 1)])
    assert "not signed throughout" in less
    assert "signed and billable" not in less
    assert "0 of 18 segments" in shown(data, covered=[])


def test_not_billable_stays_not_billable_when_signed() -> None:
    body = energy("QTY+67:1", "DTM+163:202603141000?+00:303", "DTM+164:202603141230?+00:303")
    data = encoded(interchange(message(*body), application="EM"))
    text = shown(data, covered=[(0, len(data))])
    assert "not billable" in text
    assert "signed and billable" not in text
    assert "[mscons_status_not_billable]" in text


def test_findings_are_shown_with_code_and_place() -> None:
    text = shown(encoded(GOOD.replace("UNT+16", "UNT+15")), "de")
    assert (
        "Fehler Das Nachrichtenende UNT nennt 15 Segmente, die Nachricht hat aber 16. [edifact_unt_count]"
        in text
    )
    assert "/segment/16/UNT" in text


def test_hostile_text_is_shown_harmlessly() -> None:
    text = shown(encoded(GOOD.replace("1EMH0012345678", "\x1b[31m\x9b2J[bold]x[/bold]\x07")))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\x9b" not in text
    assert "[bold]x[/bold]" in text


def test_long_files_are_cut_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eichrecht.cli.edifact.MAX_SEGMENTS_SHOWN", 5)
    monkeypatch.setattr("eichrecht.cli.edifact.MAX_VALUES_SHOWN", 3)
    begin = utc("202603130000")
    body = profile(begin, utc("202603140000"), profile_values(begin, 96))
    data = encoded(interchange(message(*body), application="TL"))
    text = shown(data)
    # All but five; the terminator in UNA ends no segment.
    rest = data.count(b"'") - 1 - 5
    assert f"{rest} more segments" in text
    assert "93 more values" in text
    everything = shown(data, everything=True)
    assert "more" not in everything
    assert everything.count("  QTY+220") == 96


def test_command(tmp_path: Path) -> None:
    path = tmp_path / "good.edi"
    path.write_bytes(encoded(GOOD))
    result = CliRunner().invoke(commands, ["show", str(path), "--language", "de"])
    assert result.exit_code == 0
    assert "wahrer Wert" in result.stdout


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (b"OCMF|{}|{}", [], "neither UNA nor UNB"),
        (b"OCMF|{}|{}", ["--language", "de"], "weder mit UNA noch mit UNB"),
        (b"UNB+UNOC:3'", ["--language", "fr"], "--language"),
    ],
)
def test_command_refuses(tmp_path: Path, content: bytes, arguments: list[str], sentence: str) -> None:
    path = tmp_path / "bad.edi"
    path.write_bytes(content)
    result = CliRunner().invoke(commands, ["show", str(path), *arguments])
    assert isinstance(result.exception, InputError)
    assert sentence in str(result.exception)


def test_every_signature_is_named_with_what_it_covers(tmp_path: Path) -> None:
    """Two signers: each header group is covered by its own signature alone, so both must be looked at."""
    first, second = MsconsGateway(), MsconsGateway(key_label="second", key_name="GW-SAMPLE-2")
    body = first.body(BEGIN_KWH, END_KWH, START, END)
    header = second.header("S2")
    octets = "'".join([*header, *body]) + "'"
    content = first.interchange([*header, *first.signed(body), "UST+S2+6", second._result(octets.encode())])
    path, key, other = (tmp_path / name for name in ("m.edi", "k.pem", "l.pem"))
    path.write_bytes(content)
    key.write_text(first.public_key_text())
    other.write_text(second.public_key_text())

    def marked(*keys: Path) -> int:
        arguments = ["show", str(path), *(part for one in keys for part in ("--key", str(one)))]
        result = CliRunner().invoke(commands, arguments)
        assert result.exit_code == 0
        assert "signature S1: key GW-SAMPLE-1, ECDSA-SHA256, over bytes" in result.stdout
        assert "signature S2: key GW-SAMPLE-2" in result.stdout
        return result.stdout.count("■")

    assert (marked(), marked(key), marked(key, other)) == (0, len(body) + 4, len(body) + 8)
    path.write_bytes(content.replace(b"1266.047", b"2266.047"))
    assert marked(key, other) == 0


def test_what_is_wrong_with_the_groups_is_shown() -> None:
    good = MsconsGateway().session_record(BEGIN_KWH, END_KWH, START, END)
    assert "[edifact_security_count_differs]" in shown(good.replace(b"UST+S1+6", b"UST+S1+7"))
    assert "[edifact_hash_unsupported]" in shown(good.replace(b"USA+1:::48", b"USA+1:::16"))
    assert "[edifact_unsigned]" in shown(encoded(GOOD))


def test_words_are_complete() -> None:
    """Every text has both languages with the same parameters, and every segment with a layout has a name."""
    source = (resources.files("eichrecht") / "locales" / "edifact.toml").read_text("utf-8")
    words = tomllib.loads(source)
    for key, texts in words.items():
        assert set(texts) == {"de", "en"}, key
        assert texts["de"].count("{") == texts["en"].count("{"), key
    assert {f"segment_{tag}" for tag in _LAYOUT} <= set(words)
    known = {key.split("_")[1] for key in words if key.startswith("code_")}
    used = {code_list for layout in _LAYOUT.values() for _, _, code_list in layout if code_list}
    assert used - {"0591"} <= known
    assert known <= used | {"2005", "1153", "Z13"}


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent")
@pytest.mark.parametrize("path", sorted(SHARED.rglob("*.edi")), ids=lambda path: path.name)
@pytest.mark.parametrize("language", ["de", "en"])
def test_vectors_are_shown(path: Path, language: str) -> None:
    data = path.read_bytes()
    text = shown(data, language)
    for segment in read_file(data).interchanges[0].segments:
        assert f"{segment.start}–{segment.end}" in text
