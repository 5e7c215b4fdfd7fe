"""The key ring: which key is found for which record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eichrecht.evidence import KeySource, SignedRecord
from eichrecht.formats import registry
from eichrecht.keyring.ring import EMPTY_KEY_RING, KnownKey, MemoryKeyRing, normalise_evse_id
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import END, START, known, ring, session

METER = OcmfMeter("secp256r1", "M1")


def record(**head: object) -> SignedRecord:
    """Return a record of meter M1, gateway GW-M1, charge point DE*SMP*E0001."""
    return registry.decode("OCMF", session(OcmfMeter("secp256r1", "M1", head=head)))  # type: ignore[arg-type]


def names(found: object) -> list[str]:
    return [key.name for key in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "key",
    [
        known(METER, meter_serial="M1"),
        known(METER, gateway_serial="GW-M1"),
        known(METER, evse_id="DE*SMP*E0001"),
        known(METER, evse_id="de*smp*e0001"),
        known(METER, evse_id="DESMPE0001"),
    ],
)
def test_a_key_is_found_by_each_name_it_is_bound_to(key: KnownKey) -> None:
    assert names(ring(key).for_record(record())) == ["DE*CPO*E1"]


@pytest.mark.parametrize(
    "key",
    [
        known(METER),
        known(METER, meter_serial="M2"),
        known(METER, gateway_serial="GW-M2"),
        known(METER, evse_id="DE*SMP*E0002"),
        known(METER, evse_id="DE*SMP*E0001", meter_serial="M2"),
        known(METER, meter_serial="M1", gateway_serial="GW-M2"),
        known(METER, meter_serial="M1", evse_id="DE*SMP*E0002"),
    ],
)
def test_a_key_bound_to_something_else_is_not_found(key: KnownKey) -> None:
    assert ring(key).for_record(record()) == []


def test_a_record_without_names_finds_its_key_by_the_session_s_charge_point() -> None:
    bare = record(MS=None, GS=None, CT=None, CI=None)
    keys = ring(known(METER, evse_id="DE*SMP*E0001", meter_serial="M1"))
    assert keys.for_record(bare) == []
    assert names(keys.for_record(bare, "DE*SMP*E0001")) == ["DE*CPO*E1"]
    assert keys.for_record(bare, "DE*SMP*E0002") == []


def test_the_record_s_own_charge_point_outweighs_that_of_the_session() -> None:
    keys = ring(known(METER, "there", evse_id="DE*SMP*E0002"))
    assert keys.for_record(record(), "DE*SMP*E0002") == []


def test_separators_of_evse_ids_do_not_count_unless_two_would_be_mixed_up() -> None:
    """``...1*11`` and ``...11*1`` are one text without separators."""
    one, other = known(METER, "one", evse_id="DE*SMP*E1*11"), known(METER, "other", evse_id="DE*SMP*E11*1")
    assert normalise_evse_id("DE*SMP*E1*11") == normalise_evse_id("de-smp-e11_1")
    assert names(ring(one, other).for_record(record(CI="DE*SMP*E1*11"))) == ["one"]
    assert names(ring(one, other).for_record(record(CI="DE*SMP*E11*1"))) == ["other"]
    assert names(ring(one, other).for_record(record(CI="DESMPE111"))) == ["one", "other"]


def test_validity_is_half_open() -> None:
    first = record().readings[0].time
    assert first is not None
    second = timedelta(seconds=1)
    for key, found in (
        (known(METER, meter_serial="M1", valid_from=first, valid_until=first + second), True),
        (known(METER, meter_serial="M1", valid_from=first + second), False),
        (known(METER, meter_serial="M1", valid_until=first), False),
        (known(METER, meter_serial="M1", valid_until=first + second), True),
        (known(METER, meter_serial="M1"), True),
    ):
        assert bool(ring(key).for_record(record())) is found
        assert key.may_have_signed(record()) is found


def test_a_record_without_a_time_is_not_held_against_a_key() -> None:
    made = METER.record([METER.reading(START and 1, END, "B", moment=None)])  # type: ignore[arg-type]
    timeless = registry.decode("OCMF", made)
    assert timeless.readings[0].time is None
    assert ring(known(METER, meter_serial="M1", valid_until=START)).for_record(timeless)


def test_a_key_bound_by_two_names_is_found_once() -> None:
    key = known(METER, meter_serial="M1", gateway_serial="GW-M1", evse_id="DE*SMP*E0001")
    assert len(ring(key).for_record(record(), "DE*SMP*E0001")) == 1


def test_all_keys_and_the_empty_ring() -> None:
    keys = [known(METER, "a"), known(METER, "b", source=KeySource.REGISTER)]
    assert names(MemoryKeyRing(iter(keys)).all_keys()) == ["a", "b"]
    assert list(EMPTY_KEY_RING.all_keys()) == []
    assert not EMPTY_KEY_RING.for_record(record(), "DE*SMP*E0001")
