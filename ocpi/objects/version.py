"""Versions and version details (2.2.1 version information chapter)."""

from __future__ import annotations

from enum import StrEnum

from ocpi.types import OcpiModel, String64, Url


class InterfaceRole(StrEnum):
    """Which side of a module an endpoint is: SENDER owns the data, RECEIVER gets it pushed."""

    RECEIVER = "RECEIVER"
    SENDER = "SENDER"


class ModuleId(StrEnum):
    """Known module identifiers; the list is open (custom modules, later versions)."""

    CDRS = "cdrs"
    CHARGING_PROFILES = "chargingprofiles"
    COMMANDS = "commands"
    CREDENTIALS = "credentials"
    HUB_CLIENT_INFO = "hubclientinfo"
    LOCATIONS = "locations"
    SESSIONS = "sessions"
    TARIFFS = "tariffs"
    TOKENS = "tokens"


CONFIGURATION_MODULES = frozenset({"credentials", "hubclientinfo", "versions"})
"""Modules without routing headers (transport chapter, message routing); all others are functional."""


class Version(OcpiModel):
    """One version that a platform speaks, and where its details are."""

    version: String64
    url: Url


class Endpoint(OcpiModel):
    """One interface of a platform; ``role`` of ``credentials`` means nothing."""

    identifier: String64
    role: InterfaceRole
    url: Url


class VersionDetails(OcpiModel):
    """The endpoints of one version."""

    version: String64
    endpoints: tuple[Endpoint, ...]
