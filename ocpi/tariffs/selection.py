"""Which tariff prices which period (2.2.1 mod_cdrs, ChargingPeriod.tariff_id)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ocpi.findings import Severity
from ocpi.tariffs.breakdown import PricedSessionInput
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.remarks import Remarks


def only_tariff(
    session: PricedSessionInput, tariffs: Sequence[CompiledTariff], remarks: Remarks
) -> CompiledTariff | None:
    """Return the tariff of every period where that needs no thought: there is one, and no period names another."""
    if len(tariffs) != 1:
        return None
    tariff = tariffs[0]
    for period in session.periods:
        named = period.tariff_id
        if named is not None and named != tariff.tariff_id and named.lower() != tariff.key:
            return None
    if tariff.findings:
        remarks.add_all(tariff.findings)
    if tariff.valid_from is not None or tariff.valid_until is not None:
        _check_validity(session, 0, session.periods[0].start, tariff, remarks)
    return tariff


def select_tariffs(
    session: PricedSessionInput, tariffs: Sequence[CompiledTariff], remarks: Remarks
) -> tuple[CompiledTariff | None, ...]:
    """Return the tariff of each period; ``None`` where there is none: the period stays unpriced.

    A period names its tariff by id (CiString, without regard to case). One that names none belongs to the
    only tariff there is; with several it would be a guess. The findings of a tariff are reported when it is
    used.

    Args:
        session: At least one period.
        tariffs: Snapshots; of two with the same id the first is used, and that is reported.
        remarks: Collects what there is to say.
    """
    by_key: dict[str, CompiledTariff] = {}
    twice: set[str] = set()
    for tariff in tariffs:
        if by_key.setdefault(tariff.key, tariff) is not tariff:
            twice.add(tariff.key)
    only = tariffs[0] if len(tariffs) == 1 else None
    chosen: list[CompiledTariff | None] = []
    seen: set[str] = set()
    start = session.periods[0].start
    for index, period in enumerate(session.periods):
        found = only if period.tariff_id is None else by_key.get(period.tariff_id.lower())
        chosen.append(found)
        if found is None:
            if period.tariff_id is None:
                remarks.say(TariffCode.TARIFF_ID_MISSING, Severity.ERROR, index, period)
            else:
                remarks.say(
                    TariffCode.TARIFF_ID_UNKNOWN, Severity.ERROR, index, period, tariff_id=period.tariff_id
                )
            continue
        if found.key in seen:
            continue
        seen.add(found.key)
        remarks.add_all(found.findings)
        if found.key in twice:
            remarks.say(
                TariffCode.TARIFF_ID_AMBIGUOUS, Severity.ERROR, index, period, tariff_id=found.tariff_id
            )
        _check_validity(session, index, start, found, remarks)
    return tuple(chosen)


def _check_validity(
    session: PricedSessionInput, index: int, start: datetime, tariff: CompiledTariff, remarks: Remarks
) -> None:
    """The tariff of a session is the one valid at its start (mod_cdrs, CDR.tariffs)."""
    if (tariff.valid_from is not None and start < tariff.valid_from) or (
        tariff.valid_until is not None and start >= tariff.valid_until
    ):
        remarks.say(
            TariffCode.TARIFF_NOT_VALID,
            Severity.WARNING,
            index,
            session.periods[index],
            tariff_id=tariff.tariff_id,
        )
