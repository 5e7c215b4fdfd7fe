"""Key texts of others: OCPP envelopes, register cells and every key that comes with a meter record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eichrecht.signatures.algorithms import ecdsa_algorithm
from eichrecht.signatures.keys import UnreadableKey, read_key

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "vectors"

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="../shared/vectors is absent")

# The official program's own negative test: "8" is no letter of Base32, and as Base64 it is too short.
NO_KEYS = {"safe-inline-alfen-start-wrong-key": "key_wrong_length"}


def load(name: str) -> Any:
    path = VECTORS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"keys": [], "cells": []}


@pytest.mark.parametrize(
    "entry", load("ocpp/carriage.json")["keys"], ids=lambda e: f"{e['curve'][:9]} {e['form']}"
)
def test_ocpp_key_envelopes(entry: dict[str, str]) -> None:
    material = read_key(entry["value"])
    assert material.fixed_curve is not None
    key = material.for_algorithm(ecdsa_algorithm(material.fixed_curve))
    assert key.spki.hex() == entry["expect_spki_hex"]
    assert (material.shape == "oca-envelope") == entry["form"].startswith("envelope")


def test_register_cells_by_their_spki() -> None:
    cells = [cell for cell in load("bnetza/bnetza_expected.json")["cells"] if cell["status"] == "ok"]
    assert len(cells) >= 8
    for cell in cells:
        material = read_key(cell["spki_hex"])
        assert [(k.curve.name if k.curve else None) for k in material.possible_keys()] == [cell["curve"]]
        assert material.fingerprints == {cell["spki_sha256"]}


def test_every_key_beside_a_meter_record_is_read() -> None:
    records = load("meter/records.json")
    refused = {}
    read = 0
    for record in records:
        if record.get("public_key"):
            try:
                read_key(record["public_key"])
                read += 1
            except UnreadableKey as error:
                refused[record["id"]] = str(error.code)
    assert refused == NO_KEYS
    assert read > 100
