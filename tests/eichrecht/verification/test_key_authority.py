"""Which key judges, who vouches for it, and what is said when it does not fit (docs/decisions.md V2-V4, V6-V9)."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from eichrecht.evidence import KeySource, KeyTrust, Severity, SignatureStatus, Verdict
from eichrecht.keyring.ring import KnownKey
from sample_meters.keys import sample_key
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.eichrecht.verification.verification_support import (
    END,
    START,
    codes,
    known,
    ring,
    session,
    supplied,
    verify,
    verify_one,
)

METER = OcmfMeter("secp256r1", "M1")
STRANGER = OcmfMeter("secp256r1", "M1", key_label="stranger")
OTHER_CURVE = OcmfMeter("secp384r1", "M1")
RECORD = session(OcmfMeter("secp256r1", "M1"))


def in_document(key: OcmfMeter | str | None, record: bytes = RECORD) -> bytes:
    """Return S.A.F.E. XML that brings a key beside the record."""
    text = key.public_key_text() if isinstance(key, OcmfMeter) else key
    return safe_xml([SafeValue(record, text)])


def embedded(key: OcmfMeter) -> bytes:
    return RECORD + b"|" + key.public_key_text().encode()


def fingerprint(meter: OcmfMeter) -> str:
    return hashlib.sha256(bytes.fromhex(meter.public_key_text())).hexdigest()


# --- order of authority ---------------------------------------------------------------------------------------


def bound(meter: OcmfMeter, **more: object) -> KnownKey:
    return known(meter, meter_serial="M1", **more)  # type: ignore[arg-type]


ORDER = ["ring", "argument", "document", "beside", "embedded"]


def judged_with(right: str, wrong: set[str]) -> tuple[SignatureStatus, KeySource | None, KeyTrust | None]:
    """Verify with the right key in one place and a stranger's in others; return what judged."""

    def key(place: str) -> OcmfMeter | None:
        return METER if place == right else STRANGER if place in wrong else None

    keys = []
    if meter := key("argument"):
        keys.append(supplied(meter))
    if meter := key("beside"):
        keys.append(supplied(meter, explicit=False, name="key.txt"))
    own = key("embedded")
    record = embedded(own) if own else RECORD
    content = in_document(key("document"), record) if key("document") else record
    known_keys = [bound(meter)] if (meter := key("ring")) else []
    verdict = verify_one(content, *keys, ring=ring(*known_keys))
    assert verdict.key is not None
    return verdict.signature.status, verdict.key.source, verdict.key.trust


@pytest.mark.parametrize("place", ORDER)
def test_the_first_kind_of_key_present_judges(place: str) -> None:
    """The right key passes beside wrong keys of less authority, and fails beside a wrong one of more."""
    rank = ORDER.index(place)
    status, source, trust = judged_with(place, set(ORDER[rank + 1 :]))
    assert status is SignatureStatus.VALID
    expected = {
        "ring": (KeySource.OPERATOR, KeyTrust.CONFIRMED),
        "argument": (KeySource.ARGUMENT, KeyTrust.SUPPLIED),
        "document": (KeySource.DOCUMENT, KeyTrust.UNCONFIRMED),
        "beside": (KeySource.ARGUMENT, KeyTrust.SUPPLIED),
        "embedded": (KeySource.DOCUMENT, KeyTrust.UNCONFIRMED),
    }
    assert (source, trust) == expected[place]
    for above in ORDER[:rank]:
        status, source, trust = judged_with(place, {above})
        assert status is SignatureStatus.INVALID, above
        assert (source, trust) == expected[above]


def test_one_of_several_supplied_keys_may_fit() -> None:
    verdict = verify_one(RECORD, supplied(STRANGER), supplied(OTHER_CURVE), supplied(METER))
    assert verdict.signature.status is SignatureStatus.VALID
    assert verdict.key is not None
    assert verdict.key.fingerprint == fingerprint(METER)


# --- trust ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [KeySource.OPERATOR, KeySource.REGISTER])
def test_a_key_of_the_ring_confirms_the_document_s_own(source: KeySource) -> None:
    """The same key, vouched for but not bound to a name: the document's key is then more than its own word."""
    verdict = verify_one(in_document(METER), ring=ring(known(METER, "Depot 7", source=source)))
    assert verdict.key is not None
    assert (verdict.key.trust, verdict.key.source) == (KeyTrust.CONFIRMED, source)
    assert verdict.key.matched == "Depot 7"
    assert "key_unconfirmed" not in codes(verdict)


def test_only_the_document_vouches() -> None:
    verdict = verify_one(in_document(METER), ring=ring(known(STRANGER)))
    assert verdict.key is not None
    assert (verdict.key.trust, verdict.key.matched) == (KeyTrust.UNCONFIRMED, None)
    assert "key_unconfirmed" in codes(verdict)
    assert verdict.verdict is Verdict.VALID  # integrity; who vouches is another question


def test_a_supplied_key_is_named_supplied() -> None:
    verdict = verify_one(RECORD, supplied(METER))
    assert verdict.key is not None
    assert (verdict.key.trust, verdict.key.source, verdict.key.matched) == (
        KeyTrust.SUPPLIED,
        KeySource.ARGUMENT,
        None,
    )
    assert verdict.key.shape == "spki-hex"
    assert "key_unconfirmed" not in codes(verdict)


def test_key_of_another_meter_confirms_nothing() -> None:
    verdict = verify_one(in_document(METER), ring=ring(known(METER, "elsewhere", meter_serial="M2")))
    assert verdict.key is not None
    assert verdict.key.trust is KeyTrust.UNCONFIRMED
    (finding,) = [f for f in verdict.findings if f.code == "key_of_other_meter"]
    assert (finding.severity, finding.params["name"]) == (Severity.WARNING, "elsewhere")


@pytest.mark.parametrize("when", [{"valid_until": START}, {"valid_from": END}])
@pytest.mark.parametrize("bound_to", [{}, {"meter_serial": "M1"}])
def test_a_key_outside_its_validity_confirms_nothing(
    when: dict[str, object], bound_to: dict[str, object]
) -> None:
    """A meter that was taken down keeps its key; nobody vouches for what it signs from then on."""
    keys = ring(known(METER, "Depot 7", **when, **bound_to))  # type: ignore[arg-type]
    verdict = verify_one(in_document(METER), ring=keys)
    assert verdict.key is not None
    assert verdict.key.trust is KeyTrust.UNCONFIRMED
    assert {"key_out_of_validity", "key_unconfirmed"} <= codes(verdict)
    without = verify_one(RECORD, ring=keys)
    assert (without.verdict, without.signature.reason) == (Verdict.INDETERMINATE, "no_key")


def test_one_entry_in_force_is_enough() -> None:
    keys = ring(
        known(METER, "before", meter_serial="M1", valid_until=START),
        known(METER, "now", meter_serial="M1", valid_from=START),
        known(METER, "elsewhere", meter_serial="M2"),
    )
    verdict = verify_one(in_document(METER), ring=keys)
    assert verdict.key is not None
    assert (verdict.key.trust, verdict.key.matched) == (KeyTrust.CONFIRMED, "now")


# --- wrong key, wrong signature -------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["ring", "document", "embedded", "beside"])
def test_a_signature_by_another_key_at_hand_is_told_from_a_forgery(rest: str) -> None:
    keys = [supplied(STRANGER)]
    content, ring_keys, name = RECORD, [], "document"
    if rest == "ring":
        ring_keys, name = [known(METER, "Depot 7", meter_serial="M2")], "Depot 7"
    elif rest == "document":
        content = in_document(METER)
    elif rest == "embedded":
        content = embedded(METER)
    else:
        keys.append(supplied(METER, explicit=False, name="key.txt"))
        name = "key.txt"
    verdict = verify_one(content, *keys, ring=ring(*ring_keys))
    assert (verdict.verdict, verdict.signature.reason) == (Verdict.INVALID, "wrong_key")
    (finding,) = [f for f in verdict.findings if f.code == "signed_by_other_key"]
    assert (finding.severity, finding.params["name"]) == (Severity.ERROR, name)
    assert verdict.key is not None
    assert verdict.key.fingerprint == fingerprint(STRANGER)


def test_a_forgery_fits_no_key_at_hand() -> None:
    forged = RECORD.replace(b"2965.100", b"2985.100")
    verdict = verify_one(in_document(METER, forged), supplied(STRANGER), ring=ring(known(METER)))
    assert (verdict.verdict, verdict.signature.reason) == (Verdict.INVALID, "mismatch")
    assert {"signature_mismatch"} <= codes(verdict)
    assert not {"signed_by_other_key", "would_verify_reformatted"} & codes(verdict)


def test_keys_disagree() -> None:
    verdict = verify_one(in_document(STRANGER), supplied(METER))
    assert verdict.verdict is Verdict.VALID
    (finding,) = [f for f in verdict.findings if f.code == "keys_disagree"]
    assert finding.params == {"document": fingerprint(STRANGER), "used": fingerprint(METER)}
    assert finding.severity is Severity.WARNING
    assert "keys_disagree" not in codes(verify_one(in_document(METER), supplied(METER)))
    assert "keys_disagree" in codes(verify_one(in_document("no key at all"), supplied(METER)))
    assert "keys_disagree" in codes(verify_one(in_document(METER, embedded(STRANGER))))


# --- found by trial -------------------------------------------------------------------------------------------


def test_a_record_without_any_key_is_tried_with_the_ring() -> None:
    keys = ring(known(STRANGER, "a"), known(OTHER_CURVE, "b"), known(METER, "Depot 7"), known(STRANGER, "c"))
    nameless = session(OcmfMeter("secp256r1", "M1", head={"MS": None, "CT": None, "CI": None}))
    verdict = verify_one(nameless, ring=keys)
    assert verdict.verdict is Verdict.VALID
    assert verdict.key is not None
    assert (verdict.key.trust, verdict.key.matched) == (KeyTrust.CONFIRMED, "Depot 7")
    (finding,) = [f for f in verdict.findings if f.code == "key_found_by_trial"]
    assert (finding.severity, finding.params["name"]) == (Severity.NOTE, "Depot 7")


def test_trial_leaves_out_keys_bound_to_another_meter_or_point() -> None:
    for key in (known(METER, meter_serial="M2"), known(METER, evse_id="DE*SMP*E0002")):
        verdict = verify_one(RECORD, ring=ring(key))
        assert (verdict.verdict, verdict.signature.reason, verdict.key) == (
            Verdict.INDETERMINATE,
            "no_key",
            None,
        )


def test_trial_never_overrules_a_key_that_is_there() -> None:
    verdict = verify_one(in_document(STRANGER), ring=ring(known(METER)))
    assert verdict.verdict is Verdict.INVALID
    assert verdict.signature.reason == "wrong_key"


def test_no_key_at_all() -> None:
    verdict = verify_one(RECORD)
    assert verdict.verdict is Verdict.INDETERMINATE
    assert (verdict.signature.status, verdict.signature.reason) == (SignatureStatus.UNVERIFIED, "no_key")
    assert verdict.signature.algorithm is None  # nothing was computed
    assert "no_key" in codes(verdict)


# --- keys that cannot be used ---------------------------------------------------------------------------------

SPKI = bytes.fromhex(METER.public_key_text())
UNUSABLE = {
    "words": ("Schluessel", "key_not_a_key"),
    "cut-off": (SPKI.hex()[:-20], "key_truncated"),
    "odd": (SPKI.hex()[:-1], "key_hex_odd"),
    "letter O for zero": (SPKI.hex().replace("0", "O", 1), "key_foreign_character"),
    "not on the curve": ((SPKI[:-1] + bytes([SPKI[-1] ^ 1])).hex(), "key_not_on_curve"),
    "other curve": (OTHER_CURVE.public_key_text(), "key_curve_mismatch"),
    "other length": (OTHER_CURVE.public_key_text("point-hex"), "key_length_mismatch"),
}


@pytest.mark.parametrize(("text", "code"), UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("place", ["argument", "document"])
def test_an_unusable_key_decides_nothing_and_says_why(text: str, code: str, place: str) -> None:
    if place == "argument":
        verdict = verify_one(RECORD, supplied(text), ring=ring(known(METER, "Depot 7", meter_serial="M2")))
    else:
        verdict = verify_one(in_document(text))
    assert (verdict.verdict, verdict.signature.status) == (Verdict.INDETERMINATE, SignatureStatus.UNVERIFIED)
    assert (verdict.signature.reason, verdict.signature.algorithm) == ("malformed_key", None)
    assert code in codes(verdict)
    assert verdict.key is not None
    assert verdict.key.fingerprint is None


def test_an_unusable_key_does_not_hide_a_usable_one_of_its_kind() -> None:
    verdict = verify_one(RECORD, supplied("Schluessel"), supplied(STRANGER))
    assert (verdict.verdict, verdict.signature.status) == (Verdict.INVALID, SignatureStatus.INVALID)


def test_a_changed_algorithm_name_proves_nothing_against_the_meter() -> None:
    """SA is unprotected (V6): a key of another curve than SA names is no forgery."""
    renamed = RECORD.replace(b"ECDSA-secp256r1-SHA256", b"ECDSA-secp384r1-SHA256")
    verdict = verify_one(renamed, supplied(METER))
    assert (verdict.verdict, verdict.signature.status) == (Verdict.INDETERMINATE, SignatureStatus.UNVERIFIED)
    assert "key_curve_mismatch" in codes(verdict)


# --- algorithms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"ECDSA-secp999z9-SHA256", b"RSA-2048", b"ECDSA-secp256r1-SHA1"])
def test_an_unsupported_algorithm_is_not_checked(name: bytes) -> None:
    record = RECORD.replace(b"ECDSA-secp256r1-SHA256", name)
    verdict = verify_one(record, supplied(METER))
    assert (verdict.verdict, verdict.signature.reason) == (Verdict.INDETERMINATE, "unsupported_algorithm")
    (finding,) = [f for f in verdict.findings if f.code == "unsupported_algorithm"]
    assert finding.params["algorithm"] == name.decode()


def signed_with(algorithm: str, sign: object, key: object) -> tuple[bytes, str]:
    """Return a record signed by hand, and the key as PEM."""
    payload = METER.payload([METER.reading(1, START, "B"), METER.reading(2, END, "E")])  # type: ignore[arg-type]
    value = sign(payload.encode())  # type: ignore[operator]
    pem = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    return f'OCMF|{payload}|{{"SA":"{algorithm}","SD":"{value.hex()}"}}'.encode(), pem


def test_an_algorithm_outside_the_ocmf_table_may_be_valid_and_is_reported() -> None:
    secret = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    record, pem = signed_with("EdDSA-Ed25519", secret.sign, secret.public_key())
    verdict = verify_one(record, supplied(pem))
    assert verdict.verdict is Verdict.VALID
    assert verdict.signature.algorithm == "EdDSA-Ed25519"
    (finding,) = [f for f in verdict.findings if f.code == "non_ocmf_algorithm"]
    assert finding.severity is Severity.WARNING
    broken = verify_one(record.replace(b"kWh", b"KWh", 1), supplied(pem))
    assert broken.verdict is Verdict.INVALID
    assert "non_ocmf_algorithm" not in codes(verify_one(RECORD, supplied(METER)))


def test_a_signature_over_another_hash_than_named_is_invalid_and_the_hash_is_named() -> None:
    """V7: it does not verify as labelled."""
    record = RECORD.replace(b"ECDSA-secp256r1-SHA256", b"ECDSA-secp256r1-SHA512")
    verdict = verify_one(record, supplied(METER))
    assert (verdict.verdict, verdict.signature.reason) == (Verdict.INVALID, "mismatch")
    (finding,) = [f for f in verdict.findings if f.code == "hash_label_mismatch"]
    assert finding.params == {"named": "SHA512", "used": "SHA256"}


def test_a_malformed_signature_is_invalid_an_undecodable_one_is_unverified() -> None:
    """V9."""
    head = RECORD[: RECORD.rindex(b"|") + 1]
    malformed = verify_one(head + b'{"SD":"0102"}', supplied(METER))
    assert (malformed.verdict, malformed.signature.reason) == (Verdict.INVALID, "malformed_signature")
    undecodable = verify_one(head + b'{"SD":"01 0g"}', supplied(METER))
    assert (undecodable.verdict, undecodable.signature.status) == (
        Verdict.INDETERMINATE,
        SignatureStatus.UNVERIFIED,
    )


# --- reformatted in transit -----------------------------------------------------------------------------------


def test_a_record_reformatted_in_transit_is_invalid_and_diagnosed() -> None:
    pretty = RECORD.replace(b',"', b',\n  "').replace(b'":', b'" :')
    verdict = verify_one(pretty, supplied(METER))
    assert (verdict.verdict, verdict.signature.reason) == (Verdict.INVALID, "mismatch")
    assert "would_verify_reformatted" in codes(verdict)
    changed = verify_one(pretty.replace(b"2965.100", b"2965.101"), supplied(METER))
    assert "would_verify_reformatted" not in codes(changed)


def test_blanks_inside_strings_are_no_formatting() -> None:
    """Removing them would be another text: the diagnosis must not call it the same."""
    verdict = verify_one(RECORD.replace(b"Sample Gateway", b"Sample  Gateway"), supplied(METER))
    assert "would_verify_reformatted" not in codes(verdict)
    meter = OcmfMeter("secp256r1", "M1", head={"TT": 'a "quoted\\ text" : b', "GI": "x  y"})
    pretty = session(meter).replace(b',"M', b' , "M')
    assert "would_verify_reformatted" in codes(verify_one(pretty, supplied(meter)))


def test_a_signature_of_the_reformatted_text_is_simply_valid() -> None:
    meter = OcmfMeter("secp256r1", "M1", spaced=True)
    verdict = verify_one(session(meter), supplied(meter))
    assert verdict.verdict is Verdict.VALID
    assert "would_verify_reformatted" not in codes(verdict)


def test_support_is_independent_of_the_code_under_test() -> None:
    """The sample signature is checked by pyca/cryptography alone, so that no test above proves nothing."""
    payload = RECORD[RECORD.index(b"|") + 1 : RECORD.rindex(b"|")]
    value = bytes.fromhex(RECORD[RECORD.index(b'"SD":"') + 6 : -2].decode())
    public = serialization.load_der_public_key(bytes.fromhex(sample_key("secp256r1").text()))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(value, payload, ec.ECDSA(hashes.SHA256()))
    assert timedelta(minutes=90) == END - START
    assert verify(RECORD, supplied(METER)).verdict is Verdict.VALID
