"""Signed MSCONS: coverage, hostile input, and messages signed by OpenSSL's own program."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.containers.asn1 import MAX_DEPTH, Asn1Error, read
from eichrecht.containers.cms import CmsError, looks_like_cms, read_cms
from eichrecht.edifact.security_codes import SecurityCode
from eichrecht.evidence import Document, DocumentVerdict, KeySource, KeyTrust, SignedEnvelope, Verdict
from eichrecht.formats.base import Surroundings
from eichrecht.formats.edifact_mscons import EdifactMscons
from eichrecht.formats.errors import FormatError, MalformedRecordError
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.locales import finding_codes
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.edifact_mscons import BEGIN_KWH, END, END_KWH, START, MsconsGateway

FORMAT = EdifactMscons()
GATEWAY = MsconsGateway()
GOOD = GATEWAY.session_record(BEGIN_KWH, END_KWH, START, END)
KEY = SuppliedKey(GATEWAY.public_key_text(), "--key")


def verdict_on(content: bytes, *keys: SuppliedKey, ring: MemoryKeyRing | None = None) -> DocumentVerdict:
    verifier = Verifier(keys=keys, ring=ring) if ring is not None else Verifier(keys=keys)
    return verifier.verify(Document("d", content))


def ring_of(name: str, label: str = "edifact", meter: str | None = None) -> MemoryKeyRing:
    material = read_key(MsconsGateway(key_label=label).public_key_text())
    return MemoryKeyRing([KnownKey(name, material, KeySource.OPERATOR, meter_serial=meter)])


def test_every_code_has_a_sentence() -> None:
    assert {str(code) for code in SecurityCode} <= finding_codes()


def test_every_signed_octet_and_nothing_else_is_claimed() -> None:
    record = FORMAT.decode(GOOD)
    (one,) = record.attestations
    ((start, end),) = one.spans
    assert GOOD[start:end] == record.signed_bytes
    assert GOOD[start:].startswith(b"USH+")
    assert GOOD[end:].startswith(b"UST+")
    assert record.content == GOOD[GOOD.index(b"BGM") : end]


@pytest.mark.parametrize("name", ["version", "gateway", "identification", "pagination"])
def test_nothing_unsigned_identifies_the_record(name: str) -> None:
    changed = GOOD.replace(b"UNH+1+", b"UNH+9+").replace(b"+1'UNZ", b"+9'UNZ")
    assert getattr(FORMAT.decode(GOOD), name) == getattr(FORMAT.decode(changed), name)


def test_key_is_found_by_its_name_in_the_ring() -> None:
    found = verdict_on(GOOD, ring=ring_of("GW-SAMPLE-1")).records[0]
    assert found.signature.status == "valid"
    assert found.key is not None
    assert (found.key.trust, found.key.matched) == (KeyTrust.CONFIRMED, "GW-SAMPLE-1")


def test_a_key_of_that_name_that_does_not_fit_judges() -> None:
    found = verdict_on(GOOD, ring=ring_of("GW-SAMPLE-1", label="another"))
    assert found.verdict is Verdict.INVALID


def test_a_named_key_of_another_meter_does_not_serve() -> None:
    found = verdict_on(GOOD, ring=ring_of("GW-SAMPLE-1", meter="1SAM0000000099")).records[0]
    assert found.signature.status == "unverified"


def test_message_of_two_signers() -> None:
    other = MsconsGateway(key_label="second", key_name="GW-SAMPLE-2")
    gateway = MsconsGateway()
    body = gateway.body(BEGIN_KWH, END_KWH, START, END)
    inner = gateway.signed(body)
    header = other.header("S2")
    octets = "'".join([*header, *body]) + "'"
    both = [*header, *inner, "UST+S2+6", other._result(octets.encode())]
    content = gateway.interchange(both)
    second = SuppliedKey(other.public_key_text(), "second")
    told = verdict_on(content, KEY, second)
    assert told.verdict is Verdict.VALID
    assert not any(f.code == "further_signature_unchecked" for f in told.records[0].findings)
    assert any(f.code == "further_signature_unchecked" for f in verdict_on(content, KEY).records[0].findings)
    forged = content.replace(b"1266.047", b"1266.048")
    assert verdict_on(forged, KEY, second).verdict is Verdict.INVALID
    wrong = MemoryKeyRing(
        [
            KnownKey("GW-SAMPLE-1", read_key(gateway.public_key_text()), KeySource.OPERATOR),
            KnownKey("GW-SAMPLE-2", read_key(gateway.public_key_text()), KeySource.OPERATOR),
        ]
    )
    assert verdict_on(content, ring=wrong).verdict is Verdict.INVALID


def test_same_message_twice_is_one_session() -> None:
    body = GATEWAY.signed(GATEWAY.body(BEGIN_KWH, END_KWH, START, END))
    told = verdict_on(GATEWAY.interchange(body, body), KEY)
    assert len(told.records) == 2
    assert len(told.transactions) == 1


def test_several_messages_need_a_choice() -> None:
    body = GATEWAY.signed(GATEWAY.body(BEGIN_KWH, END_KWH, START, END))
    content = GATEWAY.interchange(body, body)
    with pytest.raises(MalformedRecordError):
        FORMAT.decode(content)
    for claim in ("0/2", "1/0", "x", "0/-1"):
        with pytest.raises(MalformedRecordError):
            FORMAT.decode_in(content, Surroundings(claims=(("edifact_message", claim),)))


def test_other_service_characters_leave_nothing_checked() -> None:
    comma = GOOD.replace(b"UNA:+.?", b"UNA:+,?")
    told = verdict_on(comma, KEY)
    assert told.records[0].signature.status == "unverified"
    assert "edifact_service_characters_unsupported" in {f.code for f in told.records[0].findings}


def test_interchange_in_a_text() -> None:
    told = verdict_on(b"### one\n" + GOOD + b"\n\n### two\n" + GOOD, KEY)
    assert [record.signature.status for record in told.records] == ["valid", "valid"]
    (span,) = FORMAT.find(b"text " + GOOD + b" text")
    assert (span.start, span.end) == (5, 5 + len(GOOD))


@pytest.mark.parametrize("service", ["2", "3", "4", "7", "94W"])
def test_other_services_are_no_signatures(service: str) -> None:
    told = verdict_on(GOOD.replace(b"USH+1+", b"USH+" + service.encode() + b"+"), KEY)
    assert "edifact_service_unsupported" in {f.code for f in told.records[0].findings}
    assert told.records[0].signature.status == "unverified"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"+S1+1+1+2+", b"+S1+3+1+2+", "edifact_scope_unsupported"),
        (b"+S1+1+1+2+", b"+S1+1+1+5+", "edifact_filter_unsupported"),
        (b"+S1+1+1+2+", b"+S1+1+1+6+", "edifact_filter_unsupported"),
        (b"+2+1+1+1:GW", b"+2+5+1+1:GW", "edifact_signed_encoding_unsupported"),
        (b"USA+6:16:1:17:1", b"USA+6:16:1:11:1", "edifact_algorithm_unsupported"),
        (b"USA+6:16:1:17:1", b"USA+6:16:1:10:1:7:1", "edifact_padding_unsupported"),
    ],
)
def test_what_is_not_supported_is_named(old: bytes, new: bytes, code: str) -> None:
    assert old in GOOD
    told = verdict_on(GOOD.replace(old, new), KEY)
    assert code in {f.code for f in told.records[0].findings}
    assert told.records[0].signature.status == "unverified"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(GOOD.decode().split("'")[:-1]), max_size=40), st.booleans())
def test_any_order_of_segments_is_decoded_or_refused(segments: list[str], begins: bool) -> None:
    text = "'".join([*(("UNB+UNOC:4",) if begins else ()), *segments]) + "'"
    content = text.encode()
    try:
        record = FORMAT.decode(content)
    except FormatError:
        return
    for one in record.attestations:
        assert all(0 <= a < b <= len(content) for a, b in one.spans)
    told = verdict_on(content, KEY)
    if told.verdict is Verdict.VALID:
        assert record.signed_bytes == FORMAT.decode(GOOD).signed_bytes


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_cms_reader_raises_nothing_else(data: bytes, prefixed: bool) -> None:
    if prefixed:
        data = bytes.fromhex("308006092A864886F70D010702A080") + data
    looks_like_cms(data)
    with suppress(CmsError):
        read_cms(data)
    FORMAT.decode_in(
        GOOD, Surroundings(envelopes=(SignedEnvelope("cms", data), SignedEnvelope("autack", data)))
    )


def test_nesting_is_bounded() -> None:
    deep = b"\x30\x80" * (MAX_DEPTH + 5)
    with pytest.raises(Asn1Error):
        read(deep, strict=False)


# --- OpenSSL's program signs, we verify

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the openssl program is absent")


def openssl(folder: Path, *arguments: str) -> bytes:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout


PLAIN = GATEWAY.interchange(GATEWAY.body(BEGIN_KWH, END_KWH, START, END))


@needs_openssl
@pytest.mark.parametrize("kind", ["P-384", "brainpoolP384r1", "rsa"])
def test_openssl_signs_a_message(tmp_path: Path, kind: str) -> None:
    options = (
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        if kind == "rsa"
        else ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}"]
    )
    openssl(tmp_path, "genpkey", *options, "-out", "k.pem")
    public = openssl(tmp_path, "pkey", "-in", "k.pem", "-pubout")
    body = GATEWAY.body(BEGIN_KWH, END_KWH, START, END)
    header = GATEWAY.header("S1")
    if kind == "rsa":
        header[3] = "USA+6:16:1:10:1:16:1"
    (tmp_path / "tbs").write_bytes(("'".join([*header, *body]) + "'").encode())
    value = openssl(tmp_path, "dgst", "-sha256", "-sign", "k.pem", "tbs").hex().upper()
    content = GATEWAY.interchange([*header, *body, "UST+S1+6", f"USR+1:{value}"])
    told = verdict_on(content, SuppliedKey(public, "key"))
    assert told.verdict is Verdict.VALID
    assert (
        verdict_on(content.replace(b"1266", b"1366"), SuppliedKey(public, "key")).verdict is Verdict.INVALID
    )


@needs_openssl
@pytest.mark.parametrize("form", ["DER", "PEM", "SMIME"])
@pytest.mark.parametrize("detached", [False, True])
def test_openssl_cms(tmp_path: Path, form: str, detached: bool) -> None:
    (tmp_path / "plain.edi").write_bytes(PLAIN)
    subject = "/C=DE/OU=9900000000011/CN=sample"
    openssl(
        *(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem"),
        *("-subj", subject, "-days", "3650", "-addext", "basicConstraints=critical,CA:FALSE"),
    )
    sign = [
        "cms",
        "-sign",
        "-binary",
        "-in",
        "plain.edi",
        "-signer",
        "c.pem",
        "-inkey",
        "k.pem",
        "-md",
        "sha384",
    ]
    pss = [
        *("-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:48", "-keyopt", "rsa_mgf1_md:sha384")
    ]
    data = openssl(tmp_path, *sign, *pss, *(() if detached else ("-nodetach",)), "-outform", form)
    key = SuppliedKey(openssl(tmp_path, "x509", "-in", "c.pem", "-noout", "-pubkey"), "key")
    verifier = Verifier(keys=[key])
    if detached and form != "SMIME":
        missing = verifier.verify(Document("s.p7s", data))
        assert "cms_content_missing" in {finding.code for finding in missing.findings}
        if form == "PEM":
            return
        told = verifier.verify(Document("plain.edi", PLAIN, detached_signature=data))
        forged = verifier.verify(Document("p", PLAIN.replace(b"1266", b"1366"), detached_signature=data))
    else:
        told = verifier.verify(Document("mail", data))
        forged = verifier.verify(Document("mail", data.replace(b"1266.047", b"1366.047")))
    assert told.verdict is Verdict.VALID
    assert told.records[0].signature.algorithm == "RSA-PSS-SHA384"
    if b"1266.047" in data or (detached and form == "DER"):
        assert forged.verdict is Verdict.INVALID
        assert "cms_digest_mismatch" in {finding.code for finding in forged.records[0].findings}


def test_encrypted_mail_says_so() -> None:
    enveloped = bytes.fromhex("300F06092A864886F70D010703A0023000")
    told = verdict_on(enveloped)
    assert "cms_encrypted" in {finding.code for finding in told.findings}
    assert told.verdict is Verdict.INDETERMINATE


def test_linear_find() -> None:
    starts = b"UNB+UNOC:3" * 20_000
    assert len(FORMAT.find(starts)) == 1
    spans = FORMAT.find((GOOD + b"\n") * 50)
    assert len(spans) == 50
    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_a_signature_apart_is_marked_so_that_no_cdr_is_made_of_the_data_alone() -> None:
    envelope = SignedEnvelope("cms", b"\x30\x00", PLAIN)
    assert all(one.apart for one in FORMAT.decode_in(PLAIN, Surroundings(envelopes=(envelope,))).attestations)
    assert not any(one.apart for one in FORMAT.decode(GOOD).attestations)
