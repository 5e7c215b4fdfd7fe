"""``signedMeterValues``, and XML records that stand in S.A.F.E. XML without being escaped."""

from __future__ import annotations

import pytest

from eichrecht.containers.unwrap import Unwrapped, unwrap
from eichrecht.evidence import Document
from eichrecht.formats import registry
from sample_meters.edl40_p import FIRST, LAST
from sample_meters.edl40_sig import METER, together
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import session

ELEMENTS = [METER.element(FIRST), METER.element(LAST)]


def taken(content: str | bytes) -> Unwrapped:
    return unwrap(
        Document("x", content.encode() if isinstance(content, str) else content), registry.recognise
    )


def codes(unwrapped: Unwrapped) -> set[str]:
    return {f.code for f in (*unwrapped.findings, *(f for part in unwrapped.parts for f in part.findings))}


def safe(inner: str, count: int = 1) -> str:
    return f"<values>{f'<value><signedData>{inner}</signedData></value>' * count}</values>"


def test_every_element_is_cut_out_byte_by_byte() -> None:
    found = taken(together(*ELEMENTS))
    assert [part.content for part in found.parts] == [element.encode() for element in ELEMENTS]
    assert [part.where for part in found.parts] == [
        f"/signedMeterValues/signedMeterValue/{index}" for index in (0, 1)
    ]
    assert {part.format for part in found.parts} == {"EDL_40_SIG"}
    assert [layer.kind for layer in found.parts[0].layers] == ["signed-meter-values"]
    assert codes(found) == set()


def test_a_namespace_and_indentation_change_nothing() -> None:
    text = together(*ELEMENTS).decode().replace("<signedMeterValues>", '<signedMeterValues xmlns="urn:x">  ')
    assert [part.content for part in taken(text).parts] == [element.encode() for element in ELEMENTS]


def test_a_damaged_document_still_gives_its_complete_elements() -> None:
    broken = together(*ELEMENTS).decode().replace("</signedMeterValues>", "")
    assert [part.content for part in taken(broken).parts] == [element.encode() for element in ELEMENTS]


def test_nested_elements_are_not_guessed() -> None:
    nested = ELEMENTS[0].replace("</signedMeterValue>", f"{ELEMENTS[1]}</signedMeterValue>")
    found = taken(f"<signedMeterValues>{nested}</signedMeterValues>")
    assert nested.encode() not in [part.content for part in found.parts]


def test_an_element_that_is_none_of_a_format_stays_a_part_with_a_reason() -> None:
    found = taken(
        f"<signedMeterValues>{ELEMENTS[0]}<signedMeterValue>x</signedMeterValue></signedMeterValues>"
    )
    assert [part.format for part in found.parts] == ["EDL_40_SIG", "EDL_40_SIG"]
    other = "<signedMeterValue><encodingMethod>Odd</encodingMethod></signedMeterValue>"
    found = taken(f"<signedMeterValues>{other}</signedMeterValues>")
    assert [part.format for part in found.parts] == [None]
    assert "record_unrecognised" in codes(found)


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_element_may_carry_another_format(wrapped: bool) -> None:
    record = session(OcmfMeter("secp256r1"))
    element = (
        "<signedMeterValue><publicKey>KEY</publicKey><encodingMethod>ocmf</encodingMethod>"
        f'<encodedMeterValue encoding="hex">{record.hex()}</encodedMeterValue></signedMeterValue>'
    )
    text = f"<signedMeterValues>{element}</signedMeterValues>" if wrapped else element
    (part,) = taken(text).parts
    assert (part.content, part.format, part.key_text) == (record, "OCMF", "KEY")
    assert [layer.kind for layer in part.layers][:1] == ["signed-meter-values"]
    assert part.layers[-1].kind == "hex"


# --- inside S.A.F.E. XML


def test_markup_inside_signed_data_is_taken_as_it_stands() -> None:
    inner = (
        ELEMENTS[0]
        .replace("<publicKey", "\n\t<publicKey   ")
        .replace("<signatureMethod>", "<!-- a --><signatureMethod>")
    )
    found = taken(safe(inner))
    (part,) = found.parts
    assert part.content == inner.encode()
    assert (part.format, part.where) == ("EDL_40_SIG", "/values/value/0")
    assert "signed_data_holds_markup" not in codes(found)


def test_each_value_gets_its_own_markup() -> None:
    text = f"<values>{''.join(f'<value><signedData> {e} </signedData></value>' for e in ELEMENTS)}</values>"
    assert [part.content for part in taken(text).parts] == [element.encode() for element in ELEMENTS]


@pytest.mark.parametrize(
    "inner",
    [
        f"{ELEMENTS[0]}{ELEMENTS[1]}",
        f"text {ELEMENTS[0]}",
        f"{ELEMENTS[0]} text",
        f"<b>{ELEMENTS[0]}</b>",
    ],
)
def test_other_markup_inside_signed_data_is_refused(inner: str) -> None:
    assert "signed_data_holds_markup" in codes(taken(safe(inner)))


def test_an_element_hidden_in_a_comment_moves_nothing() -> None:
    hidden = f"<!-- {ELEMENTS[1]} -->{safe(ELEMENTS[0])}"
    assert [part.content for part in taken(hidden).parts] == [ELEMENTS[0].encode()]
    shifted = f"<values><x>{ELEMENTS[1]}</x><value><signedData>{ELEMENTS[0]}</signedData></value></values>"
    assert [part.content for part in taken(shifted).parts] == [ELEMENTS[0].encode()]


def test_many_values_take_linear_time() -> None:
    """The places of all elements are looked for once, not once per value."""
    assert len(taken(safe(ELEMENTS[0], 2_000)).parts) == 2_000
