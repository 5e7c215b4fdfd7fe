"""EMH_CTR: sessions of a charge transparency record with method EMHCrypt01, values of an EMH eHZ meter.

Source: facts/meter/containers.md §3.4 (the 320 bytes) and §5.3 (where their fields stand). The same meter and the
same bytes as in the chargeIT container, but the fields are spread over session, measurement and value, so that no
single object could be the record; the session is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from eichrecht.evidence import Finding, PaginationRule, Reading, RecordSpan, SignedRecord, Traits
from eichrecht.formats import _ctr_members as members
from eichrecht.formats import _ctr_session as ctr
from eichrecht.formats._edl40 import Edl40Fields, identification_of

NAME = "EMH_CTR"

_DOTTED = re.compile(
    r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3})(?:\*(\d{1,3}))?)?",
    re.ASCII,
)
_PACKED = re.compile(r"[0-9A-Fa-f]{12}", re.ASCII)


def _fields(value: ctr.SignedValue) -> Edl40Fields:
    where, measured = value.where, "/measurements/0"
    authorised = value.session.get("authorizationStart")
    return Edl40Fields(
        server_id=members.hex_at(value.measurement, "energyMeterId", measured),
        time_local_s=members.local_seconds_at(value.value, "timestamp", where),
        status=_byte(value.value, "infoStatus", where),
        seconds_index=members.number_at(value.value, "secondsIndex", where),
        pagination=int.from_bytes(members.hex_at(value.value, "paginationId", where), "big"),
        obis=_obis(members.text_at(value.measurement, "obis", measured)),
        unit=members.number_at(value.measurement, "unitEncoded", measured),
        scaler=members.number_at(value.measurement, "scale", measured),
        value=members.number_at(value.value, "value", where),
        log_book=members.hex_at(value.value, "logBookIndex", where),
        contract_id=members.text_at(authorised, "@id", "/authorizationStart").encode("utf-8"),
        contract_time_local_s=members.local_seconds_at(authorised, "timestamp", "/authorizationStart"),
    )


def _byte(value: dict[str, Any], name: str, where: str) -> int:
    octets = members.hex_at(value, name, where)
    if len(octets) != 1:
        raise members.unreadable(f"{where}/{name}")
    return octets[0]


def _obis(text: str) -> bytes:
    """Return a register's six bytes: packed as the meter has them, or dotted decimals, missing groups 0."""
    if _PACKED.fullmatch(text):
        return bytes.fromhex(text)
    match = _DOTTED.fullmatch(text)
    groups = [int(group or 0) for group in match.groups()] if match is not None else [256]
    if max(groups) > 0xFF:
        raise members.unreadable("/measurements/0/obis")
    return bytes(groups)


def _shown(reading: Reading) -> Reading:
    return reading


def _nothing(_: ctr.SignedValue) -> Iterator[Finding]:
    return iter(())


_METHOD = ctr.Method(
    format=NAME,
    context="EMHCrypt01",
    algorithm="ECDSA-secp192r1-SHA256",
    number_bytes=24,
    traits=Traits(roles_signed=False, pagination=PaginationRule.INCREASING, official=None),
    fields=_fields,
    shown=_shown,
    serial=lambda server_id: server_id.hex().upper(),
    identification=identification_of,
    notice=_nothing,
)


class EmhCtrFormat:
    """The format as the pipeline sees it; holds no state."""

    name = NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the session that ``content`` consists of, if its ``@context`` names EMHCrypt01."""
        return ctr.find(content, _METHOD)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode one session.

        Raises:
            FormatError: See :func:`eichrecht.formats._ctr_session.decode`.
        """
        return ctr.decode(content, _METHOD)


FORMATS = (EmhCtrFormat(),)
"""What this module adds to the registry."""
