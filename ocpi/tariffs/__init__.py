"""Tariff engine (2.2.1 mod_tariffs): compile, match, step_size, limits, breakdown.

:func:`compile_tariff` makes a tariff ready once; :func:`price` prices any number of sessions with it,
exactly and without input or output; :func:`session_from_cdr` reads the session of a received CDR;
:func:`price_boundaries` says where the periods of an own CDR must be cut; :func:`wire_costs` rounds once, at
the end. What the specification leaves open is decided by a :class:`PricingPolicy`; docs/tariffs.md tells how.
"""

from ocpi.tariffs.boundaries import duration_boundaries_s, energy_boundaries_kwh, price_boundaries
from ocpi.tariffs.breakdown import Breakdown, PricedSessionInput, SessionPeriod
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledTariff, compile_tariff
from ocpi.tariffs.engine import price
from ocpi.tariffs.errors import PolicyError, TariffError
from ocpi.tariffs.from_cdr import session_from_cdr
from ocpi.tariffs.policy import (
    DEFAULT,
    GERMAN_CALIBRATION_LAW,
    POLICIES,
    PricingPolicy,
    policy_from,
    policy_settings,
)
from ocpi.tariffs.rounding import wire_costs, wire_price, written_costs

__all__ = [
    "DEFAULT",
    "GERMAN_CALIBRATION_LAW",
    "POLICIES",
    "Breakdown",
    "CompiledTariff",
    "PolicyError",
    "PricedSessionInput",
    "PricingPolicy",
    "SessionPeriod",
    "TariffCode",
    "TariffError",
    "compile_tariff",
    "duration_boundaries_s",
    "energy_boundaries_kwh",
    "policy_from",
    "policy_settings",
    "price",
    "price_boundaries",
    "session_from_cdr",
    "wire_costs",
    "wire_price",
    "written_costs",
]
