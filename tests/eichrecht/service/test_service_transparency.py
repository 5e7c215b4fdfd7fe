"""The transparency check as JSON and as a page: every way to hand something in, and every way to fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eichrecht.service import transparency
from ocpi.objects.cdr import Cdr
from ocpi.transport import json
from ocpi.versions import V2_2_1
from sample_meters.ocmf import OcmfMeter, tampered
from tests.eichrecht.service.service_support import Operator, in_service, meter, record

CHECK = "/api/v1/transparency/check"
OTHER_KEY = OcmfMeter("secp256r1", key_label="another").public_key_text()


def result(response: Any) -> Any:
    assert response.status_code == 200, response.text
    (found,) = json.loads(response.content)["results"]
    return found


def error(response: Any) -> tuple[int, str]:
    return response.status_code, json.loads(response.content)["error"]["code"]


def summary(found: Any) -> tuple[str, str, str | None]:
    (item,) = found["records"]
    return found["verdict"], item["signature"]["status"], item["key"] and item["key"]["trust"]


KEY = meter().public_key_text()


@pytest.mark.parametrize(
    "request_",
    [
        {"content": record()},
        {"content": record(), "headers": {"Content-Type": "text/plain; charset=utf-8"}},
        {"data": {"text": record().decode()}},
        {"files": {"file": ("s.ocmf", record())}},
        {"files": {"file": ("s.ocmf", record())}, "data": {"text": "", "key": ""}},
    ],
)
def test_every_way_in_gives_the_same_verdict(tmp_path: Path, request_: dict[str, Any]) -> None:
    async def work(operator: Operator) -> None:
        # Without a key nothing is decided; the operator's ring then confirms the same record.
        assert summary(result(await operator.http.post(CHECK, **request_))) == (
            "indeterminate",
            "unverified",
            None,
        )

    in_service(tmp_path, work, prepared=False)

    async def confirmed(operator: Operator) -> None:
        found = result(await operator.http.post(CHECK, **request_))
        assert summary(found) == ("valid", "valid", "confirmed")
        assert found["transactions"][0]["energy_kwh"] == "10.000"

    in_service(tmp_path, confirmed)


def test_the_key_may_be_given_in_the_form_and_in_the_query(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        form = await operator.http.post(CHECK, data={"text": record().decode(), "key": KEY})
        assert summary(result(form)) == ("valid", "valid", "supplied")
        query = await operator.http.post(CHECK, params={"key": KEY}, content=record())
        assert summary(result(query)) == ("valid", "valid", "supplied")
        wrong = await operator.http.post(CHECK, data={"text": record().decode(), "key": OTHER_KEY})
        assert summary(result(wrong))[:2] == ("invalid", "invalid")
        bad = await operator.http.post(CHECK, data={"text": record().decode(), "key": "no key at all"})
        assert error(bad) == (400, "key_unreadable")

    in_service(tmp_path, work, prepared=False)


def test_a_whole_cdr_can_be_pasted(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        async with operator.service.database.reading() as tx:
            body = (await tx.cdrs.get("DE", "CPO", "S1")).body
        cdr = V2_2_1.load(Cdr, json.loads(body))
        for content in (
            body,
            b'{"status_code": 1000, "timestamp": "2026-03-02T18:00:00Z", "data": %s}' % body,
        ):
            found = result(await operator.http.post(CHECK, content=content))
            assert found["verdict"] == "valid"
            (session,) = found["transactions"]
            assert session["energy_kwh"] == str(cdr.total_energy) == "10.000"
        # The same elsewhere, where nobody vouches for the key: the CDR brings it.
        forged = tampered(body, '\\"RV\\":110.000', '\\"RV\\":120.000')
        assert result(await operator.http.post(CHECK, content=forged))["verdict"] != "valid"

    in_service(tmp_path, work)


def test_the_profile_decides(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        # OCMF 1.4 is newer than the official program: it cannot read what the specification allows.
        for profile, expected in (("strict", "valid"), ("safe-1.4.1", "indeterminate")):
            given = {"text": record().decode(), "key": KEY, "profile": profile}
            assert result(await operator.http.post(CHECK, data=given))["verdict"] == expected
            asked = {"key": KEY, "profile": profile}
            assert (
                result(await operator.http.post(CHECK, params=asked, content=record()))["verdict"] == expected
            )
        unknown = await operator.http.post(CHECK, data={"text": "x", "profile": "lenient"})
        assert error(unknown) == (400, "unknown_profile")

    in_service(tmp_path, work, prepared=False)


def test_several_files_have_a_result_each_in_order(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        files = [("file", ("a", record("1.000"))), ("file", ("b", record("2.000")))]
        answer = await operator.http.post(CHECK, files=files)
        found = json.loads(answer.content)["results"]
        assert [(item["source"], item["transactions"][0]["energy_kwh"]) for item in found] == [
            ("a", "1.000"),
            ("b", "2.000"),
        ]
        page = await operator.http.post("/?lang=en", files=files)
        assert "1.000 kWh" in page.text
        assert "2.000 kWh" in page.text

    in_service(tmp_path, work)


def test_the_language_of_the_sentences_follows_the_reader(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        changed = tampered(record(), '"RV":110.000', '"RV":120.000')
        messages = {}
        for language in ("de", "en"):
            answer = await operator.http.post(CHECK, content=changed, headers={"Accept-Language": language})
            (item,) = result(answer)["records"]
            messages[language] = [f["message"] for f in item["findings"] if f["code"] == "signature_mismatch"]
        assert messages["de"] != messages["en"]
        assert "signature" in messages["en"][0]

    in_service(tmp_path, work)


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"content": b""}, (400, "nothing_given")),
        ({"content": b" \r\n"}, (400, "nothing_given")),
        ({"data": {"text": ""}}, (400, "nothing_given")),
        ({"data": {"key": KEY}}, (400, "nothing_given")),
        ({"files": {"file": ("empty", b"")}}, (400, "nothing_given")),
        (
            {"content": b"no form", "headers": {"Content-Type": "multipart/form-data"}},
            (400, "malformed_form"),
        ),
        ({"content": b"--y\r\nno", "headers": BOUNDARY}, (400, "malformed_form")),
        (
            {"data": {f"field{n}": "x" for n in range(50)}, "files": {"file": ("a", b"x")}},
            (400, "malformed_form"),
        ),
        ({"files": [("file", (f"f{n}", b"x")) for n in range(21)]}, (400, "malformed_form")),
    ],
)
def test_requests_that_cannot_be_checked_say_why(
    tmp_path: Path, request_: dict[str, Any], expected: tuple[int, str]
) -> None:
    async def work(operator: Operator) -> None:
        response = await operator.http.post(CHECK, **request_)
        assert error(response) == expected
        assert response.headers["cache-control"] == "no-store"
        page = await operator.http.post("/?lang=en", **request_)
        assert page.status_code == expected[0]
        assert 'role="alert"' in page.text

    in_service(tmp_path, work, prepared=False)


@pytest.mark.parametrize(
    "content", [b"{" * 100_000, b"<a>" * 10_000, b"\x00\xff" * 50, b"OCMF|{|{}", b"OCMF|"]
)
def test_hostile_content_is_undecided_and_never_an_error(tmp_path: Path, content: bytes) -> None:
    async def work(operator: Operator) -> None:
        answer = result(await operator.http.post(CHECK, content=content))
        assert answer["verdict"] == "indeterminate"
        page = await operator.http.post("/", files={"file": ("x", content)})
        assert page.status_code == 200

    in_service(tmp_path, work, prepared=False)


def test_what_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transparency, "MAX_DOCUMENT_BYTES", 1000)
    monkeypatch.setattr(transparency, "MAX_FORM_BYTES", 2000)

    async def work(operator: Operator) -> None:
        too_large = (413, "document_too_large")
        assert error(await operator.http.post(CHECK, content=b"x" * 1001)) == too_large
        assert error(await operator.http.post(CHECK, files={"file": ("x", b"x" * 3000)})) == too_large

        given = 0

        async def endless() -> Any:
            nonlocal given
            for _ in range(100_000):
                given += 1
                yield b"x" * 100

        assert error(await operator.http.post(CHECK, content=endless())) == too_large
        assert given < 20
        chunked = await operator.http.post(CHECK, content=endless(), headers=BOUNDARY)
        assert error(chunked) == (411, "length_required")
        assert given < 20

    in_service(tmp_path, work, prepared=False)


def test_a_form_in_a_strange_charset_is_no_defect(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nabc\\ud800\r\n--x--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=x; charset=unicode_escape"}
        response = await operator.http.post(CHECK, content=body, headers=headers)
        assert response.status_code in {200, 400}

    in_service(tmp_path, work, prepared=False)


def test_the_page_works_without_scripts_in_both_languages(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for language, words in (("de", "Deutsch"), ("en", "English")):
            page = await operator.http.get(f"/?lang={language}")
            assert f'<html lang="{language}">' in page.text
            assert words in page.text
            assert "<script" not in page.text
            assert 'method="post"' in page.text
        chosen = await operator.http.get("/", headers={"Accept-Language": "en-GB,en;q=0.9"})
        assert '<html lang="en">' in chosen.text
        answer = await operator.http.post("/?lang=en", data={"text": record().decode(), "key": KEY})
        assert "10.000 kWh" in answer.text
        # What was pasted stays in the form, escaped.
        hostile = await operator.http.post("/?lang=en", data={"text": "<script>alert(1)</script>"})
        assert "<script>" not in hostile.text
        assert "&lt;script&gt;" in hostile.text

    in_service(tmp_path, work, prepared=False)


def test_every_page_carries_the_headers_of_privacy(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        pages = [
            await operator.http.get("/"),
            await operator.http.post("/", data={"text": "x"}),
            await operator.http.get("/r/" + "a" * 32),
            await operator.http.get("/missing"),
        ]
        for page in pages:
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src" not in policy  # so that none runs
            assert "frame-ancestors 'none'" in policy
            assert page.headers["cache-control"] == "no-store"
            assert "noindex" in page.headers["x-robots-tag"]
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["x-content-type-options"] == "nosniff"
            assert "http://" not in page.text.replace("http://www.w3.org", "")
            assert "https://" not in page.text.split("<footer>", maxsplit=1)[0]
        style = await operator.http.get("/static/page.css")
        assert style.headers["content-type"].startswith("text/css")
        robots = await operator.http.get("/robots.txt")
        assert "Disallow: /r/" in robots.text
        assert (await operator.http.get("/health")).status_code == 200

    in_service(tmp_path, work, prepared=False)


def test_nothing_that_is_checked_is_stored(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        from sqlalchemy import func, select

        from eichrecht.store.tables import metadata

        async def rows() -> dict[str, Any]:
            async with operator.service.database.reading() as tx:
                return {
                    table.name: await tx.connection.scalar(select(func.count()).select_from(table))
                    for table in metadata.sorted_tables
                }

        before = await rows()
        await operator.http.post(CHECK, content=record())
        await operator.http.post("/", files={"file": ("x", record())})
        assert await rows() == before

    in_service(tmp_path, work)


def test_the_page_speaks_its_readers_language_down_to_the_numbers(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        german = (await operator.http.post("/?lang=de", data={"text": record().decode()})).text
        english = (await operator.http.post("/?lang=en", data={"text": record().decode()})).text
        # The digits as signed, but not with a point: a German reads "100.000 kWh" as a hundred thousand.
        assert "100,000 kWh" in german
        assert "100.000 kWh" not in german
        assert "100.000 kWh" in english
        assert "Beginn (B)" in german
        assert "begin (B)" in english
        forged = (
            await operator.http.post(
                "/?lang=en", data={"text": tampered(record(), "110.000", "111.000").decode()}
            )
        ).text
        assert "rests on records that are not valid: 1." in forged  # as the card is headed, not its index

    in_service(tmp_path, work)


def test_a_new_release_does_not_wear_an_old_stylesheet(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        page = (await operator.http.get("/")).text
        href = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        assert "?v=" in href
        assert (await operator.http.get(href)).status_code == 200

    in_service(tmp_path, work, prepared=False)
