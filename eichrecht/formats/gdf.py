"""GDF: sessions of a charge transparency record with method GDFCrypt01, a virtual meter of the Open Charging Cloud.

Source: facts/meter/containers.md §4. Signed are, per value, 320 bytes of the EDL40 layout of which only meter, time,
register, unit, scale, value and identification are used: no status, no record number, no log book. No genuine
signature of this method has been published, so the layout is confirmed by nothing but its description.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from eichrecht.evidence import (
    Finding,
    Identification,
    PaginationRule,
    Reading,
    RecordSpan,
    SignedRecord,
    Traits,
    warning,
)
from eichrecht.formats import _ctr_members as members
from eichrecht.formats import _ctr_session as ctr
from eichrecht.formats._edl40 import LOG_BOOK_BYTES, SERVER_ID_BYTES, Edl40Fields

NAME = "GDF"
_OBIS_BYTES = 6


class GdfCode(StrEnum):
    """What decoding noticed about a session of this format."""

    METER_ID_CUT = "gdf_meter_id_cut"


def _fields(value: ctr.SignedValue) -> Edl40Fields:
    where, measured = value.where, "/measurements/0"
    authorised = value.session.get("authorizationStart")
    meter = members.text_at(value.measurement, "energyMeterId", measured)
    obis = members.hex_at(value.measurement, "obis", measured)
    if not meter.isascii() or not meter.isprintable():
        raise members.unreadable(f"{measured}/energyMeterId")
    if len(obis) != _OBIS_BYTES:
        raise members.unreadable(f"{measured}/obis")
    return Edl40Fields(
        # The time is written over what is longer than its place.
        server_id=meter.encode("ascii")[:SERVER_ID_BYTES].ljust(SERVER_ID_BYTES, b"\0"),
        time_local_s=members.local_seconds_at(value.value, "timestamp", where),
        status=0,
        seconds_index=0,
        pagination=0,
        obis=obis,
        unit=members.number_at(value.measurement, "unitEncoded", measured),
        scaler=members.number_at(value.measurement, "scale", measured),
        value=members.number_at(value.value, "value", where),
        log_book=bytes(LOG_BOOK_BYTES),
        contract_id=members.hex_at(authorised, "@id", "/authorizationStart"),
        contract_time_local_s=members.local_seconds_at(authorised, "timestamp", "/authorizationStart"),
    )


def _shown(reading: Reading) -> Reading:
    return replace(reading, event_counter=None, status_word=None, status_flags=(), seconds_index=None)


def _identification(contract_id: bytes) -> Identification:
    return Identification(data=contract_id.hex().upper() or None)


def _notice(value: ctr.SignedValue) -> Iterator[Finding]:
    if len(members.text_at(value.measurement, "energyMeterId", "/measurements/0")) > SERVER_ID_BYTES:
        yield warning(GdfCode.METER_ID_CUT, "/measurements/0/energyMeterId", length=SERVER_ID_BYTES)


_METHOD = ctr.Method(
    format=NAME,
    context="GDFCrypt01",
    algorithm="ECDSA-secp256r1-SHA256",
    number_bytes=32,
    traits=Traits(roles_signed=False, pagination=PaginationRule.NONE, official=None),
    fields=_fields,
    shown=_shown,
    serial=lambda server_id: server_id.rstrip(b"\0").decode("ascii"),
    identification=_identification,
    notice=_notice,
)


class GdfFormat:
    """The format as the pipeline sees it; holds no state."""

    name = NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the session that ``content`` consists of, if its ``@context`` names GDFCrypt01."""
        return ctr.find(content, _METHOD)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode one session.

        Raises:
            FormatError: See :func:`eichrecht.formats._ctr_session.decode`.
        """
        return ctr.decode(content, _METHOD)


FORMATS = (GdfFormat(),)
"""What this module adds to the registry."""
