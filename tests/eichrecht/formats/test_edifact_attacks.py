"""Signed MSCONS under attack and after damage: nothing forged is valid, nothing cut off looks forged."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest

from eichrecht.evidence import Document, DocumentVerdict, KeySource, SignatureStatus, Verdict
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.detached import verify_together
from eichrecht.verification.keys import SuppliedKey
from sample_meters.edifact_mscons import BEGIN_KWH, END, END_KWH, START, MsconsGateway

GATEWAY = MsconsGateway()
BODY = GATEWAY.body(BEGIN_KWH, END_KWH, START, END)
SIGNED = GATEWAY.signed(BODY)
GOOD = GATEWAY.interchange(SIGNED)
HEADER, TRAILER = SIGNED[:4], SIGNED[-2:]
EVIL = [one.replace("1266.047", "2266.047") for one in BODY]
VERIFIER = Verifier(keys=[SuppliedKey(GATEWAY.public_key_text(), "--key")])


def verdict_on(content: bytes) -> DocumentVerdict:
    return VERIFIER.verify(Document("d", content))


def codes(told: DocumentVerdict) -> set[str]:
    return {finding.code for record in told.records for finding in (*told.findings, *record.findings)}


def billed(told: DocumentVerdict) -> list[str]:
    return [str(one.energy_kwh) for one in told.transactions if one.billable.energy]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([*EVIL, *SIGNED], "edifact_segment_outside_scope"),
        ([*SIGNED, *EVIL], "edifact_segment_outside_scope"),
        ([*HEADER, *EVIL, *SIGNED, *TRAILER], "edifact_stray_security_segment"),
        ([*HEADER, *HEADER, *BODY, *TRAILER, *TRAILER], "edifact_security_reference_repeated"),
        ([*HEADER, *HEADER, *BODY, *TRAILER], "edifact_security_reference_repeated"),
        ([*SIGNED, *TRAILER], "edifact_security_reference_differs"),
        ([*SIGNED, TRAILER[1]], "edifact_stray_security_segment"),
        ([*BODY, *TRAILER], "edifact_security_reference_differs"),
        ([*HEADER, *BODY], "edifact_security_reference_differs"),
        ([*HEADER, *BODY, TRAILER[0]], "edifact_security_group_incomplete"),
        ([*HEADER, *TRAILER], "edifact_signed_body_empty"),
        ([*HEADER, *BODY, "USX+1", *TRAILER], "edifact_stray_security_segment"),
        ([*HEADER, *BODY, TRAILER[0], TRAILER[1] + "+1:AB"], "edifact_signature_value_malformed"),
        ([*HEADER, *BODY, TRAILER[0], TRAILER[1] + "*1:AB"], "edifact_signature_value_malformed"),
        ([*HEADER, *BODY, TRAILER[0], TRAILER[1].replace("2:", "2:00")], "edifact_signature_value_malformed"),
        ([*HEADER, *EVIL, *TRAILER], "signature_mismatch"),
    ],
)
def test_wrapped_and_repeated_groups_are_wrong(message: list[str], code: str) -> None:
    told = verdict_on(GATEWAY.interchange(message))
    assert told.verdict is Verdict.INVALID
    assert code in codes(told)
    assert billed(told) == []


@pytest.mark.parametrize("first", [True, False])
def test_an_unsigned_message_beside_a_signed_one_bills_nothing(first: bool) -> None:
    messages = (EVIL, SIGNED) if first else (SIGNED, EVIL)
    told = verdict_on(GATEWAY.interchange(*messages))
    assert told.verdict is Verdict.INDETERMINATE
    assert billed(told) == ["31.480"]


def test_results_of_two_messages_exchanged() -> None:
    other = MsconsGateway(counter=200)
    second = other.signed(other.body(END_KWH, END_KWH + 5, START, END), "S2")
    assert verdict_on(GATEWAY.interchange(SIGNED, second)).verdict is Verdict.VALID
    told = verdict_on(GATEWAY.interchange([*SIGNED[:-1], second[-1]], [*second[:-1], SIGNED[-1]]))
    assert [one.signature.status for one in told.records] == [SignatureStatus.INVALID] * 2


class _Enciphering(MsconsGateway):
    """Names a cipher in its header group."""

    def header(self, reference: str) -> list[str]:
        first, *rest = super().header(reference)
        return [first, "USA+2:2:1:13:1", *rest]


def test_an_algorithm_for_another_purpose_is_refused_by_name() -> None:
    gateway = _Enciphering()
    message = gateway.signed(BODY)
    message[-2] = "UST+S1+7"
    told = verdict_on(gateway.interchange(message))
    assert told.records[0].signature.status is SignatureStatus.UNVERIFIED
    (found,) = (f for f in told.records[0].findings if f.code == "edifact_algorithm_use_unsupported")
    assert found.params["name"] == "symmetric algorithm"


def test_an_enciphered_message_is_not_called_forged() -> None:
    told = verdict_on(GATEWAY.interchange(["USH+4+S1+1+1+2", "USA+2:2:1:13:1", "USD+100", "UST+S1+4"]))
    assert told.verdict is Verdict.INDETERMINATE
    assert "edifact_encrypted_unsupported" in codes(told)


def test_a_file_cut_off_anywhere_is_neither_valid_nor_called_forged() -> None:
    for end in range(len(GOOD)):
        assert verdict_on(GOOD[:end]).verdict is Verdict.INDETERMINATE, end


def test_a_missing_segment_is_never_valid() -> None:
    places = [n for n, octet in enumerate(GOOD) if octet == ord("'")]
    una, *rest = pairwise([-1, *places])
    for start, end in rest:
        told = verdict_on(GOOD[: start + 1] + GOOD[end + 1 :])
        assert told.verdict is not Verdict.VALID, GOOD[start + 1 : start + 8]
    assert verdict_on(GOOD[una[1] + 1 :]).verdict is Verdict.VALID  # UNA only repeats what holds without it


def test_many_signatures_over_a_large_message_are_not_all_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each signature hashes the body again: more than two only as long as that is little work."""
    others = [MsconsGateway(key_name=f"GW-SAMPLE-{n}") for n in (2, 3)]
    header = [one for n, other in enumerate(others) for one in other.header(f"T{n}")]
    trailer = [one for n in (1, 0) for one in (f"UST+T{n}+6", TRAILER[1])]
    content = GATEWAY.interchange([*header, *SIGNED, *trailer])
    assert "edifact_too_many_signatures" not in codes(verdict_on(content))
    monkeypatch.setattr("eichrecht.edifact.security.MAX_SIGNED_BYTES", 1000)
    told = verdict_on(content)
    assert told.verdict is not Verdict.VALID
    assert "edifact_too_many_signatures" in codes(told)
    assert verdict_on(GOOD).verdict is Verdict.VALID


def test_an_interchange_signed_as_a_whole_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its messages is judged with the same octets: that must not cost the square of their number."""
    hashed: list[int] = []
    real = hashlib.new

    def counted(name: str, data: bytes) -> object:
        hashed.append(len(data))
        return real(name, data)

    bodies = [[one.replace("SES", f"SE{n}") for one in BODY] for n in range(300)]
    content = GATEWAY.interchange(*bodies).replace(b"'", b"'\n")
    monkeypatch.setattr("eichrecht.signatures.digests.hashlib.new", counted)
    documents = [Document("a", GATEWAY.autack(content.replace(b"\n", b""))), Document("c", content)]
    told = verify_together(documents, VERIFIER.verify, documents[1])
    assert [one.verdict for one in told] == [Verdict.VALID, Verdict.VALID]
    assert len(told[1].records) == 300
    assert 0 < len(hashed) <= 4


def test_groups_around_all_messages_are_not_passed_over_in_silence() -> None:
    around = GOOD.replace(b"'UNH", b"'USH+1+I1+1+1+2'UNH").replace(b"'UNZ", b"'UST+I1+2'UNZ")
    told = verdict_on(around)
    assert told.records[0].signature.status is SignatureStatus.VALID
    assert "edifact_interchange_level_unsupported" in codes(told)


def ring(*keys: tuple[str, str | None, str]) -> MemoryKeyRing:
    """Return a ring of the operator's keys: name, meter, public key."""
    return MemoryKeyRing(
        [KnownKey(name, read_key(text), KeySource.OPERATOR, meter_serial=meter) for name, meter, text in keys]
    )


def test_a_second_signer_whom_the_register_does_not_know_accuses_nobody() -> None:
    other = MsconsGateway(key_label="second", key_name="GW-SAMPLE-2")
    header = other.header("S2")
    octets = "'".join([*header, *BODY]) + "'"
    both = GATEWAY.interchange([*header, *SIGNED, "UST+S2+6", other._result(octets.encode())])
    bound = ring(("station 7", GATEWAY.serial, GATEWAY.public_key_text()))
    told = Verifier(ring=bound).verify(Document("d", both))
    assert told.verdict is Verdict.VALID
    assert "further_signature_unchecked" in codes(told)
    # Under the name in the second signature another key is known: then it must fit.
    named = ring(
        ("station 7", GATEWAY.serial, GATEWAY.public_key_text()),
        ("GW-SAMPLE-2", None, GATEWAY.public_key_text()),
    )
    assert Verifier(ring=named).verify(Document("d", both)).verdict is Verdict.INVALID
    forged = both.replace(b"1266.047", b"2266.047")
    for known in (bound, named):
        assert Verifier(ring=known).verify(Document("d", forged)).verdict is Verdict.INVALID


@pytest.mark.parametrize("start", [b"UIB+UNOA:4'UIH+X'", b"UNA:+.?*'UIB+UNOA:4'UIH+X'"])
def test_interactive_interchanges_are_refused_by_name(start: bytes) -> None:
    told = verdict_on(start)
    assert told.verdict is Verdict.INDETERMINATE
    assert "edifact_interactive_unsupported" in {finding.code for finding in told.findings}
