"""What the rules say about a record and about a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from eichrecht.evidence import Billable, Finding, Reading, Verdict


@dataclass(frozen=True, slots=True)
class RegisterResult:
    """One law-relevant register that has exactly one begin and one end.

    Attributes:
        obis: OBIS code as written at the begin.
        begin: The begin reading.
        end: The end reading.
        energy_kwh: End minus begin in kWh, exact; negative if the register ran backwards; ``None`` if a
            value is missing, not an energy, or too long to subtract exactly.
        compensated: Whether cable losses are already subtracted (register 98, B1, B3, C1, C3, or ``CL``).
    """

    obis: str
    begin: Reading
    end: Reading
    energy_kwh: Decimal | None
    compensated: bool


@dataclass(frozen=True, slots=True)
class TransactionJudgement:
    """What the rules say about a charging transaction; says nothing of signatures or keys.

    Attributes:
        verdict: ``INVALID`` if a rule of law is broken, ``INDETERMINATE`` if the rules cannot decide
            (incomplete, ambiguous, unreadable), else ``VALID``.
        findings: Every finding; one of severity ``error`` stands behind each verdict other than ``VALID``.
        energy_kwh: The transaction's energy in kWh, that of ``registers[0]``; ``None`` if it cannot be formed.
        duration_s: Signed end time minus signed begin time in seconds; ``None`` if it cannot be formed.
        billable: What may be billed, judged from the signed data alone.
        registers: The law-relevant registers with both ends; the register that counts comes first.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    energy_kwh: Decimal | None
    duration_s: Decimal | None
    billable: Billable
    registers: tuple[RegisterResult, ...]


@dataclass(frozen=True, slots=True)
class RecordJudgement:
    """What the rules say about one record by itself; says nothing of signatures or keys.

    Attributes:
        verdict: As in :class:`TransactionJudgement`. ``VALID`` for a sound begin record alone: that a
            transaction lacks its end is a matter of the transaction.
        findings: Every finding.
        transaction: The judgement of the transaction that the record holds by itself (begin and end inside),
            equal to what ``judge_transaction([record], profile)`` returns; ``None`` for other records.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    transaction: TransactionJudgement | None = None
