"""Each rule of the market's handbook has a message that breaks it and nothing else."""

from __future__ import annotations

import pytest

from eichrecht.edifact.codes import MsconsCode as Code
from eichrecht.evidence import Severity
from tests.eichrecht.edifact.edifact_support import (
    MALO,
    MELO,
    codes,
    energy,
    header,
    interchange,
    message,
    mscons_codes,
    profile,
    profile_values,
    read,
    read_messages,
    reading,
    utc,
)

NINE, SEVEN = "DTM+9:202603141230?+00:303", "DTM+7:202603142300?+00:303"
BEGIN, END = "DTM+163:202603141000?+00:303", "DTM+164:202603141230?+00:303"
GATEWAY = ("LOC+172", "RFF+AGK:KONF-1")
HOUR = (utc("202603141000"), utc("202603141100"))


def vl(*body: str, **named: str) -> str:
    return interchange(message(*body), application="VL", **named)


def em(*body: str) -> str:
    return interchange(message(*body), application="EM")


def tl(*values: str) -> str:
    return interchange(message(*profile(*HOUR, values)), application="TL")


def cancel(*body: str) -> str:
    head = header("13006", function="1")
    return em(*head[:2], "RFF+ACW:X", *head[2:], "LOC+172", *body)


VL, EM, TL = vl(*reading()), em(*energy()), tl(*profile_values(HOUR[0], 4))
FOUR = profile_values(HOUR[0], 4)
REPEATING = VL.removeprefix("UNA:+.? '").replace("UNOC:3", "UNOC:4").replace(MELO, MELO + "*X")
CANCELLING = cancel().replace("ACW:X", "ACW:DOC1").replace("+DOC1+1", "+STO+1").replace("R1", "R2")
BOTH_NAMED = vl(*reading("QTY+Z18:5", SEVEN, location=(f"LOC+172+{MELO}", "RFF+AGK:K")))
LESS_LATER = ("QTY+220:4", "DTM+9:202603141231?+00:303", SEVEN)
PAIR = ("QTY+220:1", "DTM+9:202603141000?+00:303", "QTY+220:2", "DTM+9:202603141230?+00:303")
SESSION = em(*energy(*PAIR, location=(f"LOC+172+{MELO}", "RFF+MG:1"))).replace("1.9.0", "1.8.0")

# Rule, the message, and what else is then true.
CASES: list[tuple[Code, str, list[Code]]] = [
    (Code.MESSAGE_TYPE, VL.replace("D:04B", "D:03A"), []),
    (Code.MESSAGE_TYPE, VL.replace(":2.4c", ":5.2"), []),
    (Code.VERSION_UNKNOWN, VL.replace(":2.4c", ":2.9z"), []),
    (Code.SYNTAX_OTHER, VL.replace("UNOC:3", "UNOB:3"), []),
    (Code.SEGMENT_UNEXPECTED, vl(*reading(), "MOA+9:1"), []),
    (Code.SEGMENT_UNEXPECTED, vl(*reading(), "STS+Z33++Z83", "DTM+60:202603141230?+00:303"), []),
    (Code.SEGMENT_UNEXPECTED, vl(*reading(), "BGM+7+X+9"), []),
    (Code.SEGMENT_UNEXPECTED, vl(*reading("QTY+220:5", SEVEN, "UNS+D")), []),
    (Code.SEGMENT_UNEXPECTED, vl("QTY+220:5", *reading()), []),
    (Code.SEGMENT_MISSING, cancel().replace("UNS+D'NAD+DP'LOC+172'", ""), []),
    (Code.SEGMENT_REPEATED, vl(*reading(location=(f"LOC+172+{MELO}", "RFF+MG:A", "RFF+MG:B"))), []),
    (Code.SEGMENT_REPEATED, VL.replace("RFF+Z13:13017'", "RFF+Z13:13017'RFF+Z13:13019'"), []),
    (Code.SEGMENT_REPEATED, VL.replace("UNS+D'", "NAD+MS+9900000000001::293'UNS+D'"), []),
    (Code.ELEMENT_REPEATED, REPEATING, [Code.SYNTAX_OTHER]),
    (Code.FUNCTION_UNKNOWN, VL.replace("+DOC1+9", "+DOC1+5"), []),
    (Code.CHECK_IDENTIFIER_UNSUPPORTED, VL.replace("Z13:13017", "Z13:13003"), []),
    (Code.CHECK_IDENTIFIER_UNSUPPORTED, VL.replace("RFF+Z13:13017'", ""), []),
    (Code.APPLICATION_DIFFERS, VL.replace("++VL'", "++EM'"), []),
    (Code.DOCUMENT_CODE_DIFFERS, VL.replace("BGM+7+", "BGM+Z28+"), []),
    (Code.SENDER_DIFFERS, VL.replace("MS+9900000000001", "MS+9900000000009"), []),
    (Code.SENDER_DIFFERS, VL.replace("MS+9900000000001::293", "MS+9900000000001::9"), []),
    (Code.RECIPIENT_DIFFERS, VL.replace("+9900000000002:500", "+9900000000009:500"), []),
    (Code.PARTY_MALFORMED, VL.replace("9900000000001", "99000000000X1"), []),
    (Code.CANCELLATION_INCONSISTENT, VL.replace("+DOC1+9", "+DOC1+1"), []),
    (Code.CANCELLATION_INCONSISTENT, cancel().replace("RFF+ACW:X'", ""), []),
    (Code.CANCELLATION_INCONSISTENT, cancel().replace("+DOC1+1", "+DOC1+9"), []),
    (Code.CANCELLATION_WITH_VALUES, cancel("LIN+1", "PIA+5+1-0?:1.9.0:SRW", "QTY+220:1"), [Code.LOCATION_MISSING]),
    (Code.DOCUMENT_CANCELLED, VL + CANCELLING, []),
    (Code.DOCUMENT_NUMBER_REPEATED, VL + VL.replace("R1", "R2"), [Code.DOCUMENT_NUMBER_REPEATED]),
    (Code.TIME_UNREADABLE, VL.replace("202603141230", "202603141260"), []),
    (Code.TIME_WITHOUT_OFFSET, VL.replace("202603141230?+00:303", "202603141230:203"), []),
    (Code.TIME_FORMAT_UNSUPPORTED, VL.replace("202603141230?+00:303", "1230:401"), []),
    (Code.TIME_NOT_UTC, VL.replace("202603141230?+00", "202603141330?+01"), []),
    (Code.TIME_MISSING, VL.replace(SEVEN + "'", ""), []),
    (Code.TIME_MISSING, VL.replace("DTM+137:202603150800?+00:303'", ""), []),
    (Code.TIME_REPEATED, vl(*reading("QTY+220:5", NINE, NINE, SEVEN)), []),
    (Code.TIME_REPEATED, em(*energy("QTY+220:5", BEGIN, BEGIN, END)), []),
    (Code.TIME_REPEATED, TL.replace(f"LOC+172+{MELO}'", f"LOC+172+{MELO}'{BEGIN}'"), []),
    (Code.TIME_REPEATED, VL.replace("RFF+Z13", "DTM+137:202603150800?+00:303'RFF+Z13"), []),
    (Code.TIME_UNEXPECTED, vl(*reading("QTY+220:5", NINE, SEVEN, BEGIN)), []),
    (Code.TIME_UNEXPECTED, vl(*reading("QTY+Z18:5", NINE, SEVEN, location=GATEWAY)), [Code.STATUS_NOT_BILLABLE]),
    (Code.TIME_UNEXPECTED, VL.replace("RFF+Z13", "DTM+9:202603150800?+00:303'RFF+Z13"), []),
    (Code.TIME_AFTER_MESSAGE, VL.replace("202603141230?+00", "202603150801?+00"), []),
    (Code.TIME_AFTER_MESSAGE, VL.replace("202603142300?+00", "202603152300?+00"), [Code.READING_FAR_FROM_USE]),
    (Code.TIME_AFTER_MESSAGE, EM.replace("164:202603141230", "164:202603151230"), []),
    (Code.NOT_AT_DAY_BORDER, VL.replace("202603142300", "202603142200"), []),
    (Code.READING_FAR_FROM_USE, VL.replace("202603141230", "202603132300"), []),
    (Code.READING_FAR_FROM_USE, vl(*reading("QTY+220:5", SEVEN, "DTM+60:202603132300?+00:303")), []),
    (Code.PERIOD_MISSING, EM.replace(END + "'", ""), []),
    (Code.PERIOD_MISSING, tl("QTY+220:1", *FOUR[3:]), []),
    (Code.PERIOD_MISSING, TL.replace(f"{MELO}'{BEGIN}'", f"{MELO}'"), []),
    (Code.PERIOD_REVERSED, EM.replace("163:202603141000", "163:202603141230"), []),
    (Code.PERIOD_REVERSED, TL.replace(f"{MELO}'{BEGIN}'", f"{MELO}'{BEGIN.replace('1410', '1412')}'"), []),
    (Code.LOCATION_CHECK_DIGIT, EM.replace(MALO, "51238696782"), []),
    (Code.LOCATION_UNKNOWN, EM.replace(MALO, "X1"), []),
    (Code.LOCATION_MISSING, EM.replace(f"+{MALO}", ""), []),
    (Code.LOCATION_UNEXPECTED, BOTH_NAMED, [Code.STATUS_NOT_BILLABLE]),
    (Code.DEVICE_MISSING, vl(*reading(location=(f"LOC+172+{MELO}",))), []),
    (Code.DEVICE_MISSING, SESSION.replace("RFF+MG:1'", "").replace("UNT+17", "UNT+16"), [Code.SESSION_PROFILE]),
    (Code.LINE_MALFORMED, VL.replace("LIN+1", "LIN+1a"), []),
    (Code.LINE_REPEATED, em(*energy(), "LIN+1", "PIA+5+1-0?:2.9.0:SRW", "QTY+220:5", BEGIN, END), []),
    (Code.PRODUCT_NOT_OBIS, EM.replace("1-0?:1.9.0", "7-0?:1.9.0"), [Code.MEASURE_UNEXPECTED, Code.UNIT_UNKNOWN]),
    (Code.MEASURE_UNEXPECTED, EM.replace("1.9.0", "1.8.0"), []),
    (Code.VALUE_UNREADABLE, EM.replace("25.314", "25,314"), []),
    (Code.VALUE_UNREADABLE, EM.replace("25.314", ""), []),
    (Code.VALUE_NEGATIVE, EM.replace("25.314", "-25.314"), []),
    (Code.VALUE_DECIMALS, VL.replace("1259.881", "1259.8811"), []),
    (Code.UNIT_UNKNOWN, EM.replace("25.314", "25.314:kWh"), []),
    (Code.UNIT_DIFFERS, EM.replace("25.314", "25.314:KWT"), []),
    (Code.STATUS_UNKNOWN, EM.replace("QTY+220", "QTY+221"), []),
    (Code.STATUS_UNEXPECTED, vl(*reading("QTY+79:5", SEVEN)), [Code.STATUS_NOT_BILLABLE]),
    (Code.STATUS_UNEXPECTED, vl(*reading("QTY+Z18:5", SEVEN)), [Code.STATUS_NOT_BILLABLE]),
    (Code.STATUS_NOT_BILLABLE, EM.replace("QTY+220", "QTY+67"), []),
    (Code.SUBSTITUTE_UNEXPLAINED, vl(*reading("QTY+67:5", SEVEN, "STS+Z32++Z92")), [Code.STATUS_NOT_BILLABLE]),
    (Code.NO_VALUES, em(*header("13019"), f"LOC+172+{MALO}"), []),
    (Code.NO_VALUES, em(*energy(), "LIN+2", "PIA+5+1-0?:1.9.0:SRW"), []),
    (Code.REGISTER_RUNS_BACK, vl(*reading("QTY+220:5", NINE, SEVEN, *LESS_LATER)), []),
    (Code.INTERVAL_LENGTH, TL.replace("164:202603141015", "164:202603141010"), [Code.INTERVAL_GAP]),
    (Code.INTERVAL_GAP, tl(*FOUR[:3], *FOUR[6:]), [Code.INTERVAL_COUNT]),
    (Code.INTERVAL_OVERLAP, tl(*FOUR[:3], *FOUR), [Code.INTERVAL_COUNT]),
    (Code.INTERVAL_OUTSIDE, tl(*profile_values(HOUR[0], 5)), [Code.INTERVAL_COUNT]),
    (Code.INTERVAL_COUNT, tl(*FOUR[:9]), []),
    (Code.SESSION_PROFILE, SESSION, []),
]  # fmt: skip


def test_every_code_has_a_case() -> None:
    assert {code for code, _, _ in CASES} == set(Code)


@pytest.mark.parametrize("text", [VL, EM, TL, cancel()], ids=["13017", "13019", "13018", "13006"])
def test_good_messages_have_no_findings(text: str) -> None:
    assert codes(read(text)) == []
    assert mscons_codes(text) == []


@pytest.mark.parametrize(
    ("code", "text", "others"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)]
)
def test_case(code: Code, text: str, others: list[Code]) -> None:
    assert sorted(mscons_codes(text)) == sorted([code, *others])


@pytest.mark.parametrize("identifier", ["13016", "13025"])
def test_other_check_identifiers(identifier: str) -> None:
    if identifier == "13016":
        text = em(
            *energy("QTY+220:25.314", BEGIN, END),
            "LIN+2",
            "PIA+5+1-0?:1.6.0:SRW",
            "QTY+220:11.2:KWT",
            BEGIN,
            END,
        )
        text = text.replace("Z13:13019", "Z13:13016").replace("BGM+7+", "BGM+Z28+")
    else:
        text = TL.replace("Z13:13018", "Z13:13025").replace("BGM+7+", "BGM+Z48+").replace(MELO, MALO)
    (one,) = read_messages(text)
    assert one.findings == ()
    assert one.usable


def test_severity_tells_whether_the_value_is_certain() -> None:
    """A rule of the market's processes only warns; whatever makes value, time or place uncertain is an error."""
    warnings = {
        *(
            Code.VERSION_UNKNOWN,
            Code.DOCUMENT_CODE_DIFFERS,
            Code.PARTY_MALFORMED,
            Code.DOCUMENT_NUMBER_REPEATED,
        ),
        *(Code.TIME_NOT_UTC, Code.TIME_UNEXPECTED, Code.NOT_AT_DAY_BORDER, Code.READING_FAR_FROM_USE),
        *(Code.LOCATION_UNKNOWN, Code.LOCATION_UNEXPECTED, Code.LINE_MALFORMED, Code.VALUE_DECIMALS),
        *(Code.SUBSTITUTE_UNEXPLAINED, Code.STATUS_UNEXPECTED),
    }
    notes = {Code.SYNTAX_OTHER, Code.STATUS_NOT_BILLABLE, Code.SESSION_PROFILE}
    seen: dict[str, set[Severity]] = {}
    for _, text, _ in CASES:
        for one in read_messages(text):
            for finding in one.findings:
                seen.setdefault(finding.code, set()).add(finding.severity)
    for code, severities in seen.items():
        if code == Code.STATUS_UNEXPECTED:  # a sum is no reading; a provisional value without gateway is one
            assert severities == {Severity.ERROR, Severity.WARNING}
        elif code in warnings:
            assert severities == {Severity.WARNING}, code
        else:
            assert severities == {Severity.NOTE if code in notes else Severity.ERROR}, code
