"""Credentials (2.2.1 credentials chapter): who a platform is, and with which token it wants to be called."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ocpi.types import CiString2, CiString3, CiString4, Int, OcpiModel, String64, String100, Url, same_ci


class Role(StrEnum):
    """Role of a party (types chapter, Role). 2.3.0 drops HUB."""

    CPO = "CPO"
    EMSP = "EMSP"
    HUB = "HUB"
    NAP = "NAP"
    NSP = "NSP"
    OTHER = "OTHER"
    SCSP = "SCSP"


CredentialsToken = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7E]{1,64}$")]
"""A credentials token: 1 to 64 printable ASCII characters without blanks, never base64-encoded here."""


class Image(OcpiModel):
    """A picture of a party or place (mod_locations, Image).

    Attributes:
        category: CHARGER, ENTRANCE, LOCATION, NETWORK, OPERATOR, OTHER, OWNER (open since 2.3.0).
        type: gif, jpeg, png, svg.
        width, height: Pixels.
    """

    url: Url
    thumbnail: Url | None = None
    category: String64
    type: CiString4
    width: Int | None = None
    height: Int | None = None


class BusinessDetails(OcpiModel):
    """Name and look of a party (mod_locations, BusinessDetails)."""

    name: String100
    website: Url | None = None
    logo: Image | None = None


class CredentialsRole(OcpiModel):
    """One party on a platform; (role, party_id, country_code) is unique (credentials chapter)."""

    role: Role
    business_details: BusinessDetails
    party_id: CiString3
    country_code: CiString2

    def is_party(self, country_code: str, party_id: str) -> bool:
        """Tell whether this role belongs to the party; CiStrings compare without regard to case."""
        return same_ci(self.country_code, country_code) and same_ci(self.party_id, party_id)

    def same_role(self, other: CredentialsRole) -> bool:
        """Tell whether both speak of the same (role, country_code, party_id)."""
        return self.role is other.role and self.is_party(other.country_code, other.party_id)


class Credentials(OcpiModel):
    """What the two sides exchange in the handshake (credentials chapter, Credentials object).

    Attributes:
        token: Token that the *other* side must use from now on. Secret: never logged.
        url: Versions endpoint of the side that sends this object.
        roles: Its parties.
    """

    token: CredentialsToken = Field(repr=False)
    url: Url
    roles: tuple[CredentialsRole, ...] = Field(min_length=1)
