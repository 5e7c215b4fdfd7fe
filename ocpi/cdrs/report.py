"""What a reconciliation says: one result per rule, with differences, findings and what was not checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ocpi.cdrs.codes import CdrFinding, UncheckedReason
from ocpi.cdrs.numbers import minus, seconds_between
from ocpi.findings import Finding, Severity, note, problem, warning
from ocpi.tariffs.policy import DEFAULT, PricingPolicy, policy_settings
from ocpi.types import format_datetime


class Group(StrEnum):
    """What a rule judges. Kept apart, because each asks another person for an answer."""

    SELF_CONSISTENCY = "self_consistency"
    """The CDR against itself; needs neither tariff nor any other fact."""
    COST = "cost"
    """The CDR's money against its tariff."""
    FACTS = "facts"
    """The CDR against what only the caller knows: the meter, the token, the ledger, the credited CDR."""


class Rule(StrEnum):
    """The fourteen points to check before a CDR is sent (cdrs facts §7), in their order."""

    IDENTIFIERS = "identifiers"
    PERIOD_ORDER = "period_order"
    DIMENSIONS = "dimensions"
    VOLUME_SUMS = "volume_sums"
    TARIFF_IDS = "tariff_ids"
    CURRENCY = "currency"
    COMPUTED_COST = "computed_cost"
    SUM_OF_PARTS = "sum_of_parts"
    VAT_ORDER = "vat_order"
    CREDIT = "credit"
    SIGNED_VALUES = "signed_values"
    LAST_UPDATED = "last_updated"
    TOKEN = "token"  # noqa: S105 - a rule name
    UNIQUENESS = "uniqueness"


GROUP_OF = {
    Rule.IDENTIFIERS: Group.SELF_CONSISTENCY,
    Rule.PERIOD_ORDER: Group.SELF_CONSISTENCY,
    Rule.DIMENSIONS: Group.SELF_CONSISTENCY,
    Rule.VOLUME_SUMS: Group.SELF_CONSISTENCY,
    Rule.TARIFF_IDS: Group.COST,
    Rule.CURRENCY: Group.COST,
    Rule.COMPUTED_COST: Group.COST,
    Rule.SUM_OF_PARTS: Group.SELF_CONSISTENCY,
    Rule.VAT_ORDER: Group.SELF_CONSISTENCY,
    Rule.CREDIT: Group.FACTS,
    Rule.SIGNED_VALUES: Group.FACTS,
    Rule.LAST_UPDATED: Group.SELF_CONSISTENCY,
    Rule.TOKEN: Group.FACTS,
    Rule.UNIQUENESS: Group.FACTS,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A number or an instant of the CDR that is not the one it should be.

    Attributes:
        field: JSON-pointer-like place (``/total_cost/excl_vat``).
        claimed: What the CDR says.
        computed: What it should say.
        difference: ``claimed - computed``, exact; seconds between instants.
        tolerance: How much was allowed; exceeded.
        rule: The :class:`Rule` that compared.
        severity: See :class:`~ocpi.findings.Severity`.
        code: Finding code of the comparison.
    """

    field: str
    claimed: Decimal | datetime
    computed: Decimal | datetime
    difference: Decimal
    tolerance: Decimal
    rule: str
    severity: Severity
    code: str

    @property
    def group(self) -> Group:
        """What the broken rule judges."""
        return GROUP_OF[Rule(self.rule)]

    def as_finding(self) -> Finding:
        """Return the same as a finding, for a sentence."""
        return Finding(
            self.code,
            self.severity,
            self.field,
            {
                "field": self.field.removeprefix("/"),
                "claimed": _written(self.claimed),
                "computed": _written(self.computed),
                "difference": format(self.difference, "f"),
            },
        )


def _written(value: Decimal | datetime) -> str:
    return format_datetime(value) if isinstance(value, datetime) else format(value, "f")


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule, or the part of it that speaks of ``where``, that could not be judged, and why."""

    rule: str
    reason: str
    where: str = ""

    def as_finding(self) -> Finding:
        """Return the same as a finding of severity ``note``, for a sentence."""
        return note(self.reason, self.where)


class CheckStatus(StrEnum):
    """Outcome of one rule."""

    PASSED = "passed"
    FAILED = "failed"
    """At least one error."""
    UNCHECKED = "unchecked"
    """No error, but at least one part could not be judged."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that one rule has to say."""

    rule: Rule
    group: Group
    differences: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()

    @property
    def status(self) -> CheckStatus:
        """``failed`` outweighs ``unchecked``; warnings and notes do not change the status."""
        severities = [item.severity for item in self.differences] + [item.severity for item in self.findings]
        if Severity.ERROR in severities:
            return CheckStatus.FAILED
        return CheckStatus.UNCHECKED if self.unchecked else CheckStatus.PASSED


class Check:
    """Collects what one rule finds while it runs; :meth:`result` freezes it."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._differences: list[Difference] = []
        self._findings: list[Finding] = []
        self._unchecked: list[Unchecked] = []

    def error(self, code: CdrFinding, where: str = "", /, **params: object) -> None:
        """Report something that must keep the CDR from leaving."""
        self._findings.append(problem(code, where, **params))

    def warn(self, code: CdrFinding, where: str = "", /, **params: object) -> None:
        """Report something that a reader must know."""
        self._findings.append(warning(code, where, **params))

    def note(self, code: CdrFinding, where: str = "", /, **params: object) -> None:
        """Report something without consequence."""
        self._findings.append(note(code, where, **params))

    def adopt(self, findings: tuple[Finding, ...]) -> None:
        """Take over findings of another stage."""
        self._findings.extend(findings)

    def skip(self, reason: UncheckedReason, where: str = "") -> None:
        """Say that the rule, or its part about ``where``, could not be judged."""
        self._unchecked.append(Unchecked(self.rule.value, reason.value, where))

    def compare(
        self, code: CdrFinding, field: str, claimed: Decimal, computed: Decimal, tolerance: Decimal
    ) -> bool:
        """Report a difference (severity ``error``) if it exceeds the tolerance; return whether it fits."""
        difference = minus(claimed, computed)
        if difference.copy_abs() <= tolerance:
            return True
        self._differences.append(
            Difference(
                field, claimed, computed, difference, tolerance, self.rule.value, Severity.ERROR, code.value
            )
        )
        return False

    def compare_times(
        self, code: CdrFinding, field: str, claimed: datetime, computed: datetime, tolerance_s: Decimal
    ) -> bool:
        """Report instants that are further apart than the tolerance (severity ``warning``)."""
        difference_s = Decimal(format(seconds_between(computed, claimed).normalize(), "f"))
        if difference_s.copy_abs() <= tolerance_s:
            return True
        self._differences.append(
            Difference(
                field,
                claimed,
                computed,
                difference_s,
                tolerance_s,
                self.rule.value,
                Severity.WARNING,
                code.value,
            )
        )
        return False

    def result(self) -> CheckResult:
        """Return the frozen outcome."""
        return CheckResult(
            self.rule,
            GROUP_OF[self.rule],
            tuple(self._differences),
            tuple(self._findings),
            tuple(self._unchecked),
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome of all fourteen rules over one CDR.

    Attributes:
        cdr_id: The CDR.
        checks: One result per rule, in the order of the rules.
        policy: Under which agreement, with the tolerance that was used.
    """

    cdr_id: str
    checks: tuple[CheckResult, ...]
    policy: PricingPolicy = DEFAULT

    def check(self, rule: Rule) -> CheckResult:
        """Return the result of one rule."""
        return next(check for check in self.checks if check.rule is rule)

    def of(self, group: Group) -> tuple[CheckResult, ...]:
        """Return the results of one group."""
        return tuple(check for check in self.checks if check.group is group)

    def status(self, group: Group) -> CheckStatus:
        """Return the outcome of a group: ``failed`` if any rule is, else ``unchecked`` if any is in part."""
        statuses = {check.status for check in self.of(group)}
        for status in (CheckStatus.FAILED, CheckStatus.UNCHECKED):
            if status in statuses:
                return status
        return CheckStatus.PASSED

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All differences of numbers and instants."""
        return tuple(item for check in self.checks for item in check.differences)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings that are no difference."""
        return tuple(item for check in self.checks for item in check.findings)

    @property
    def unchecked(self) -> tuple[Unchecked, ...]:
        """Everything that could not be judged. A caller who needs it judged supplies the missing fact."""
        return tuple(item for check in self.checks for item in check.unchecked)

    @property
    def open_errors(self) -> tuple[Finding, ...]:
        """Findings and differences of severity ``error``; a CDR that has any must be held."""
        return tuple(item for item in self._everything() if item.severity is Severity.ERROR)

    @property
    def held(self) -> bool:
        """Whether the CDR must not leave."""
        return bool(self.open_errors)

    def _everything(self) -> Iterator[Finding]:
        for check in self.checks:
            yield from (difference.as_finding() for difference in check.differences)
            yield from check.findings

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values: numbers as decimal strings, no sentences."""
        return {
            "cdr_id": self.cdr_id,
            "held": self.held,
            "policy": self.policy.name,
            "policy_settings": dict(policy_settings(self.policy)),
            "checks": [
                {
                    "rule": check.rule.value,
                    "group": check.group.value,
                    "status": check.status.value,
                    "differences": [difference_json(item) for item in check.differences],
                    "findings": [finding_json(item) for item in check.findings],
                    "unchecked": [{"reason": item.reason, "where": item.where} for item in check.unchecked],
                }
                for check in self.checks
            ],
        }


def difference_json(item: Difference) -> dict[str, str]:
    """Return a difference as JSON values, numbers as decimal strings."""
    return {
        "field": item.field.removeprefix("/").replace("/", "."),
        "claimed": _written(item.claimed),
        "computed": _written(item.computed),
        "difference": format(item.difference, "f"),
        "tolerance": format(item.tolerance, "f"),
        "rule": item.rule,
        "group": item.group.value,
        "severity": item.severity.value,
        "code": item.code,
    }


def finding_json(item: Finding) -> dict[str, Any]:
    """Return a finding as JSON values, without a sentence: the application renders it per language."""
    return {
        "code": item.code,
        "severity": item.severity.value,
        "where": item.where,
        "params": dict(item.params),
    }
