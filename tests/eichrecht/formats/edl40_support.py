"""What the tests of edl40 have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eichrecht.evidence import (
    SignedRecord,
)
from eichrecht.formats.edl40_p import Edl40PFormat
from eichrecht.formats.edl40_sig import Edl40SigFormat
from eichrecht.formats.errors import FormatError
from eichrecht.formats.isa_edl40_p import IsaEdl40PFormat
from sample_meters.edl40_p import FIRST, METER, Edl40Meter

P, SIG, ISA = Edl40PFormat(), Edl40SigFormat(), IsaEdl40PFormat()


WIDE, OLD = Edl40Meter("wide", "edl40 wide"), Edl40Meter("old", "edl40 old")


TELEGRAM = METER.telegram(FIRST)


def codes(record: SignedRecord) -> set[str]:
    return {finding.code for finding in (*record.findings, *record.contradictions)}


def refused(decode: Callable[[bytes], SignedRecord], content: bytes) -> tuple[str, str]:
    with pytest.raises(FormatError) as caught:
        decode(content)
    return caught.value.code, caught.value.where
