"""The receipt page behind the unguessable link, and the original record byte for byte."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from eichrecht.service.receipts import mask
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.eichrecht.service.service_support import (
    CARD,
    EVSE,
    START,
    URL,
    Operator,
    in_service,
    meter,
    record,
)


async def path_of(operator: Operator, cdr_id: str) -> str:
    url = str((await operator.ok("GET", f"/cdrs/{cdr_id}"))["receipt_url"])
    assert url.startswith(f"{URL}/r/")
    return url.removeprefix(URL)


def test_the_receipt_shows_the_check_and_the_bill(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        path = await path_of(operator, "S1")
        english = await operator.http.get(f"{path}?lang=en")
        assert english.status_code == 200
        assert "5.95 EUR" in english.text
        assert "10.000 kWh" in english.text
        assert EVSE in english.text
        assert "10115 Berlin" in english.text
        german = await operator.http.get(f"{path}?lang=de")
        assert "5,95 EUR" in german.text
        assert "10,000 kWh" in german.text
        assert "noindex" in german.headers["x-robots-tag"]
        assert german.headers["cache-control"] == "no-store"

    in_service(tmp_path, work)


def test_the_card_is_masked_everywhere_on_the_page(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        page = await operator.http.get(await path_of(operator, "S1"))
        assert CARD not in page.text
        assert CARD[:-4] not in page.text
        assert "…" + CARD[-4:] in page.text
        assert "DE-MSP-C00000001" not in page.text

    in_service(tmp_path, work)


@pytest.mark.parametrize(("text", "shown"), [("1F2D3A4F5506C7", "…06C7"), ("ABCD", "…"), ("", "…")])
def test_masking(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_the_record_is_downloaded_byte_for_byte(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        path = await path_of(operator, "S1")
        response = await operator.http.get(f"{path}/record")
        assert response.content == record()
        assert response.headers["content-disposition"] == 'attachment; filename="S1.ocmf"'
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["x-content-type-options"] == "nosniff"

    in_service(tmp_path, work)


def test_a_container_is_downloaded_as_it_came(tmp_path: Path) -> None:
    content = safe_xml([SafeValue(record(), meter().public_key_text(), "1", "Transaction.End")]) + b"\r\n\n"

    async def work(operator: Operator) -> None:
        taken = await operator.take(content)
        assert taken["outcome"] == "ready", taken["findings"]
        response = await operator.http.get(f"{await path_of(operator, 'S1')}/record")
        assert response.content == content
        assert response.headers["content-disposition"] == 'attachment; filename="S1.xml"'

    in_service(tmp_path, work)


def test_unknown_and_malformed_links_are_not_told_apart(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        path = await path_of(operator, "S1")
        missing = await operator.http.get("/r/" + "a" * 32)
        for other in ("/r/x", "/r/" + "ä" * 30, path[:-1], path + "x", "/r/" + "a" * 500):
            answer = await operator.http.get(other)
            assert (answer.status_code, answer.text) == (404, missing.text), other
            assert (await operator.http.get(f"{other}/record")).status_code == 404

    in_service(tmp_path, work)


def test_a_held_or_discarded_cdr_has_no_receipt(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take(claimed_energy_kwh=Decimal("99"))
        path = await path_of(operator, "S1")
        assert (await operator.http.get(path)).status_code == 404
        assert (await operator.http.get(f"{path}/record")).status_code == 404
        await operator.ok("POST", "/cdrs/S1/discard")
        assert (await operator.http.get(path)).status_code == 404

    in_service(tmp_path, work)


def test_a_credited_bill_and_its_credit_say_so(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        path = await path_of(operator, "S1")
        assert "credited in full" not in (await operator.http.get(f"{path}?lang=en")).text
        await operator.ok("POST", "/cdrs/S1/credit")
        assert "credited in full" in (await operator.http.get(f"{path}?lang=en")).text
        credit_path = await path_of(operator, "S1-C")
        assert credit_path != path
        credit = await operator.http.get(f"{credit_path}?lang=en")
        assert "-5.95 EUR" in credit.text.replace("−", "-")
        assert "S1-C" in credit.text
        assert (await operator.http.get(f"{credit_path}/record")).content == record()

    in_service(tmp_path, work)


def test_the_page_says_who_vouches_for_the_key_now(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        path = await path_of(operator, "S1")
        good = (await operator.http.get(f"{path}?lang=en")).text
        async with operator.service.database.transaction() as tx:
            from eichrecht.store.tables import operator_keys

            await tx.connection.execute(operator_keys.delete())
        later = (await operator.http.get(f"{path}?lang=en")).text
        assert later != good

    in_service(tmp_path, work)


def test_begin_and_end_of_another_session_show_their_energy(tmp_path: Path) -> None:
    box = OcmfMeter("secp256r1")
    content = b"\n".join(
        [box.begin_record(Decimal("5.000"), START), box.end_record(Decimal("6.500"), START.replace(hour=18))]
    )

    async def work(operator: Operator) -> None:
        await operator.take(content)
        page = await operator.http.get(f"{await path_of(operator, 'S1')}?lang=en")
        assert "1.500 kWh" in page.text

    in_service(tmp_path, work)
