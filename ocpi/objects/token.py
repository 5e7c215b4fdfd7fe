"""Token and authorisation (2.2.1 mod_tokens), canonical for all versions."""

from __future__ import annotations

from enum import StrEnum

from ocpi.objects.cdr import TokenType
from ocpi.types import (
    Boolean,
    CiString2,
    CiString3,
    CiString36,
    DateTime,
    DisplayText,
    OcpiModel,
    String2,
    String64,
)


class WhitelistType(StrEnum):
    """When the CPO must ask the eMSP in real time (mod_tokens, WhitelistType)."""

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


class AllowedType(StrEnum):
    """Answer to a real-time authorisation (mod_tokens, AllowedType)."""

    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class ProfileType(StrEnum):
    """Charging preference of a driver (mod_sessions, ProfileType)."""

    CHEAP = "CHEAP"
    FAST = "FAST"
    GREEN = "GREEN"
    REGULAR = "REGULAR"


class EnergyContract(OcpiModel):
    """Energy supplier that the driver chose (mod_tokens, EnergyContract)."""

    supplier_name: String64
    contract_id: String64 | None = None


class Token(OcpiModel):
    """A driver's means of identification (mod_tokens, Token object). Personal data.

    Unique by (country_code, party_id, uid, type).
    """

    country_code: CiString2
    party_id: CiString3
    uid: CiString36
    type: TokenType
    contract_id: CiString36
    visual_number: String64 | None = None
    issuer: String64
    group_id: CiString36 | None = None
    valid: Boolean
    whitelist: WhitelistType
    language: String2 | None = None
    default_profile_type: ProfileType | None = None
    energy_contract: EnergyContract | None = None
    last_updated: DateTime


class LocationReferences(OcpiModel):
    """Where a driver wants to charge (mod_tokens, LocationReferences)."""

    location_id: CiString36
    evse_uids: tuple[CiString36, ...] | None = None


class AuthorizationInfo(OcpiModel):
    """Answer of the eMSP to a real-time authorisation (mod_tokens, AuthorizationInfo).

    ``authorization_reference`` SHALL be copied into the Session and the CDR.
    """

    allowed: AllowedType
    token: Token
    location: LocationReferences | None = None
    authorization_reference: CiString36 | None = None
    info: DisplayText | None = None
