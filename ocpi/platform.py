"""Who a platform is towards its partners, and what it needs of them."""

from __future__ import annotations

from dataclasses import dataclass

from ocpi.objects.credentials import CredentialsRole
from ocpi.objects.version import InterfaceRole
from ocpi.transport.headers import PartyId

RequiredEndpoints = frozenset[tuple[str, InterfaceRole]]

CPO_NEEDS: RequiredEndpoints = frozenset(
    {("cdrs", InterfaceRole.RECEIVER), ("tariffs", InterfaceRole.RECEIVER)}
)
"""What a CPO that pushes tariffs and CDRs needs from its eMSPs."""


@dataclass(frozen=True, slots=True)
class Platform:
    """Who we are.

    Attributes:
        versions_url: Public URL of our versions endpoint.
        roles: Our parties.
        needs: Endpoints without which a registration is useless: we do not start one (step 2) and answer
            3003 to one.
    """

    versions_url: str
    roles: tuple[CredentialsRole, ...]
    needs: RequiredEndpoints = frozenset()

    @property
    def party(self) -> PartyId:
        """Our first party: sender of our messages."""
        return PartyId(self.roles[0].country_code, self.roles[0].party_id)
