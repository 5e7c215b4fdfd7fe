"""Files that come together: which are keys and signatures of the others, and which key may accuse whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from eichrecht.evidence import BesideKey, Document, SignatureStatus, Verdict
from eichrecht.formats.registry import decode
from eichrecht.verification import Verifier
from eichrecht.verification.bundles import MAX_SIGNATURE_FILE, Bundle, sort_files
from eichrecht.verification.candidates import names_other_station, names_station, read_given, strangers
from sample_meters._chargepoint_station import (
    NEIGHBOUR,
    PAYLOAD,
    STATION,
    STRANGER,
    bill,
    merged,
    tar,
    text_of,
)
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import session

SIGNATURE = STATION.sign(PAYLOAD)
METER = OcmfMeter("secp256r1", "SAMPLE0001")
OCMF = session(METER)
RECORD = decode("CHARGEPOINT_SECRRCT", PAYLOAD)


def sort(**files: bytes) -> Bundle:
    """Sort files; ``__`` in a name is a slash, ``_`` a full stop."""
    named = {name.replace("__", "/").replace("_", "."): content for name, content in files.items()}
    return sort_files([Document(name, content) for name, content in named.items()])


def names(bundle: Bundle) -> tuple[list[str], list[str]]:
    return [document.source for document in bundle.documents], [key.name for key in bundle.keys]


def verdicts(*files: tuple[str, bytes]) -> list[tuple[Verdict, str | None]]:
    """Return verdict and reason of each document of a bundle."""
    bundle = sort_files([Document(name, content) for name, content in files])
    found = [Verifier(keys=bundle.keys).verify(document) for document in bundle.documents]
    return [(one.verdict, one.records[0].signature.reason) for one in found]


def test_payload_signature_and_key() -> None:
    bundle = sort(a__secrrct=PAYLOAD, a__secrrct_sign=SIGNATURE, k_pem=STATION.pem())
    (document,) = bundle.documents
    assert (document.source, document.content, document.detached_signature) == (
        "a/secrrct",
        PAYLOAD,
        SIGNATURE,
    )
    (key,) = bundle.keys
    assert (key.name, key.explicit) == ("k.pem", False)


def test_a_signature_without_its_file_or_in_another_directory_is_a_document() -> None:
    assert names(sort(secrrct_sign=SIGNATURE)) == (["secrrct.sign"], [])
    bundle = sort(a__secrrct=PAYLOAD, b__secrrct_sign=SIGNATURE)
    assert names(bundle) == (["a/secrrct", "b/secrrct.sign"], [])
    assert bundle.documents[0].detached_signature is None


def test_nothing_that_can_be_judged_disappears() -> None:
    """Files called ``X.sign`` or ``key.pem`` may hold records; whoever sends them chooses the names."""
    assert names(sort(a=PAYLOAD, a_sign=OCMF)) == (["a", "a.sign"], [])
    assert names(sort(a=PAYLOAD, a_sign=b"")) == (["a", "a.sign"], [])
    assert names(sort(a=PAYLOAD, a_sign=bytes(MAX_SIGNATURE_FILE + 1))) == (["a", "a.sign"], [])
    assert names(sort(key_pem=OCMF + b"\n" + STATION.pem())) == (["key.pem"], [])
    assert names(sort(key_pem=STATION.pem() + OCMF)) == (["key.pem"], [])


def test_of_two_files_of_one_name_nobody_knows_which_is_meant() -> None:
    files = [("secrrct", PAYLOAD), ("secrrct", PAYLOAD + b" "), ("secrrct.sign", SIGNATURE)]
    bundle = sort_files([Document(name, content) for name, content in files])
    assert [document.detached_signature for document in bundle.documents] == [None] * 3
    twice = [("secrrct", PAYLOAD), ("secrrct.sign", SIGNATURE), ("secrrct.sign", SIGNATURE)]
    bundle = sort_files([Document(name, content) for name, content in twice])
    assert [document.detached_signature for document in bundle.documents] == [None] * 3


def test_a_key_with_a_signature_of_its_own_stays_a_key() -> None:
    assert names(sort(k_pem=STATION.pem(), k_pem_sign=SIGNATURE, r=PAYLOAD)) == (["r"], ["k.pem"])


def test_shapes_of_key_files() -> None:
    for text in (STATION.pem(), STATION.key_json(), STATION.point().encode(), b"# mine\n" + STATION.pem()):
        bundle = sort_files([Document("d/k", text), Document("d/secrrct", PAYLOAD)])
        assert names(bundle) == (["d/secrrct"], ["k"])
        (key,) = read_given(bundle.keys).beside
        assert key.material is not None
    both = sort_files([Document("two.pem", STATION.pem() + STRANGER.pem())])
    assert names(both) == ([], ["two.pem", "two.pem"])


def test_private_keys_and_parameters_are_left_out() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    for form in (serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8):
        private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        assert names(sort(secret_pem=private, r=OCMF)) == (["r"], [])
        assert names(sort(both_pem=private + STATION.pem())) == ([], ["both.pem"])
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert names(sort(p_pem=parameters, r=OCMF)) == (["r"], [])


def test_a_signature_over_a_container_is_not_its_records() -> None:
    archive = tar({"secrrct": PAYLOAD, "secrrct.sign": SIGNATURE})
    bundle = sort(s_tar=archive, s_tar_sign=SIGNATURE, k_pem=STATION.pem())
    (document,) = bundle.documents
    verdict = Verifier(keys=bundle.keys).verify(document)
    assert verdict.verdict is Verdict.VALID
    assert [finding.code for finding in verdict.findings] == ["detached_signature_unused"]


def test_a_detached_signature_beside_a_format_that_has_its_own() -> None:
    bundle = sort(r=OCMF, r_sig=b"-----BEGIN PGP SIGNATURE-----", k=METER.public_key_text().encode())
    (document,) = bundle.documents
    assert Verifier(keys=bundle.keys).verify(document).verdict is Verdict.VALID


# --- which key judges


OWN, OTHER = f"{STATION.key_name}.pem", f"{NEIGHBOUR.key_name}-publicKey.pem"
LOOSE = (("secrrct", PAYLOAD), ("secrrct.sign", SIGNATURE))
FORGED = (("secrrct", PAYLOAD.replace(b"112340", b"112341")), ("secrrct.sign", SIGNATURE))


def test_a_key_of_another_station_accuses_nobody() -> None:
    assert verdicts(*LOOSE, (OTHER, NEIGHBOUR.pem())) == [(Verdict.INDETERMINATE, "no_key")]
    assert verdicts(*LOOSE, (OTHER, NEIGHBOUR.pem()), (OWN, STATION.pem())) == [(Verdict.VALID, None)]
    assert verdicts(*FORGED, (OTHER, NEIGHBOUR.pem())) == [(Verdict.INDETERMINATE, "no_key")]


def test_a_key_of_another_name_may_still_be_the_right_one() -> None:
    bundle = sort_files([Document(name, content) for name, content in (*LOOSE, (OTHER, STATION.pem()))])
    verdict = Verifier(keys=bundle.keys).verify(bundle.documents[0])
    assert verdict.verdict is Verdict.VALID
    assert "key_named_otherwise" in {finding.code for finding in verdict.records[0].findings}


def test_a_key_of_no_station_judges_as_if_it_were_named_for_the_check() -> None:
    assert verdicts(*LOOSE, ("key.pem", STRANGER.pem())) == [(Verdict.INVALID, "mismatch")]
    assert verdicts(*FORGED, ("key.pem", STATION.pem())) == [(Verdict.INVALID, "mismatch")]
    assert verdicts(*LOOSE, ("key.pem", STATION.pem())) == [(Verdict.VALID, None)]


def test_the_station_s_own_key_is_the_only_judge() -> None:
    """Another key that would fit must not acquit what the station's own key refuses."""
    assert verdicts(*FORGED, (OWN, STATION.pem()), ("key.pem", STRANGER.pem())) == [
        (Verdict.INVALID, "mismatch")
    ]
    forged = FORGED[0][1]
    files = (("secrrct", forged), ("secrrct.sign", STRANGER.sign(forged)))
    assert verdicts(*files, (OWN, STATION.pem()), ("key.pem", STRANGER.pem()))[0][0] is Verdict.INVALID


def test_two_stations_with_their_keys_in_one_directory() -> None:
    other = text_of(bill(NEIGHBOUR))
    files = [(f"1/{name}", content) for name, content in LOOSE]
    files += [("2/secrrct", other), ("2/secrrct.sign", NEIGHBOUR.sign(other))]
    keys = [(OWN, STATION.pem()), (OTHER, NEIGHBOUR.pem())]
    assert verdicts(*files, *keys) == [(Verdict.VALID, None)] * 2
    crossed = [(OWN, NEIGHBOUR.pem()), (OTHER, STATION.pem())]
    assert [verdict for verdict, _ in verdicts(*files, *crossed)] == [Verdict.INVALID] * 2


def test_a_key_named_for_the_check_goes_before_files() -> None:
    bundle = sort_files([Document(name, content) for name, content in (*LOOSE, (OWN, STATION.pem()))])
    explicit = replace(bundle.keys[0], text=STRANGER.pem(), name="--key", explicit=True)
    verdict = Verifier(keys=[explicit, *bundle.keys]).verify(bundle.documents[0])
    assert verdict.records[0].signature.status is SignatureStatus.INVALID


def test_the_same_holds_for_ocmf() -> None:
    key, other = METER.public_key_text().encode(), STRANGER.point().encode()
    foreign = OcmfMeter("secp256r1", key_label="another").public_key_text().encode()
    assert verdicts(("r", OCMF), ("SAMPLE0001.pem", key), ("SAMPLE0002.pem", foreign)) == [
        (Verdict.VALID, None)
    ]
    assert verdicts(("r", OCMF), ("SAMPLE0002.pem", foreign)) == [(Verdict.INDETERMINATE, "no_key")]
    assert verdicts(("r", OCMF), ("SAMPLE0001.pem", foreign))[0][0] is Verdict.INVALID
    assert verdicts(("r", OCMF), ("station.pem", foreign))[0][0] is Verdict.INVALID
    assert verdicts(("r", OCMF), ("SAMPLE0002.pem", other)) == [(Verdict.INDETERMINATE, "no_key")]


def test_a_signed_text_with_its_signature_needs_the_key_only() -> None:
    assert verdicts(("m.json", merged(PAYLOAD)), (OWN, STATION.pem())) == [(Verdict.VALID, None)]


@pytest.mark.parametrize(
    ("name", "own", "other"),
    [
        ("00a1535000010042_1.pem", True, False),
        ("keys/00A1-5350-0001-0042-1-publicKey.chargy", True, False),
        ("SMP00171.pub", True, False),
        ("00a1535000010042_2.pem", False, True),
        ("00a1535000010077_1_public_key.pem", False, True),
        ("SMP00172.pem", False, True),
        ("SMP0017.pem", False, False),
        ("XMP00172.pem", False, False),
        ("SMPABCDE.pem", False, False),
        ("key.pem", False, False),
        ("publicKey.pem", False, False),
        (".pem", False, False),
    ],
)
def test_names_of_key_files(name: str, own: bool, other: bool) -> None:
    assert (names_station(RECORD, name), names_other_station(RECORD, name)) == (own, other)
    given = read_given(sort_files([Document(name, STATION.pem())]).keys)
    assert len(strangers(RECORD, (), given)) == other
    assert len(strangers(RECORD, (BesideKey(name, STATION.pem().decode()),))) == (not own)


def certificate(*, issues: bool) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sample")])
    start = datetime(2024, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=9))
    made = made.add_extension(x509.BasicConstraints(ca=issues, path_length=None), critical=True)
    return made.sign(key, SHA256()).public_bytes(serialization.Encoding.PEM)


def test_certificates_serve_as_keys_or_as_issuers() -> None:
    signer, issuer = certificate(issues=False), certificate(issues=True)
    bundle = sort_files([Document(name, text) for name, text in (("a/c.crt", signer), ("ca.pem", issuer))])
    assert (names(bundle), len(bundle.anchors)) == (([], ["c.crt"]), 1)
    chain = sort_files([Document("chain.pem", signer + issuer + issuer)])
    assert (names(chain), len(chain.anchors)) == (([], ["chain.pem"]), 2)


def test_a_certificate_pasted_behind_a_record_does_not_hide_it() -> None:
    for record in (OCMF, b"OCMF|{damaged", PAYLOAD):
        bundle = sort_files([Document("r", record + b"\n" + certificate(issues=False))])
        assert names(bundle)[0] == ["r"]
