"""Ways in which records travel, each as a function of bytes; the same bytes come out on every run.

Seeds of the containers' fuzz targets are made of these, and so is the test that sends every format through every one.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from types import MappingProxyType

Wrap = Callable[[bytes], bytes]


def zipped(content: bytes) -> bytes:
    """Return a ZIP of one file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("inner/record.dat"), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def tarred(content: bytes) -> bytes:
    """Return a TAR of one file."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        entry = tarfile.TarInfo("record.dat")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def attached(content: bytes) -> bytes:
    """Return a PDF with one embedded file."""
    import pypdf  # noqa: PLC0415 - only for those who need it

    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_attachment("record.dat", content)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def pictured(kind: str, content: bytes) -> bytes:
    """Return a picture of one QR code."""
    import segno  # noqa: PLC0415 - a dependency of development only
    from PIL import Image  # noqa: PLC0415 - needed where a picture is made

    code = segno.make(content, mode="byte", micro=False, error="l", boost_error=False)
    target = io.BytesIO()
    code.save(target, kind="svg" if kind == "svg" else "png", scale=3)
    if kind != "jpeg":
        return target.getvalue()
    again = io.BytesIO()
    Image.open(target).convert("L").save(again, "JPEG", quality=70)
    return again.getvalue()


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _in_turn(*wraps: Wrap) -> Wrap:
    def wrapped(content: bytes) -> bytes:
        for wrap in wraps:
            content = wrap(content)
        return content

    return wrapped


def _hexed(content: bytes) -> bytes:
    return content.hex().encode()


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _signed_meter_value(member: str, content: bytes) -> dict[str, str]:
    return {member: _b64(content), "signingMethod": "", "encodingMethod": "", "publicKey": ""}


def ocpp_16(content: bytes, member: str = "signedMeterData") -> bytes:
    """Return an OCPP 1.6 frame with the signed value as the OCA application note 3.1 writes it."""
    value = json.dumps(_signed_meter_value(member, content))
    sampled = {"value": value, "format": "SignedData", "context": "Transaction.End"}
    values = [{"timestamp": "2026-05-04T08:12:00Z", "sampledValue": [sampled]}]
    if member != "signedMeterData":  # the spelling of MeterValues in the field
        payload = {"connectorId": 1, "transactionId": 7, "meterValue": values}
        return json.dumps([2, "1", "MeterValues", payload]).encode()
    stop = {
        "transactionId": 7,
        "timestamp": "2026-05-04T08:12:00Z",
        "meterStop": 1,
        "transactionData": values,
    }
    return json.dumps([2, "1", "StopTransaction", stop]).encode()


def ocpp_2(content: bytes, *, optional: bool = True) -> bytes:
    """Return a TransactionEvent; OCPP 2.1 makes method and key optional."""
    signed = _signed_meter_value("signedMeterData", content)
    if not optional:
        signed = {"signedMeterData": signed["signedMeterData"], "encodingMethod": ""}
    sampled = {"value": 1.5, "context": "Transaction.End", "signedMeterValue": signed}
    event = {
        "eventType": "Ended",
        "timestamp": "2026-05-04T08:12:00Z",
        "triggerReason": "StopAuthorized",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "a-1"},
        "meterValue": [{"timestamp": "2026-05-04T08:12:00Z", "sampledValue": [sampled]}],
    }
    return json.dumps([2, "1", "TransactionEvent", event]).encode()


def ocpi_cdr(content: bytes) -> bytes:
    """Return what matters here of an OCPI CDR."""
    value = {"nature": "End", "plain_data": "", "signed_data": _b64(content)}
    signed = {"encoding_method": "OCMF", "signed_values": [value]}
    return json.dumps({"id": "C1", "charging_periods": [], "total_cost": {}, "signed_data": signed}).encode()


def _ptb(content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    return json.dumps({"format": "ptb", "formatVersion": "1.0", "ocmfBegin": text, "ocmfEnd": text}).encode()


def _mailed(content: bytes) -> bytes:
    kind = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=x\r\n\r\n'
    signature = (
        b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n"
    )
    part = b"Content-Type: application/octet-stream\r\n\r\n" + content
    return b"MIME-Version: 1.0\r\n" + kind + b"--x\r\n" + part + b"\r\n--x\r\n" + signature + b"--x--\r\n"


CARRIERS: tuple[Wrap, ...] = (
    ocpp_16,
    lambda content: ocpp_16(content, "signedMeterValue"),
    ocpp_2,
    lambda content: ocpp_2(content, optional=False),
    ocpi_cdr,
)
"""Messages of OCPP 1.6 (both member names), 2.0.1, 2.1, and an OCPI CDR, each with a record whose key travels in it."""

SEED_ONLY: tuple[Wrap, ...] = (
    _ptb,
    _mailed,
    lambda content: b"\xef\xbb\xbf" + content,
    lambda content: b'{"signed": ' + json.dumps(content.decode("utf-8", "replace")).encode() + b", broken",
    lambda content: b"7z\xbc\xaf\x27\x1c" + content,
)
"""Outlines that hold no record that could be verified, but lead into their parsers."""

WRAPPINGS: Mapping[tuple[str, ...], Wrap] = MappingProxyType(
    {
        ("zip",): zipped,
        ("tar",): tarred,
        ("gzip", "tar"): _in_turn(tarred, _gzipped),
        ("bzip2", "tar"): _in_turn(tarred, bz2.compress),
        ("xz", "tar"): _in_turn(tarred, lzma.compress),
        ("gzip",): _gzipped,
        ("xz", "tar", "zip"): _in_turn(zipped, tarred, lzma.compress),
        ("bzip2", "tar", "zip", "gzip", "tar"): _in_turn(tarred, _gzipped, zipped, tarred, bz2.compress),
        ("hex",): _hexed,
        ("base64",): base64.b64encode,
        ("base32",): base64.b32encode,
        ("hex", "base64", "base32"): _in_turn(base64.b32encode, base64.b64encode, _hexed),
        ("base64", "zip"): _in_turn(zipped, base64.b64encode),
        ("base32", "xz", "tar"): _in_turn(tarred, lzma.compress, base64.b32encode),
        ("zip", "hex"): _in_turn(_hexed, zipped),
    }
)
"""Layers that must be named for each, outermost first."""

LARGEST_CODE = 2900
"""Bytes that a QR code holds (ISO/IEC 18004, version 40, level L: 2953)."""
