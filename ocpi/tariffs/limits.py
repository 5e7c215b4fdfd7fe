"""min_price and max_price of a tariff (2.2.1 mod_tariffs, Tariff object).

Both bound the total of the session, without and with VAT independently; no line changes. First the minimum,
then the maximum. Where a limit has no ``incl_vat`` no rule is given: then only the amount without VAT is
bound and the amount with VAT follows at the effective rate of the session.
"""

from __future__ import annotations

from decimal import Decimal

from ocpi.findings import Finding, note, warning
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.exact import QUOTIENT, SECONDS_PER_HOUR
from ocpi.types import Price


def apply_limits(
    net_3600: Decimal, gross_3600: Decimal | None, tariff: CompiledTariff
) -> tuple[Decimal, Decimal | None, list[Finding]]:
    """Return the total after min_price and max_price, and what was done.

    Args:
        net_3600: 3600 times the sum of all lines, reservation included, without VAT.
        gross_3600: The same with VAT; ``None`` if no component has VAT: a limit with VAT is ignored then.
        tariff: The one tariff of the session.
    """
    findings: list[Finding] = []
    for limit, raises, code in (
        (tariff.min_price, True, TariffCode.RAISED_TO_MIN_PRICE),
        (tariff.max_price, False, TariffCode.LOWERED_TO_MAX_PRICE),
    ):
        if limit is None:
            continue
        before = (net_3600, gross_3600)
        net_3600, gross_3600 = _bound(net_3600, gross_3600, limit, raises, tariff.single_vat)
        if (net_3600, gross_3600) == before:
            continue
        findings.append(note(code, "", tariff_id=tariff.tariff_id, limit=_text(limit)))
        if gross_3600 is None and before[1] is not None:
            findings.append(warning(TariffCode.LIMIT_VAT_UNKNOWN, "", tariff_id=tariff.tariff_id))
    return net_3600, gross_3600, findings


def _bound(
    net: Decimal, gross: Decimal | None, limit: Price, raises: bool, single_vat: Decimal | None
) -> tuple[Decimal, Decimal | None]:
    net_limit = limit.excl_vat * SECONDS_PER_HOUR
    bound = max(net, net_limit) if raises else min(net, net_limit)
    if gross is None:
        return bound, None
    if limit.incl_vat is not None:
        gross_limit = limit.incl_vat * SECONDS_PER_HOUR
        return bound, max(gross, gross_limit) if raises else min(gross, gross_limit)
    if bound == net:
        return net, gross
    if net != 0:
        return bound, QUOTIENT.divide(bound * gross, net)
    return bound, None if single_vat is None else bound * (1 + single_vat / 100)


def _text(limit: Price) -> str:
    return str(limit.excl_vat) if limit.incl_vat is None else f"{limit.excl_vat} / {limit.incl_vat}"
