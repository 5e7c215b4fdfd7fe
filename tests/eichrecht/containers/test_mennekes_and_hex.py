"""Containers of Mennekes bills and of hexadecimal blocks in text, with the real formats."""

from __future__ import annotations

import pytest

from eichrecht.containers import Unwrapped, unwrap
from eichrecht.containers.hex_blocks import SHORTEST_BLOCK
from eichrecht.evidence import Document, RecordSpan, Verdict
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from sample_meters.edl40_mennekes import START, STATION, STOP, bill

PLAIN = STATION.process(START, STOP)


def take(content: bytes) -> Unwrapped:
    return unwrap(Document("test", content), registry.recognise)


def codes(result: Unwrapped) -> set[str]:
    return {str(finding.code) for finding in result.findings}


@pytest.mark.parametrize("prefix", ["", "m"])
def test_a_bill_is_cut_into_its_processes_byte_by_byte(prefix: str) -> None:
    content = bill(PLAIN, PLAIN, prefix=prefix)
    result = take(content)
    assert [part.where for part in result.parts] == [
        "/Billing/ChargingProcess/0",
        "/Billing/ChargingProcess/1",
    ]
    for part in result.parts:
        assert part.content in content
        assert part.format == "EDL_40_MENNEKES"
        assert [(layer.kind, layer.reason) for layer in part.layers] == [("mennekes-billing", "billing_root")]
        assert dict(part.claims) == {
            "billing_begin": "2025-06-03T08:15:09+02:00",
            "billing_end": "2025-06-03T09:02:21+02:00",
        }
        assert (part.key_text, part.transaction_id) == (None, None)
    assert result.findings == ()
    if not prefix:
        assert result.parts[0].content == PLAIN.encode()


def test_a_process_by_itself_has_no_layer() -> None:
    (part,) = take(b'<?xml version="1.0"?>\n' + PLAIN.encode()).parts
    assert (part.content, part.layers, part.where, part.claims) == (PLAIN.encode(), (), "", ())


def test_utf_16_becomes_utf_8() -> None:
    (part,) = take(PLAIN.encode("utf-16")).parts
    assert part.content == PLAIN.encode()
    assert [layer.kind for layer in part.layers] == ["utf-16-le"]


def test_several_documents_in_one_file() -> None:
    result = take(bill(PLAIN) + PLAIN.encode())
    assert [part.where for part in result.parts] == ["/0/Billing/ChargingProcess/0", "/1"]
    assert "xml_several_roots" in codes(result)


def test_what_is_whole_is_saved_from_a_bill_that_breaks_off() -> None:
    content = bill(PLAIN, PLAIN)
    result = take(content[: content.rindex(b"<MeasurementEnd>")])
    assert [part.format for part in result.parts] == ["EDL_40_MENNEKES"] * 2
    assert result.parts[0].content == PLAIN.encode()
    assert "xml_not_well_formed" in codes(result)
    verdict = Verifier().verify(Document("cut", content[: content.rindex(b"<MeasurementEnd>")]))
    assert verdict.verdict is Verdict.INDETERMINATE
    assert verdict.records[0].verdict is Verdict.VALID


def test_processes_in_each_other_are_not_read() -> None:
    nested = PLAIN.replace("<SiteAddress>", f"<SiteAddress>{PLAIN}")
    for content in (nested.encode(), bill(nested)):
        verdict = Verifier().verify(Document("nested", content))
        inner = [record for record in verdict.records if record.verdict is Verdict.VALID]
        # The inner one is whole and signed; nothing else of it is taken for evidence.
        assert {item.record.raw for item in inner if item.record is not None} <= {PLAIN.encode()}


def test_a_bill_without_processes_is_nothing() -> None:
    assert take(bill()).parts == ()
    assert take(b"<Billing/>").parts == ()


# --- hexadecimal blocks; a recogniser of its own, so that no format is needed


def magic(content: bytes) -> list[RecordSpan]:
    start = content.find(b"\x1bRECORD")
    return [] if start < 0 else [RecordSpan("MAGIC", start, len(content), "magic")]


def taken(text: str) -> Unwrapped:
    return unwrap(Document("test", text.encode()), magic)


TELEGRAM = b"\x1bRECORD" + bytes(range(SHORTEST_BLOCK))


def test_blocks_between_lines_of_prose() -> None:
    digits = TELEGRAM.hex()
    result = taken(
        f"Start:\r\n\r\n{digits}\r\n\r\nEnd: at noon\r\n{digits.upper()[:60]}\r\n  {digits.upper()[60:]}\r\nBye"
    )
    assert [part.content for part in result.parts] == [TELEGRAM, TELEGRAM]
    assert [part.where for part in result.parts] == ["/0", "/1"]
    assert {(layer.kind, layer.reason) for part in result.parts for layer in part.layers} == {
        ("hex", "block_in_text")
    }
    (around,) = result.findings
    assert (around.code, around.params) == (
        "text_around_records",
        {"before": "6", "between": "12", "after": "3"},
    )


def test_grouped_digits() -> None:
    result = taken(f"note\n{TELEGRAM.hex(' ', 2)}\n")
    assert [part.content for part in result.parts] == [TELEGRAM]


@pytest.mark.parametrize(
    "text",
    [
        "note\n" + TELEGRAM[: SHORTEST_BLOCK - 1].hex(),  # too short
        "note\n" + TELEGRAM.hex() + "0",  # half a byte
        "note: " + TELEGRAM.hex(),  # not a line of its own
        "note\n" + bytes(200).hex(),  # nothing in it
        "note\n" + TELEGRAM.hex() + "\nADDED",  # five more digits: the block is not what was sent
    ],
)
def test_what_is_no_block(text: str) -> None:
    assert taken(text).parts == ()


def test_blocks_are_searched_in_linear_time() -> None:
    """Without any timing: hostile texts of some megabytes end at all."""
    for text in ("ab\n" * 700_000, "ab " * 700_000 + "x", ("ab" * 40 + "\n") * 20_000, "a" * 2_000_001):
        assert taken(f"note\n{text}").parts == ()
