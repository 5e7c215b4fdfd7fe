"""Small JSON containers: the syntax report, a record as a JSON string, and OCPP's SignedMeterValueType."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.json_text import as_bytes, strings_in
from eichrecht.containers.kinds import Found, Opener, Payload, with_context, within
from eichrecht.containers.limits import SHORTEST_RECORD
from eichrecht.evidence import Layer, Part, note, problem, warning


class JsonSyntax:
    """Says why a text that begins like JSON cannot be read, or how it was; unwraps nothing itself."""

    name = "json"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if payload.json is None or not payload.json.findings:
            return None
        return Found(findings=payload.json.findings)


class BrokenJson:
    """Records in the strings of JSON that cannot be read as a whole, each once.

    What stood beside them (key, place in a transaction) is lost, because nothing says where it belongs.
    """

    name = "json-broken"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if payload.json is None or not payload.json.broken:
            return None
        parts: dict[bytes, Part] = {}
        for content in strings_in(payload.trimmed, SHORTEST_RECORD):
            if not opener.grant_entries(1):
                break
            found = opener.open(content, is_utf8=True)
            if found.complete:
                for part in found.parts:
                    parts.setdefault(part.content, part)
        cut = (warning(ContainerCode.CUT_FROM_BROKEN_JSON),)
        return within(
            Found(tuple(with_context(part, findings=cut) for part in parts.values())),
            Layer(self.name, "string_with_record"),
        )


class JsonString:
    """A JSON string literal with something recognisable in it, as copied from a log or message."""

    name = "json-string"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if payload.json is None or not isinstance(payload.json.value, str):
            return None
        found = opener.open(as_bytes(payload.json.value), is_utf8=True)
        return within(found, Layer("json-string", "quoted_text")) if found.parts else None


class OcppSignedMeterValue:
    """OCPP SignedMeterValueType (OCPP 2.0.1 and 2.1; in 1.6 as JSON text by the OCA application note, 3.1).

    ``signedMeterValue`` instead of ``signedMeterData`` is a member name that be.ENERGISED documents.
    """

    name = "ocpp-signed-meter-value"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        value = None if payload.json is None else payload.json.value
        return open_signed_meter_value(value, opener) if isinstance(value, dict) else None


def open_signed_meter_value(value: dict[str, Any], opener: Opener) -> Found | None:
    """Return the record of an OCPP SignedMeterValueType; ``None`` if ``value`` is none.

    ``signingMethod`` and ``encodingMethod`` are claims beside the record; the record itself decides.
    """
    member = next((m for m in ("signedMeterData", "signedMeterValue") if isinstance(value.get(m), str)), None)
    if member is None:
        return None
    content = as_bytes(value[member])
    found = opener.open(content, is_utf8=True, declared_encoding="base64")
    parts = found.parts
    if not parts:
        unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content))
        parts = (Part(content, findings=(unrecognised,)),)
    key, method, signing = (value.get(m) for m in ("publicKey", "encodingMethod", "signingMethod"))
    key_text = key if isinstance(key, str) and key.strip() else None
    claims = (("signing_method", signing),) if isinstance(signing, str) and signing.strip() else ()
    inner = within(Found(parts, found.findings), where=f"/{member}")
    parts = tuple(
        replace(
            with_context(
                part,
                key_text=key_text,
                key_where=None if key_text is None else "/publicKey",
                declared_format=method if isinstance(method, str) and method else None,
                findings=() if key_text else (note(ContainerCode.PUBLIC_KEY_MISSING),),
            ),
            claims=part.claims + claims,
        )
        for part in inner.parts
    )
    return within(Found(parts, inner.findings), Layer("ocpp-signed-meter-value", member))
