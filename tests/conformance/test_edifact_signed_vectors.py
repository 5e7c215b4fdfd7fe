"""Every signed EDIFACT vector: in-message signatures, AUTACK, CMS, and all that was tampered with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eichrecht.edifact.envelope import read_file
from eichrecht.edifact.security import read_security
from eichrecht.evidence import Document, DocumentVerdict, KeyTrust, Severity, SignedEnvelope, Verdict
from eichrecht.formats.base import Surroundings
from eichrecht.formats.edifact_mscons import EdifactMscons
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.detached import verify_together
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.pieces import check_record

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "edifact"
if not VECTORS.is_dir():
    pytest.skip("../shared/vectors/edifact is absent", allow_module_level=True)


def entries(folder: str, part: str | None = None) -> list[dict[str, Any]]:
    found: Any = json.loads((VECTORS / folder / "manifest.json").read_text())
    return list(found if part is None else found[part])


def verify(path: Path, keys: list[Path] | None = None, anchors: list[Path] | None = None) -> DocumentVerdict:
    supplied = [SuppliedKey(key.read_bytes(), key.name) for key in keys or []]
    verifier = Verifier(keys=supplied, anchors=[one.read_bytes() for one in anchors or []])
    return verifier.verify(Document(path.name, path.read_bytes()))


def codes(verdict: DocumentVerdict) -> set[str]:
    return {finding.code for record in verdict.records for finding in record.findings}


def assert_session(verdict: DocumentVerdict, expected: dict[str, Any]) -> None:
    (transaction,) = verdict.transactions
    assert transaction.verdict is Verdict.VALID
    assert str(transaction.energy_kwh) == expected["energy_kwh"]
    assert transaction.duration_s == expected["duration_s"]
    assert transaction.billable.energy is expected["billable_energy"]
    assert transaction.billable.duration is expected["billable_duration"]
    assert transaction.begin is not None
    assert transaction.end is not None
    assert (transaction.begin.value, transaction.end.value) == (expected["begin"], expected["end"])


@pytest.mark.parametrize("entry", entries("", "in_message"), ids=lambda entry: entry["file"])
def test_in_message(entry: dict[str, Any]) -> None:
    path = VECTORS / entry["file"]
    verdict = verify(path, [VECTORS / entry["key_file"]])
    (record,) = verdict.records
    assert (verdict.verdict, record.signature.status) == (Verdict.VALID, entry["expect_signature"])
    assert record.record is not None
    assert record.record.signed_bytes == (VECTORS / entry["tbs_file"]).read_bytes()
    assert record.record.attestations[0].spans == (tuple(entry["tbs_span"]),)
    assert record.record.meter.serial == entry["device"]
    assert_session(verdict, entry["transaction"])
    assert verdict.transactions[0].id == entry["document"]
    assert "edifact_line_breaks_removed" not in codes(verdict)
    shown = [(one.obis, one.value) for one in record.record.readings]
    assert shown == [(one["obis"], one["value"]) for one in entry["readings"]]
    assert "UNB, UNH, UNT" in {f.params.get("tags") for f in record.findings}


@pytest.mark.parametrize("entry", entries("", "in_message"), ids=lambda entry: entry["file"])
def test_in_message_with_another_key(entry: dict[str, Any]) -> None:
    verdict = verify(VECTORS / entry["file"], [VECTORS / "extra" / "x_p256.pub.pem"])
    assert verdict.records[0].signature.status != "valid"
    assert verdict.verdict is not Verdict.VALID


@pytest.mark.parametrize("entry", entries("extra"), ids=lambda entry: entry["file"])
def test_extra(entry: dict[str, Any]) -> None:
    path = VECTORS / "extra" / entry["file"]
    names = [entry["key_file"]] if "key_file" in entry else list(entry["keys"].values())
    verdict = verify(path, [path.parent / name for name in names])
    assert verdict.records[0].signature.status == entry["expect"]
    assert "further_signature_unchecked" not in codes(verdict)
    file = read_file(path.read_bytes())
    groups = read_security(file.interchanges[0], file.interchanges[0].messages[0]).groups
    assert groups[0].signed(file.data) == (path.parent / entry["tbs_file"]).read_bytes()
    inner = path.with_name(path.stem + ".inner.tbs")
    if inner.exists():
        assert groups[1].signed(file.data) == inner.read_bytes()


def test_one_of_two_signers_unknown_is_told() -> None:
    path = VECTORS / "extra" / "v4_nested_scope2.edi"
    verdict = verify(path, [path.parent / "x_p384.pub.pem"])
    assert verdict.records[0].signature.status == "valid"
    assert "further_signature_unchecked" in codes(verdict)


TAMPERED = {
    "qty_after_usr.edi": "edifact_segment_outside_scope",
    "qty_added_before_ush.edi": "edifact_segment_outside_scope",
    "qty_between_ust_usr.edi": "edifact_segment_outside_scope",
    "dup_ush_ref.edi": "edifact_security_reference_repeated",
    "ust_count_off.edi": "edifact_security_count_differs",
    "swap_rs.edi": "signature_mismatch",
    "qualifiers_3_2.edi": "edifact_signature_value_malformed",
    "s_zero.edi": "signature_mismatch",
    "r_equals_n.edi": "signature_mismatch",
    "sha1.edi": "edifact_hash_unsupported",
    "sha384_label.edi": "signature_mismatch",
    "stripped.edi": "edifact_unsigned",
    "lf_added.edi": "edifact_line_breaks_removed",
    "crlf_file_to_lf.edi": "signature_mismatch",
    "crlf_file_stripped.edi": "signature_mismatch",
    "bom.edi": "edifact_byte_order_mark",
    "trailing_byte.edi": "edifact_trailing_bytes",
    "unh_type.edi": "mscons_message_type",
    "v3_labelled_4.edi": "edifact_date_format",
}
"""The finding of each case; a flipped bit in a signed segment is a signature that does not fit."""

UNBILLABLE_THOUGH_SIGNED = {"unh_type.edi", "v3_labelled_4.edi"}

PER_MESSAGE = {"second_unsigned_message.edi": ["valid", "unverified"]}
"""The manifest gives the file one status although it has two messages; its reason names them, and so do we."""


@pytest.mark.parametrize("entry", entries("tamper"), ids=lambda entry: entry["file"])
def test_tampered(entry: dict[str, Any]) -> None:
    name = entry["file"]
    verdict = verify(VECTORS / "tamper" / name, [VECTORS / entry["key_file"]])
    statuses = [record.signature.status for record in verdict.records]
    assert statuses == PER_MESSAGE.get(name, [entry["expect_signature"]])
    known = {"valid": Verdict.VALID, "invalid": Verdict.INVALID, "unverified": Verdict.INDETERMINATE}
    expected = known[entry["expect_signature"]]
    if name in UNBILLABLE_THOUGH_SIGNED or name in PER_MESSAGE:
        expected = Verdict.INDETERMINATE
    assert verdict.verdict is expected
    code = TAMPERED.get(name, "signature_mismatch" if name.startswith("flip_") else None)
    if code is not None:
        assert code in codes(verdict)
    if expected is not Verdict.VALID and name not in PER_MESSAGE:
        assert not any(transaction.billable.energy for transaction in verdict.transactions)
    if name == "crlf_before_ust_only.edi":
        assert "edifact_line_breaks_removed" not in codes(verdict)


def test_a_second_unsigned_message_is_not_billable() -> None:
    name = VECTORS / "tamper" / "second_unsigned_message.edi"
    verdict = verify(name, [VECTORS / "p256.pub.pem"])
    assert verdict.verdict is not Verdict.VALID
    assert [one.records for one in verdict.transactions if one.billable.energy] == [(0,)]


def test_unsigned_is_never_valid() -> None:
    verdict = verify(VECTORS / "plain.edi", [VECTORS / "p256.pub.pem"])
    (record,) = verdict.records
    assert (record.signature.status, record.signature.reason) == ("unverified", "unsigned")
    assert verdict.verdict is Verdict.INDETERMINATE
    assert not verdict.transactions[0].billable.energy


CMS = entries("", "cms")


def cms_verdict(entry: dict[str, Any], verifier: Verifier) -> DocumentVerdict:
    path = VECTORS / entry["file"]
    documents = [Document(path.name, path.read_bytes())]
    if path.suffix == ".p7s":
        content = VECTORS / entry["content_file"]
        documents.append(Document(content.name, content.read_bytes()))
    verdicts = verify_together(documents, verifier.verify)
    if path.suffix == ".p7s":
        assert verdicts[0].records == ()
        assert verdicts[0].findings[0].params == {"content": "plain.edi"}
        assert verdicts[0].verdict is verdicts[1].verdict
    return verdicts[-1]


@pytest.mark.parametrize("entry", CMS, ids=lambda entry: entry["file"])
def test_cms(entry: dict[str, Any]) -> None:
    anchor = (VECTORS / entry["anchor"]).read_bytes()
    by_chain = cms_verdict(entry, Verifier(anchors=[anchor]))
    key = SuppliedKey((VECTORS / entry["key_file"]).read_bytes(), "key")
    for verdict in (by_chain, cms_verdict(entry, Verifier(keys=[key]))):
        (record,) = verdict.records
        assert (record.signature.status, verdict.verdict) == ("valid", Verdict.VALID)
        assert record.key is not None
        assert record.key.trust is KeyTrust.SUPPLIED
        assert_session(verdict, entry["transaction"])
    assert "certificate_chain_confirmed" in codes(by_chain)
    assert "certificate_revocation_unchecked" in codes(by_chain)
    alone = cms_verdict(entry, Verifier())
    assert alone.records[0].key is not None
    assert alone.records[0].key.trust is KeyTrust.UNCONFIRMED
    other = SuppliedKey((VECTORS / "extra" / "x_p256.pub.pem").read_bytes(), "key")
    assert cms_verdict(entry, Verifier(keys=[other])).records[0].signature.status != "valid"


@pytest.mark.parametrize("entry", [e for e in CMS if e["key"] != "rsa"], ids=lambda entry: entry["file"])
def test_cms_with_another_key_of_the_curve(entry: dict[str, Any]) -> None:
    other = {"p256": "extra/x_p256.pub.pem", "bp256": "p256.pub.pem"}[entry["key"]]
    verdict = cms_verdict(entry, Verifier(keys=[SuppliedKey((VECTORS / other).read_bytes(), "key")]))
    assert verdict.records[0].signature.status == "invalid"
    assert verdict.verdict is Verdict.INVALID


def test_cms_with_another_rsa_key() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for entry in (one for one in CMS if one["key"] == "rsa"):
        verdict = cms_verdict(entry, Verifier(keys=[SuppliedKey(text, "key")]))
        assert verdict.records[0].signature.status == entry["expect_with_other_key"]


def test_a_given_issuer_who_issued_another_certificate_confirms_nothing() -> None:
    """The signature fits the certificate that came along; whose it is, was asked and not answered."""
    foreign = (VECTORS / "cms" / "blind_ca.crt").read_bytes()
    for entry in CMS:
        verdict = cms_verdict(entry, Verifier(anchors=[foreign]))
        assert verdict.records[0].signature.status == "valid"
        assert verdict.verdict is Verdict.INDETERMINATE
        assert "certificate_chain_unconfirmed" in codes(verdict)


CMS_CODES = {
    "noattr.p7m": "cms_signed_attributes_missing",
    "two_signers.p7m": "cms_signer_count",
    "pss_salt20.p7m": "cms_pss_parameters",
    "pkcs1v15.p7m": "cms_padding_not_allowed",
    "eku_wrong.p7m": "certificate_extended_key_usage",
    "mpid_mismatch.p7m": "certificate_sender_differs",
    "ok_realmail_lf.eml": "cms_line_ends_unified",
}


@pytest.mark.parametrize("entry", entries("cms"), ids=lambda entry: entry["file"])
def test_cms_deviations(entry: dict[str, Any]) -> None:
    path = VECTORS / "cms" / entry["file"]
    verdict = verify(path, anchors=[path.parent / entry["anchor"]])
    (record,) = verdict.records
    assert record.signature.status == entry["expect_signature"]
    code = CMS_CODES.get(entry["file"])
    found = {finding.code: finding for finding in record.findings}
    assert code is None or code in found
    doubtful = code is not None and found[code].severity is Severity.ERROR
    assert verdict.verdict is (Verdict.INDETERMINATE if doubtful else Verdict.VALID)
    if doubtful and record.key is not None:
        assert record.key.trust is KeyTrust.UNCONFIRMED


def test_pkcs1_where_it_is_allowed() -> None:
    path = VECTORS / "cms" / "pkcs1v15.p7m"
    envelope = SignedEnvelope("cms", path.read_bytes())
    content = (VECTORS / "plain.edi").read_bytes()
    record = EdifactMscons(allow_pkcs1=True).decode_in(content, Surroundings(envelopes=(envelope,)))
    algorithm = parse_algorithm("RSA-SHA256")
    assert algorithm is not None
    assert record.embedded_key is not None
    key = read_key(record.embedded_key).for_algorithm(algorithm)
    assert check_record(record, algorithm, key).valid


def autack(content: bytes, key: str = "p256.pub.pem", *, named: bool = False) -> list[DocumentVerdict]:
    documents = [
        Document("autack.edi", (VECTORS / "autack_p256.edi").read_bytes()),
        Document("content.edi", content),
    ]
    verifier = Verifier(keys=[SuppliedKey((VECTORS / key).read_bytes(), key)])
    return verify_together(documents, verifier.verify, documents[1] if named else None)


def test_autack() -> None:
    plain = (VECTORS / "plain.edi").read_bytes()
    signature, content = autack(plain)
    assert [one.code for one in signature.findings] == ["detached_signature_used"]
    assert content.verdict is Verdict.VALID
    assert content.records[0].record is not None
    assert content.records[0].record.attestations[0].spans == ((9, 460),)


def test_autack_over_another_file_with_the_same_reference() -> None:
    forged = (VECTORS / "plain.edi").read_bytes().replace(b"1259.881", b"1299.881")
    signature, content = autack(forged)
    assert "edifact_content_missing" in {finding.code for finding in signature.findings}
    assert content.records[0].signature.reason == "unsigned"
    signature, content = autack(forged, named=True)
    assert (signature.verdict, content.verdict) == (Verdict.INVALID, Verdict.INVALID)
    assert content.records[0].signature.status == "invalid"


@pytest.mark.parametrize(
    "entry", entries("", "autack")[0]["also"], ids=lambda entry: str(entry["with_content"])
)
def test_autack_with_what_it_does_not_sign(entry: dict[str, Any]) -> None:
    if entry["with_content"] is None:
        document = Document("autack.edi", (VECTORS / "autack_p256.edi").read_bytes())
        (alone,) = verify_together([document], Verifier().verify)
        assert "edifact_content_missing" in {finding.code for finding in alone.findings}
        assert alone.verdict is Verdict.INDETERMINATE
        return
    _, content = autack((VECTORS / entry["with_content"]).read_bytes(), named=True)
    assert content.records[0].signature.status == entry["expect_signature"]


def test_autack_with_a_wrong_key_is_no_match() -> None:
    plain = (VECTORS / "plain.edi").read_bytes()
    signature, content = autack(plain, "extra/x_p256.pub.pem")
    assert {signature.verdict, content.verdict} == {Verdict.INDETERMINATE}
    assert autack(plain, "extra/x_p256.pub.pem", named=True)[1].verdict is Verdict.INVALID


def test_autack_that_names_another_interchange() -> None:
    other = (VECTORS / "plain.edi").read_bytes().replace(b"IREF0001", b"IREF0009")
    _, content = autack(other, named=True)
    assert "edifact_content_not_referenced" in codes(content)
    assert content.verdict is Verdict.INDETERMINATE
