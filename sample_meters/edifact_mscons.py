"""A simulated gateway that sends a session's readings as MSCONS and signs them inside the message (ISO 9735-5).

Independent of the code it tests: segments are put together here as text, and what is signed is put together from the
same pieces before the message exists.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.signatures import SignatureShape, encode_signature

START = datetime(2024, 9, 3, 7, 14, tzinfo=UTC)
END = START + timedelta(minutes=38)
BEGIN_KWH, END_KWH = Decimal("1234.567"), Decimal("1266.047")

_CPO, _OPERATOR = "9900000000011", "9900000000022"
_CURVE_BYTES = {"secp256r1": 32, "brainpool256r1": 32}

Outcome = tuple[Verdict, SignatureResult]
GOOD: Outcome = ("valid", "valid")
FORGED: Outcome = ("invalid", "invalid")
OPEN: Outcome = ("indeterminate", "valid")
UNREAD: Outcome = ("indeterminate", "unverified")


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M") + "?+00:303"


@dataclass
class MsconsGateway:
    """A gateway that signs.

    Attributes:
        key_label: Another label is another key.
        curve: Of its key.
        serial: Device number of the meter (RFF+MG).
        key_name: Name of its key in a register (0538).
        version: Syntax version, 3 or 4.
        form: How the signature is written: ``rs``, ``raw`` or ``der``.
        base64: Whether it is written in Base64 instead of hexadecimal.
        scope: 0541.
        line_break: What stands behind each segment; signed where it stands between signed segments.
    """

    key_label: str = "edifact"
    curve: str = "secp256r1"
    serial: str = "1SAM0000000011"
    key_name: str = "GW-SAMPLE-1"
    version: int = 4
    form: str = "rs"
    base64: bool = False
    scope: str = "1"
    line_break: str = ""
    counter: int = 118

    format = "EDIFACT_MSCONS"

    def public_key_text(self, shape: str = "pem") -> str:
        """Return the public key as PEM or in another shape of the field."""
        return sample_key(self.curve, self.key_label).text(shape)

    def body(
        self, begin_kwh: Decimal, end_kwh: Decimal, start: datetime, end: datetime, **codes: str
    ) -> list[str]:
        """Return the segments that carry the session; ``codes`` replace status, unit and the like."""
        status, unit = codes.get("status", "220"), codes.get("unit", "KWH")
        obis = codes.get("obis", "1-0?:1.8.0")
        return [
            f"BGM+7+SES{self.counter:06d}+{codes.get('function', '9')}",
            f"DTM+137:{_minute(end + timedelta(minutes=1))}",
            "RFF+Z13:13019",
            f"NAD+MS+{_CPO}::293",
            f"NAD+MR+{_OPERATOR}::293",
            "UNS+D",
            "NAD+DP",
            "LOC+172+DE00098765432000000000SAMPLE00001",
            f"RFF+MG:{self.serial}",
            "LIN+1",
            f"PIA+5+{obis}:SRW",
            f"QTY+220:{begin_kwh}:{unit}",
            f"DTM+9:{_minute(start)}",
            f"QTY+{status}:{end_kwh}:{unit}",
            f"DTM+9:{_minute(end)}",
        ]

    def session_record(self, begin_kwh: Decimal, end_kwh: Decimal, start: datetime, end: datetime) -> bytes:
        """Return an interchange with one signed message."""
        self.counter += 1
        return self.interchange(self.signed(self.body(begin_kwh, end_kwh, start, end)))

    def header(self, reference: str) -> list[str]:
        """Return the security header group."""
        filter_code = "7" if self.base64 else "2"
        stamp = "1:20240903:075300:0000"
        return [
            f"USH+1+{reference}+{self.scope}+1+{filter_code}+1+1+1:{self.key_name}++{stamp}",
            "USA+1:::48:1",
            f"USC+CERT1+3:{self.key_name}+3",
            "USA+6:16:1:17:1",
        ]

    def signed(self, body: list[str], reference: str = "S1") -> list[str]:
        """Return a body with its security groups around it."""
        header = self.header(reference)
        octets = f"'{self.line_break}".join([*header, *body]) + "'"
        return [*header, *body, f"UST+{reference}+6", self._result(octets.encode("ascii"))]

    def autack(self, interchange: bytes) -> bytes:
        """Return an AUTACK that signs another interchange, UNB to UNZ, as a whole (ISO 9735-6)."""
        octets = interchange[interchange.index(b"UNB+") :]
        reference = octets.split(b"'", 1)[0].split(b"+")[5].decode()
        header = self.header("A1")
        header[0] = header[0].replace("USH+1+A1+1+", "USH+7+A1+3+")
        parties = f"{_CPO}:500+{_OPERATOR}:500"
        result = self._result(octets).removeprefix("USR+")
        message = [
            "UNH+1+AUTACK:4:1:UN",
            *header,
            f"USB+1+5:20240903:075400:0000+{parties}",
            f"USX+{reference}+{parties}",
            f"USY+A1+{result}",
            "UST+A1+5",
        ]
        lines = [f"UNB+UNOC:4+{parties}+20240903:0755+AU{self.counter:06d}", *message]
        lines += [f"UNT+{len(message) + 1}+1", f"UNZ+1+AU{self.counter:06d}"]
        return ("UNA:+.?*'" + "".join(f"{line}'" for line in lines)).encode("ascii")

    def _result(self, octets: bytes) -> str:
        r, s = sample_key(self.curve, self.key_label).sign(octets)
        width = _CURVE_BYTES[self.curve]
        if self.form == "rs":
            between = "*" if self.version >= 4 else "+"
            parts = [self._filtered(number.to_bytes(width, "big")) for number in (r, s)]
            return f"USR+2:{parts[0]}{between}3:{parts[1]}"
        shape: SignatureShape = "raw" if self.form == "raw" else "der"
        return f"USR+1:{self._filtered(encode_signature(r, s, width, shape))}"

    def _filtered(self, octets: bytes) -> str:
        if not self.base64:
            return octets.hex().upper()
        return base64.b64encode(octets).decode().replace("+", "?+")

    def interchange(self, *messages: list[str]) -> bytes:
        """Return messages, given without UNH and UNT, as an interchange."""
        date = "20240903" if self.version >= 4 else "240903"
        una = "UNA:+.?*'" if self.version >= 4 else "UNA:+.? '"
        lines = [f"UNB+UNOC:{self.version}+{_CPO}:500+{_OPERATOR}:500+{date}:0754+IC{self.counter:06d}++EM"]
        for number, message in enumerate(messages, 1):
            lines += [f"UNH+{number}+MSCONS:D:04B:UN:2.4c", *message, f"UNT+{len(message) + 2}+{number}"]
        lines.append(f"UNZ+{len(messages)}+IC{self.counter:06d}")
        text = una + self.line_break + "".join(f"{line}'{self.line_break}" for line in lines)
        return text.encode("ascii")


def tampered(record: bytes, old: str, new: str) -> bytes:
    """Return the record with the first occurrence of a text replaced and the signature left as it was.

    Raises:
        ValueError: ``old`` does not occur.
    """
    if old.encode() not in record:
        raise ValueError(f"{old!r} does not occur")
    return record.replace(old.encode(), new.encode(), 1)


def _session(gateway: MsconsGateway | None = None) -> bytes:
    return (gateway or MsconsGateway()).session_record(BEGIN_KWH, END_KWH, START, END)


def _case(
    name: str, content: bytes, outcome: Outcome, description: str, gateway: MsconsGateway | None = None
) -> SampleCase:
    key = (gateway or MsconsGateway()).public_key_text()
    return SampleCase(
        f"edifact-{name}", "EDIFACT_MSCONS", content, key, outcome[0], outcome[1], description, ".edi"
    )


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _forged()
    yield from _open()


def _good() -> Iterator[SampleCase]:
    gateways = {
        "rs-hex": MsconsGateway(),
        "rs-base64": MsconsGateway(base64=True),
        "raw": MsconsGateway(form="raw"),
        "der": MsconsGateway(form="der"),
        "brainpool": MsconsGateway(curve="brainpool256r1"),
        "version-3": MsconsGateway(version=3),
        "scope-2": MsconsGateway(scope="2"),
        "signed-line-breaks": MsconsGateway(line_break="\r\n"),
    }
    for name, gateway in gateways.items():
        yield _case(name, _session(gateway), GOOD, f"A session's begin and end, signed: {name}.", gateway)
    added = _session().replace(b"'", b"'\n")
    yield _case("line-breaks-added", added, GOOD, "Line breaks were added in transit; nobody signed them.")


def _forged() -> Iterator[SampleCase]:
    good = _session()
    changes = {
        "value": ("1266.047", "1166.047"),
        "time": ("202409030714", "202409030715"),
        "meter": ("1SAM0000000011", "1SAM0000000012"),
        "location": ("SAMPLE00001", "SAMPLE00002"),
        "status": ("QTY+220:1266", "QTY+67:1266"),
        "key-name": ("1:GW-SAMPLE-1", "1:GW-SAMPLE-2"),
        "count-of-groups": ("UST+S1+6", "UST+S1+7"),
        "reference-of-groups": ("UST+S1+", "UST+S2+"),
    }
    for name, change in changes.items():
        yield _case(f"forged-{name}", tampered(good, *change), FORGED, f"The {name} was changed.")
    more = tampered(tampered(good, "UNT+23", "UNT+24"), "USR+2", "QTY+220:1.000:KWH'USR+2")
    yield _case("forged-value-outside", more, FORGED, "A value was added where no signature covers it.")
    other = MsconsGateway(key_label="edifact other")
    yield _case("forged-other-key", _session(other), FORGED, "Signed with another key than the gateway's.")


def _open() -> Iterator[SampleCase]:
    gateway = MsconsGateway()
    body = gateway.body(BEGIN_KWH, END_KWH, START, END)
    yield _case("unsigned", gateway.interchange(body), UNREAD, "Nobody signed the message.")
    sha1 = tampered(_session(), "USA+1:::48:1", "USA+1:::16:1")
    yield _case("sha-1", sha1, UNREAD, "The hash function is SHA-1.")
    test = tampered(_session(), "++EM'", "++EM++++1'")
    yield _case("test-file", test, OPEN, "The interchange is marked as a test.")
    sender = tampered(_session(), f"+{_CPO}:500", f"+{_OPERATOR}:500")
    yield _case("other-sender", sender, OPEN, "UNB names another sender than the signed message.")
    gateway = MsconsGateway()
    substitute = gateway.signed(gateway.body(BEGIN_KWH, END_KWH, START, END, status="67"))
    unlawful: Outcome = ("invalid", "valid")
    yield _case(
        "substitute-value", gateway.interchange(substitute), unlawful, "The end is a substitute value."
    )
    backwards = gateway.signed(gateway.body(END_KWH, BEGIN_KWH, START, END))
    yield _case("backwards", gateway.interchange(backwards), unlawful, "The register runs backwards.")
