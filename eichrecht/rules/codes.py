"""Every finding of the rules: its code, what it does to the verdict, and the source of the rule.

The sentences stand in ``eichrecht/locales/findings.d/rules.toml``; ``docs/rules.md`` is the same table for people
and is compared with this one by a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from eichrecht.evidence import Finding, Severity, Verdict


class Effect(StrEnum):
    """What a finding does to the verdict."""

    INVALID = "invalid"
    """A rule of law is broken."""
    INDETERMINATE = "indeterminate"
    """The rules cannot decide: something is missing, ambiguous or unreadable."""
    WARNING = "warning"
    """The verdict stands; a reader must know this."""
    NOTE = "note"
    """A fact without consequence for the verdict."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that can leave a finding.

    Attributes:
        effect: What the finding does to the verdict.
        source: Where the rule comes from; §§ without a name are those of the fact sheet named before them.
        official: What profile ``safe-1.4.1`` does in this case, as short text.
    """

    effect: Effect
    source: str
    official: str = "not checked"


class RuleCode(StrEnum):
    """Stable codes of the rules' findings in profile ``strict``."""

    NO_RECORDS = "no_records"
    RECORD_AMBIGUOUS = "record_ambiguous"
    RECORD_UNRELIABLE = "record_unreliable"
    RECORD_WITHOUT_SESSION = "record_without_session"
    DUPLICATE_RECORD = "duplicate_record"
    CONTEXT_CONTRADICTS_RECORD = "context_contradicts_record"
    IDENTIFICATION_LEVEL_ERROR = "identification_level_error"
    IDENTIFICATION_LEVEL_UNREADABLE = "identification_level_unreadable"
    IDENTIFICATION_DIFFERS = "identification_differs"
    IDENTIFICATION_LEVEL_DIFFERS = "identification_level_differs"
    IDENTIFICATION_INCOMPLETE = "identification_incomplete"
    ASSIGNMENT_MISSING = "assignment_missing"
    SOURCE_UNIDENTIFIED = "source_unidentified"
    UNSIGNED_CONTRADICTS_SIGNED = "unsigned_contradicts_signed"
    FORMATS_DIFFER = "formats_differ"
    SESSION_DIFFERS = "session_differs"
    SESSION_RULE_BROKEN = "session_rule_broken"
    ASSIGNMENT_RENEWED = "assignment_renewed"
    ONE_READING_ONLY = "one_reading_only"
    STATUS_FORBIDS_BILLING = "status_forbids_billing"
    SECONDS_INDEX_DECREASES = "seconds_index_decreases"
    METER_DIFFERS = "meter_differs"
    GATEWAY_DIFFERS = "gateway_differs"
    CHARGE_POINT_DIFFERS = "charge_point_differs"
    SOURCE_NOT_COMPARABLE = "source_not_comparable"
    SOURCE_DESCRIPTION_DIFFERS = "source_description_differs"
    FIRMWARE_DIFFERS = "firmware_differs"
    TARIFF_TEXT_DIFFERS = "tariff_text_differs"
    EVENT_COUNTER_DIFFERS = "event_counter_differs"
    FISCAL_RECORD = "fiscal_record"
    FISCAL_RECORD_IN_TRANSACTION = "fiscal_record_in_transaction"
    FISCAL_READING_IN_TRANSACTION = "fiscal_reading_in_transaction"
    PAGINATION_MISSING = "pagination_missing"
    PAGINATION_CONTEXT_DIFFERS = "pagination_context_differs"
    PAGINATION_NOT_INCREASING = "pagination_not_increasing"
    PAGINATION_GAP = "pagination_gap"
    PAGINATION_RECORD_MISSING = "pagination_record_missing"
    NO_BILLABLE_REGISTER = "no_billable_register"
    REGISTER_UNREADABLE = "register_unreadable"
    REGISTER_INCOMPLETE = "register_incomplete"
    REGISTERS_DISAGREE = "registers_disagree"
    TARIFF_REGISTERS_ONLY = "tariff_registers_only"
    OTHER_REGISTER_FAULTY = "other_register_faulty"
    OTHER_READING_FAULTY = "other_reading_faulty"
    READING_REPEATED = "reading_repeated"
    BEGIN_MISSING = "begin_missing"
    END_MISSING = "end_missing"
    ROLE_ONLY_CLAIMED = "role_only_claimed"
    TOO_MANY_BEGINS = "too_many_begins"
    TOO_MANY_ENDS = "too_many_ends"
    END_BEFORE_BEGIN = "end_before_begin"
    READING_OUTSIDE_TRANSACTION = "reading_outside_transaction"
    EXCEPTION_ANNOUNCED = "exception_announced"
    EXCEPTION_IN_TRANSACTION = "exception_in_transaction"
    UNKNOWN_REASON_CODE = "unknown_reason_code"
    ENERGY_ERROR_FLAG = "energy_error_flag"
    TIME_ERROR_FLAG = "time_error_flag"
    UNKNOWN_ERROR_FLAG = "unknown_error_flag"
    METER_NOT_PRESENT = "meter_not_present"
    METER_TIMEOUT = "meter_timeout"
    METER_DISCONNECTED = "meter_disconnected"
    METER_NOT_FOUND = "meter_not_found"
    METER_MANIPULATED = "meter_manipulated"
    METER_EXCHANGED = "meter_exchanged"
    METER_INCOMPATIBLE = "meter_incompatible"
    METER_OUT_OF_RANGE = "meter_out_of_range"
    METER_SUBSTITUTE_VALUE = "meter_substitute_value"
    METER_OTHER_ERROR = "meter_other_error"
    METER_READ_ERROR = "meter_read_error"
    METER_STATUS_UNKNOWN = "meter_status_unknown"
    METER_STATUS_MISSING = "meter_status_missing"
    VALUE_MISSING = "value_missing"
    INTERMEDIATE_VALUE_MISSING = "intermediate_value_missing"
    VALUE_UNUSABLE = "value_unusable"
    VALUE_DECREASES = "value_decreases"
    VALUE_NEGATIVE = "value_negative"
    UNIT_MISSING = "unit_missing"
    UNIT_NOT_ENERGY = "unit_not_energy"
    UNIT_CHANGES = "unit_changes"
    TIME_MISSING = "time_missing"
    END_TIME_INHERITED = "end_time_inherited"
    LOCAL_TIME_ONLY = "local_time_only"
    CLOCK_NOT_SET = "clock_not_set"
    INTERMEDIATE_TIME_MISSING = "intermediate_time_missing"
    TIME_DECREASES = "time_decreases"
    CLOCK_SET_BACK = "clock_set_back"
    CLOCK_STATUS_MISSING = "clock_status_missing"
    CLOCK_STATUS_MISSING_AT_END = "clock_status_missing_at_end"
    CLOCK_STATUS_UNKNOWN = "clock_status_unknown"
    CLOCK_RELATIVE_LOST = "clock_relative_lost"
    CLOCK_NOT_SYNCHRONISED = "clock_not_synchronised"
    DURATION_INFORMATIVE = "duration_informative"
    CUMULATED_LOSS_NOT_RESET = "cumulated_loss_not_reset"
    CUMULATED_LOSS_DECREASES = "cumulated_loss_decreases"
    LOSSES_COMPENSATED = "losses_compensated"
    COMPENSATION_IMPLAUSIBLE = "compensation_implausible"
    ZERO_ENERGY = "zero_energy"
    ENERGY_IMPLAUSIBLE = "energy_implausible"
    DURATION_IMPLAUSIBLE = "duration_implausible"
    POWER_IMPLAUSIBLE = "power_implausible"
    TIME_IMPLAUSIBLE = "time_implausible"


_C, _X, _I, _W, _N = RuleCode, Effect.INVALID, Effect.INDETERMINATE, Effect.WARNING, Effect.NOTE
_STATUS = "OCMF 1.4.1 ST table; law/rules.md §12 (status not G)"

_AT_ENDS = "invalid at begin and end only"

RULES: dict[RuleCode, Rule] = {
    _C.NO_RECORDS: Rule(_I, "a transaction needs at least one record"),
    _C.RECORD_AMBIGUOUS: Rule(
        _I,
        "meter/ocmf.md Clarifications (duplicate JSON keys)",
        "refused if doubled on the top level, else not checked",
    ),
    _C.RECORD_UNRELIABLE: Rule(_I, "an error of decoding forbids relying on the record"),
    _C.RECORD_WITHOUT_SESSION: Rule(_N, "meter/safe_weaknesses.md 13"),
    _C.DUPLICATE_RECORD: Rule(_W, "meter/ocmf.md §2, §8 (no duplicated payload)"),
    _C.CONTEXT_CONTRADICTS_RECORD: Rule(_W, "meter/ocmf.md §9; the container is not signed", "indeterminate"),
    _C.IDENTIFICATION_LEVEL_ERROR: Rule(
        _X, "OCMF 1.4.1 IL table; meter/ocmf.md §3, §8", "invalid; its text speaks of the clock"
    ),
    _C.IDENTIFICATION_LEVEL_UNREADABLE: Rule(
        _I, "OCMF 1.4.1 IL table; a level outside it may be one of its errors"
    ),
    _C.IDENTIFICATION_DIFFERS: Rule(_X, "meter/ocmf.md §8 (IS, IT, ID equal)"),
    _C.IDENTIFICATION_LEVEL_DIFFERS: Rule(_W, "meter/ocmf.md §8 names IS, IT, ID only"),
    _C.IDENTIFICATION_INCOMPLETE: Rule(_W, "meter/ocmf.md §8; law/rules.md §4 no. 4"),
    _C.ASSIGNMENT_MISSING: Rule(
        _W, "OCMF 1.4.1 IS; law/rules.md §4 no. 4 (the official program does not look)"
    ),
    _C.SOURCE_UNIDENTIFIED: Rule(_W, "meter/ocmf.md §3 identity condition (MS, GS or CT+CI)"),
    _C.UNSIGNED_CONTRADICTS_SIGNED: Rule(
        _X, "meter/containers.md (unsigned fields must be compared with the signed ones); MessEG § 33"
    ),
    _C.FORMATS_DIFFER: Rule(
        _I, "records of two formats name nothing that could be compared", "indeterminate"
    ),
    _C.SESSION_DIFFERS: Rule(
        _X, "meter/safe_formats.md §3, §7 (same session, same contract)", "invalid for ALFEN and EDL40"
    ),
    _C.ASSIGNMENT_RENEWED: Rule(_W, "meter/safe_formats.md §3 (contract time): equal in most known sessions"),
    _C.SESSION_RULE_BROKEN: Rule(
        _X, "meter/containers.md §2.5 (what the program admitted for these stations refuses)"
    ),
    _C.ONE_READING_ONLY: Rule(_I, "law/rules.md §12 (a session needs begin and end)", "a lone record passes"),
    _C.STATUS_FORBIDS_BILLING: Rule(
        _X,
        "meter/safe_formats.md §7; containers.md §2.5, §3.4 (error bits)",
        "ALFEN: invalid; else not checked",
    ),
    _C.SECONDS_INDEX_DECREASES: Rule(_W, "meter/containers.md §3.4 (timer rising)"),
    _C.METER_DIFFERS: Rule(_X, "meter/ocmf.md §8 (same source); law/glossary.md §2"),
    _C.GATEWAY_DIFFERS: Rule(_X, "meter/ocmf.md §8 (same source)"),
    _C.CHARGE_POINT_DIFFERS: Rule(_X, "meter/ocmf.md §8 (same source)"),
    _C.SOURCE_NOT_COMPARABLE: Rule(_I, "meter/ocmf.md §8 (same source: MS, GS or CT+CI, named in both)"),
    _C.SOURCE_DESCRIPTION_DIFFERS: Rule(_W, "meter/ocmf.md §8 names MS, GS, CT+CI only; MV, MM describe"),
    _C.FIRMWARE_DIFFERS: Rule(_W, "MessEG § 31(2) no. 4 (electronic intervention)"),
    _C.TARIFF_TEXT_DIFFERS: Rule(_W, "law/rules.md §4 no. 8 (tariff in the signed packet)"),
    _C.EVENT_COUNTER_DIFFERS: Rule(_X, "law/rules.md §4 no. 5, §12; OCMF 0.x EI", "invalid"),
    _C.FISCAL_RECORD: Rule(_N, "OCMF 1.4.1 PG (context F)", "no law check at all"),
    _C.FISCAL_RECORD_IN_TRANSACTION: Rule(
        _I, "OCMF 1.4.1 PG (context F is no transaction), with a begin or end", "no law check if alone"
    ),
    _C.FISCAL_READING_IN_TRANSACTION: Rule(_W, "OCMF 1.4.1 TX (absent = fiscal)"),
    _C.PAGINATION_MISSING: Rule(_W, "OCMF 1.4.1 PG 1..1; law/rules.md §4 no. 5", "refused (crash)"),
    _C.PAGINATION_CONTEXT_DIFFERS: Rule(_X, "meter/ocmf.md §8 (same context)"),
    _C.PAGINATION_NOT_INCREASING: Rule(_X, "meter/ocmf.md §3, §8 (+1 per record)"),
    _C.PAGINATION_GAP: Rule(_W, "meter/ocmf.md §8 (only begin and end delivered)"),
    _C.PAGINATION_RECORD_MISSING: Rule(_I, "meter/ocmf.md §8; MessEV Anl. 2 no. 9.1(d)"),
    _C.NO_BILLABLE_REGISTER: Rule(
        _I, "meter/safe_formats.md §1.5; OCMF 1.4.1 reserved registers", "indeterminate"
    ),
    _C.REGISTER_UNREADABLE: Rule(_W, "meter/ocmf.md §7 (form of OBIS codes)", "register ignored"),
    _C.REGISTER_INCOMPLETE: Rule(_W, "meter/ocmf.md §3 (B and E per register); register not billed"),
    _C.REGISTERS_DISAGREE: Rule(_I, "OCMF 1.4.1 reserved registers: same quantity, same energy"),
    _C.TARIFF_REGISTERS_ONLY: Rule(
        _I,
        "OBIS group E; MessEV § 25 no. 7, 8 (a sum needs its operands stated): no total is signed",
        "indeterminate (several begins)",
    ),
    _C.OTHER_REGISTER_FAULTY: Rule(
        _I, "meter/ocmf.md §8 (no error state); safe_formats.md §1.5 judges one register"
    ),
    _C.OTHER_READING_FAULTY: Rule(_W, "OCMF 1.4.1 ST, EF, at a reading that nobody bills by"),
    _C.READING_REPEATED: Rule(
        _N, "the begin stands in the end record too (OCPP: begin sample, then both)", "indeterminate"
    ),
    _C.BEGIN_MISSING: Rule(
        _I, "meter/ocmf.md §3 (one B per register); law/rules.md §12", "indeterminate; a lone record passes"
    ),
    _C.END_MISSING: Rule(
        _I, "meter/ocmf.md §3 (one end per register); law/rules.md §12", "indeterminate; a lone record passes"
    ),
    _C.ROLE_ONLY_CLAIMED: Rule(
        _W, "docs/decisions.md G15; law/rules.md §12 (signed begin and end)", "not looked at"
    ),
    _C.TOO_MANY_BEGINS: Rule(_I, "meter/ocmf.md §3 (exactly one B per register)", "indeterminate"),
    _C.TOO_MANY_ENDS: Rule(_I, "meter/ocmf.md §3 (exactly one end per register)", "indeterminate"),
    _C.END_BEFORE_BEGIN: Rule(_I, "meter/ocmf.md §3 (B first, end last); order and reason codes disagree"),
    _C.READING_OUTSIDE_TRANSACTION: Rule(_I, "meter/ocmf.md §3 (B first, nothing after the end)"),
    _C.EXCEPTION_ANNOUNCED: Rule(_W, "OCMF 1.4.1 TX code X"),
    _C.EXCEPTION_IN_TRANSACTION: Rule(_X, "meter/ocmf.md §3, §8 (X anywhere: not billable)"),
    _C.UNKNOWN_REASON_CODE: Rule(_I, "OCMF 1.4.1 TX table; it may announce an exception (X)"),
    _C.ENERGY_ERROR_FLAG: Rule(_X, "OCMF 1.4.1 EF (E); law/rules.md §12", _AT_ENDS),
    _C.TIME_ERROR_FLAG: Rule(_W, "OCMF 1.4.1 EF (t); law/rules.md §4, §5", "explicitly passes"),
    _C.UNKNOWN_ERROR_FLAG: Rule(_I, "OCMF 1.4.1 EF (only E and t); an error that nobody can read"),
    _C.METER_NOT_PRESENT: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_TIMEOUT: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_DISCONNECTED: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_NOT_FOUND: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_MANIPULATED: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_EXCHANGED: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_INCOMPATIBLE: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_OUT_OF_RANGE: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_SUBSTITUTE_VALUE: Rule(
        _X, "OCMF 1.4.1 ST (S); law/rules.md §8, §11 (no substitute values)", _AT_ENDS
    ),
    _C.METER_OTHER_ERROR: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_READ_ERROR: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_STATUS_UNKNOWN: Rule(_X, _STATUS, _AT_ENDS),
    _C.METER_STATUS_MISSING: Rule(
        _I, "OCMF 1.4.1 ST 1..1 on the first reading", "indeterminate on the first reading, else invalid"
    ),
    _C.VALUE_MISSING: Rule(_X, "OCMF 1.4.1 RV 1..1 (missing only at an error event)", "refused (crash)"),
    _C.INTERMEDIATE_VALUE_MISSING: Rule(_W, "OCMF 1.4.1 RV 1..1"),
    _C.VALUE_UNUSABLE: Rule(_I, "meter/ocmf.md §4 (bound exponent and length)"),
    _C.VALUE_DECREASES: Rule(
        _X,
        "meter/ocmf.md §8 (RV not decreasing, in one unit)",
        "invalid; begin and end only, units not looked at",
    ),
    _C.VALUE_NEGATIVE: Rule(_W, "a register of delivered energy does not go below zero"),
    _C.UNIT_MISSING: Rule(
        _I, "OCMF 1.4.1 RU 1..1 on the first reading", "indeterminate on the first reading"
    ),
    _C.UNIT_NOT_ENERGY: Rule(_I, "OCMF 1.4.1 table 20; PAngV § 14(4)"),
    _C.UNIT_CHANGES: Rule(_W, "meter/ocmf.md §8 (same RU per register)"),
    _C.TIME_MISSING: Rule(_I, "OCMF 1.4.1 TM 1..1; law/rules.md §4 no. 2"),
    _C.END_TIME_INHERITED: Rule(
        _W, "OCMF 1.4.1 TM 1..1; meter/ocmf.md §3 (inheritance): a session does not end when it begins"
    ),
    _C.LOCAL_TIME_ONLY: Rule(_W, "law/rules.md §5, §12 (a poor clock does not void the energy)"),
    _C.CLOCK_NOT_SET: Rule(
        _W, "meter/safe_formats.md §11; law/rules.md §5, §12 (the operating seconds order)"
    ),
    _C.INTERMEDIATE_TIME_MISSING: Rule(_W, "OCMF 1.4.1 TM 1..1"),
    _C.TIME_DECREASES: Rule(_X, "meter/ocmf.md §8 (time not decreasing)", "invalid; begin and end only"),
    _C.CLOCK_SET_BACK: Rule(_W, "law/rules.md §5 (clock I or U); only between begin and end"),
    _C.CLOCK_STATUS_MISSING: Rule(_X, "law/rules.md §4 (time status must exist at the begin)", "invalid"),
    _C.CLOCK_STATUS_MISSING_AT_END: Rule(
        _W, "OCMF 1.4.1 TM (status letter); law/rules.md §4 asks at the begin"
    ),
    _C.CLOCK_STATUS_UNKNOWN: Rule(_W, "OCMF 1.4.1 table 19"),
    _C.CLOCK_RELATIVE_LOST: Rule(_X, "law/rules.md §4 (begin R, then end R), §12", "invalid"),
    _C.CLOCK_NOT_SYNCHRONISED: Rule(_N, "law/rules.md §5, §12 (clock I or U)"),
    _C.DURATION_INFORMATIVE: Rule(_N, "law/rules.md §5 (duration logic)", "always"),
    _C.CUMULATED_LOSS_NOT_RESET: Rule(_W, "OCMF 1.4.1 CL (reset at TX=B)"),
    _C.CUMULATED_LOSS_DECREASES: Rule(_I, "OCMF 1.4.1 CL (cumulated): a falling loss adds energy"),
    _C.LOSSES_COMPENSATED: Rule(_N, "law/rules.md §11 (cable loss)", "the same registers count"),
    _C.COMPENSATION_IMPLAUSIBLE: Rule(_W, "after cable loss there cannot be more energy than before"),
    _C.ZERO_ENERGY: Rule(_N, "law/rules.md §12 (0 kWh is valid)"),
    _C.ENERGY_IMPLAUSIBLE: Rule(_W, "plausibility policy"),
    _C.DURATION_IMPLAUSIBLE: Rule(_W, "plausibility policy"),
    _C.POWER_IMPLAUSIBLE: Rule(_W, "plausibility policy"),
    _C.TIME_IMPLAUSIBLE: Rule(_W, "plausibility policy"),
}

_SEVERITY = {
    Effect.INVALID: Severity.ERROR,
    Effect.INDETERMINATE: Severity.ERROR,
    Effect.WARNING: Severity.WARNING,
    Effect.NOTE: Severity.NOTE,
}
_INVALIDATES = frozenset(str(code) for code, rule in RULES.items() if rule.effect is Effect.INVALID)


def found(code: RuleCode, where: str = "", /, **params: object) -> Finding:
    """Return the finding of a rule; the severity follows from the rule's effect."""
    severity = _SEVERITY[RULES[code].effect]
    return Finding(str(code), severity, where, {name: str(value) for name, value in params.items()})


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict that findings of profile ``strict`` add up to; no error means ``VALID``."""
    verdict = Verdict.VALID
    for finding in findings:
        if finding.severity is Severity.ERROR:
            if finding.code in _INVALIDATES:
                return Verdict.INVALID
            verdict = Verdict.INDETERMINATE
    return verdict
