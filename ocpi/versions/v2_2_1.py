"""OCPI 2.2.1: the canonical models are its wire format, so little is left to do here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ocpi.objects.patch import patch_of
from ocpi.objects.session import Session, SessionStatus
from ocpi.types import OcpiModel
from ocpi.versions.base import M, plain, validate


def _session(data: Any) -> Any:
    """Read the status RESERVED as RESERVATION.

    mod_sessions writes RESERVED in its prose and RESERVATION in its enum (ocpi/ocpi#533); partners send both.
    """
    if isinstance(data, dict) and data.get("status") == "RESERVED":
        return {**data, "status": SessionStatus.RESERVATION.value}
    return data


@dataclass(frozen=True, slots=True)
class V221:
    """The :class:`ocpi.versions.base.WireVersion` of 2.2.1."""

    number: ClassVar[str] = "2.2.1"
    base64_tokens: ClassVar[bool] = True

    def load(self, model_type: type[M], data: Any) -> M:
        """Read an object; see the Protocol."""
        return validate(model_type, _session(data) if model_type is Session else data)

    def load_patch(self, model_type: type[OcpiModel], data: Any) -> OcpiModel:
        """Read the body of a PATCH; see the Protocol."""
        return validate(patch_of(model_type), _session(data) if model_type is Session else data)

    def dump(self, model: OcpiModel) -> dict[str, Any]:
        """Write an object; see the Protocol."""
        data: dict[str, Any] = plain(model.model_dump(mode="python", exclude_none=True))
        return data


V2_2_1 = V221()
"""The one instance."""
