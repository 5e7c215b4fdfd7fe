"""EDL_40_SIG, and hostile telegrams."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.evidence import (
    Document,
    SignatureStatus,
    Verdict,
)
from eichrecht.formats import _sml as sml
from eichrecht.formats.edl40_p import Edl40PFormat
from eichrecht.formats.errors import FormatError, NotThisFormatError
from eichrecht.verification import Verifier
from sample_meters import _edl40_telegrams as writer
from sample_meters import edl40_p, edl40_sig, isa_edl40_p
from sample_meters.edl40_p import FIRST
from tests.eichrecht.formats.edl40_support import ISA, OLD, SIG, TELEGRAM, P, codes, refused

XML = edl40_sig.SigMeter()


# --- EDL_40_SIG


def test_an_element_shows_what_its_320_bytes_say() -> None:
    record = SIG.decode(XML.element(FIRST).encode())
    assert record.signed_bytes == FIRST.buffer("narrow")
    assert record.readings == P.decode(TELEGRAM).readings
    assert (record.signature.algorithm_text, record.signature.encoding) == ("ECDSA192SHA256", "base64")
    assert record.embedded_key is not None
    assert record.official_refusals == ()


@pytest.mark.parametrize(
    ("meter", "refusals"),
    [
        (edl40_sig.SigMeter(key_inside=False), {"app.view.error.publickeynotmatchdata"}),
        (edl40_sig.SigMeter(label=None), {"error.format.unknown"}),
        (edl40_sig.SigMeter("wide", "w"), {"error.invalid.public.key"}),
        (edl40_sig.SigMeter("old", "o"), {"error.sml.missing.secondsindex"}),
    ],
    ids=["no key", "no encoding", "wide", "old"],
)
def test_what_the_official_program_refuses(meter: edl40_sig.SigMeter, refusals: set[str]) -> None:
    assert set(SIG.decode(meter.element(FIRST).encode()).official_refusals) == refusals


def test_the_older_buffer_is_known_by_its_register() -> None:
    record = SIG.decode(edl40_sig.SigMeter("old", "o").element(FIRST).encode())
    assert record.readings == P.decode(OLD.telegram(FIRST)).readings
    assert record.identification.data == "SMP-7712"


def test_signed_bytes_of_another_layout_are_not_read_as_energy() -> None:
    """A genuine ISA record's 320 bytes, put into this element: another layout under the same key."""
    values = isa_edl40_p.AT_END
    buffer = values.buffer("isa")
    signature = writer.sign("isa", "isa", buffer) + values.log
    element = edl40_sig.SigMeter("wide", "isa").element(FIRST, written=buffer, signature=signature)
    verdict = Verifier().verify(Document("x", element.encode()))
    (record,) = verdict.records
    assert record.signature.status is SignatureStatus.VALID
    assert record.verdict is not Verdict.VALID
    assert record.record is not None
    assert record.record.readings[0].energy_kwh is None


def test_elements_are_found_in_other_text() -> None:
    element = XML.element(FIRST)
    text = f"<a>{element}</a> and {element} and <signedMeterValue><publicKey>"
    spans = [(span.start, span.end, span.reason) for span in SIG.find(text.encode())]
    second = text.index(element, 10)
    cut = text.rindex("<signedMeterValue>")
    assert spans == [
        (3, 3 + len(element), "signed_meter_value"),
        (second, second + len(element), "signed_meter_value"),
        (cut, len(text), "signed_meter_value_incomplete"),
    ]
    declared = f'  <?xml version="1.0"?>\n{element}\n'
    assert [(s.start, s.end) for s in SIG.find(declared.encode())] == [(2, len(declared) - 1)]


def test_an_element_that_carries_another_format_is_not_ours() -> None:
    other = XML.element(FIRST).replace(">EDL<", ">OCMF<").encode()
    assert SIG.find(other) == []
    with pytest.raises(NotThisFormatError):
        SIG.decode(other)
    assert len(SIG.find(other.replace(b">OCMF<", b"> edl <"))) == 1


@pytest.mark.parametrize(
    ("old_text", "new_text", "code"),
    [
        ("</signedMeterValue>", "", "edl40_sig_element_incomplete"),
        ("<signatureMethod>", "<signatureMethod", "edl40_sig_not_xml"),
        ("encodedMeterValue", "otherMeterValue", "edl40_sig_child_missing"),
        ("signatureMethod", "publicKey", "edl40_sig_child_repeated"),
        ("ECDSA192SHA256", "<b>ECDSA192SHA256</b>", "edl40_sig_child_holds_markup"),
        ('"base64">', '"base64">=', "edl40_sig_not_decodable"),
    ],
)
def test_a_broken_element_says_what_is_broken(old_text: str, new_text: str, code: str) -> None:
    assert refused(SIG.decode, XML.element(FIRST).replace(old_text, new_text).encode())[0] == code


def test_a_comment_inside_a_value_does_not_cut_it() -> None:
    element = XML.element(FIRST).replace("</encodedMeterValue>", "<!-- x --></encodedMeterValue>")
    text = base64.b64encode(FIRST.buffer("narrow")).decode()
    assert SIG.decode(element.replace(text, f"{text[:9]}<!-- x -->{text[9:]}").encode()).readings


def test_unknown_children_and_wrong_labels_are_reported() -> None:
    element = XML.element(FIRST).replace("<signatureMethod>", "<kWh>99</kWh><signatureMethod>")
    assert "edl40_sig_child_unsigned" in codes(SIG.decode(element.encode()))
    labelled = edl40_sig.SigMeter(label="hex").element(FIRST)
    assert "edl40_sig_encoding_contradicted" in codes(SIG.decode(labelled.encode()))


def test_a_doctype_and_an_enormous_element_are_refused() -> None:
    element = XML.element(FIRST)
    doctype = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "y">]>{element}'
    verdict = Verifier().verify(Document("x", doctype.encode()))
    assert verdict.verdict is not Verdict.VALID
    big = element.replace("ECDSA192SHA256", "E" * 70_000)
    assert refused(SIG.decode, big.encode())[0] == "edl40_sig_record_too_large"


# --- hostile


@pytest.mark.parametrize("known", [P, SIG, ISA], ids=lambda known: known.name)
@given(data=st.data())
def test_decode_raises_nothing_but_format_errors(known: Edl40PFormat, data: st.DataObject) -> None:
    seeds = [TELEGRAM, isa_edl40_p.METER.telegram(isa_edl40_p.AT_END), XML.element(FIRST).encode()]
    content = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    changed = bytes(content)
    if changed.startswith(sml.START):
        changed = changed[:-2] + sml.crc16_x25(changed[:-2]).to_bytes(2, "little")
    for span in known.find(changed):
        with contextlib.suppress(FormatError):
            known.decode(changed[span.start : span.end])
    with contextlib.suppress(FormatError):
        known.decode(changed)


def test_finding_elements_is_linear() -> None:
    for content in (b"<signedMeterValue>" * 30_000, b"<?xml ?>" * 60_000 + b"<signedMeterValue>"):
        assert SIG.find(content)


def test_every_sample_is_of_the_format_it_names() -> None:
    cases = [*edl40_p.cases(), *edl40_sig.cases(), *isa_edl40_p.cases()]
    for case in cases:
        for record in Verifier().verify(Document(case.name, case.content)).records:
            assert record.format == case.format, case.name
