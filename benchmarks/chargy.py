"""Asking ChargyCore.TS (npm ``@open-charging-cloud/chargy-core``) for its verdicts, in a Node process beside this one.

Nothing is downloaded unless asked: :func:`install` runs ``npm install`` in a folder outside the repository. The
driver in ``chargy_driver.mjs`` passes on the words that Chargy uses; what they mean as a verdict is decided here.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.vectors import Vector
from eichrecht.evidence import Verdict
from sample_meters.safe_xml import Encoding, SafeValue, safe_xml

PACKAGE = "@open-charging-cloud/chargy-core"
PACKAGES = (f"{PACKAGE}@0.13.0", "@oozcitak/dom@3.0.0")
"""The library, and the DOM that its own tests use where there is no browser."""

NODE_AT_LEAST = (22, 13)
"""``engines`` of the package."""

FORMATS = frozenset(
    (
        "OCMF",
        "ALFEN",
        "EDL_40_P",
        "EDL_40_SIG",
        "ISA_EDL_40_P",
        "EDL_40_MENNEKES",
        "EMH_CHARGEIT",
        "EMH_CTR",
        "GDF",
        "BSM_WS36A",
        "PCDF",
        "CHARGEPOINT_SECRRCT",
    )
)
"""What it says that it reads: everything here but sealed OCMF."""

_DRIVER = Path(__file__).with_name("chargy_driver.mjs")
_ANSWER_LIMIT = 1 << 26

_VALID = frozenset(("ValidSignature", "ValidStartValue", "ValidIntermediateValue", "ValidStopValue"))
_INVALID = frozenset(
    (
        "InvalidSignature",
        "InvalidStartValue",
        "InvalidIntermediateValue",
        "InvalidStopValue",
        "InvalidMeasurement",
        "InconsistentTimestamps",
        "InplausibleMeasurement",
        "ValidationError",
    )
)
_INCOMPLETE = frozenset(("AtLeastTwoMeasurementsRequired", "MissingStartValue", "MissingStopValue"))
"""Of a session that may well consist of good values: then those are asked."""


class ChargyUnavailableError(Exception):
    """It cannot be asked; the text says why."""


def install(folder: Path) -> None:
    """Install the packages into a folder with npm.

    Raises:
        ChargyUnavailableError: npm is missing or fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ChargyUnavailableError("npm is not installed")
    (folder / "package.json").write_text('{"private": true}\n', "utf-8")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", *PACKAGES],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        errors = [text for text in done.stderr.splitlines() if " error " in text] or [done.stderr.strip()]
        raise ChargyUnavailableError(f"npm install failed: {' '.join(errors[:2])[:160]}")


def node_version(node: str) -> tuple[int, int]:
    """Return major and minor version of a Node executable.

    Raises:
        ChargyUnavailableError: There is none.
    """
    try:
        text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ChargyUnavailableError(f"no Node: {type(error).__name__}") from None
    match = re.match(r"v(\d+)\.(\d+)\.", text)
    if match is None:
        raise ChargyUnavailableError(f"no Node: {text[:40]!r}")
    return int(match[1]), int(match[2])


class Chargy:
    """A running Chargy. One request, one answer; a vector that it dies on ends it."""

    name = "chargy"

    def __init__(self, folder: Path, node: str = "node") -> None:
        """Start it.

        Args:
            folder: Where ``node_modules`` with the package lies.
            node: Executable.

        Raises:
            ChargyUnavailableError: Node is missing or too old, or the package cannot be loaded.
        """
        found = node_version(node)
        if found < NODE_AT_LEAST:
            least = ".".join(map(str, NODE_AT_LEAST))
            raise ChargyUnavailableError(f"Node {'.'.join(map(str, found))} is older than {least}")
        self._process = subprocess.Popen(
            [node, str(_DRIVER), str(folder.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            ready = self._answer()
        except ChargyUnavailableError:
            self.close()
            raise
        if "version" not in ready:
            self.close()
            raise ChargyUnavailableError(str(ready.get("error", "it does not start"))[:160])
        self.version = str(ready["version"])

    def __enter__(self) -> Chargy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()

    def reads(self, vector: Vector) -> bool:
        """Whether the vector's format is one of Chargy's."""
        return vector.format in FORMATS or vector.format == "container" or vector.format.startswith("?")

    def judge(self, vector: Vector) -> tuple[Verdict, str]:
        """Return the verdict on a vector, and what was said.

        Raises:
            ChargyUnavailableError: It died.
        """
        return verdict_of(self._ask([handed_over(vector)])[0])

    def spend(self, vectors: Sequence[Vector]) -> int:
        """Judge vectors one after the other; return the CPU nanoseconds that it took, as Node counts them."""
        return sum(int(answer["cpu_us"]) * 1000 for answer in self._ask([handed_over(v) for v in vectors]))

    def _ask(self, documents: Sequence[Sequence[Mapping[str, str]]]) -> list[dict[str, Any]]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"documents": documents}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise ChargyUnavailableError("it has ended") from None
        answers: list[dict[str, Any]] = self._answer()["answers"]
        return answers

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        text = self._process.stdout.readline(_ANSWER_LIMIT)
        if not text:
            raise ChargyUnavailableError("it has ended")
        answer: dict[str, Any] = json.loads(text, parse_float=str)
        return answer


def handed_over(vector: Vector) -> list[dict[str, str]]:
    """Return the files that Chargy is given: a record with its key in S.A.F.E. XML, everything else as it is.

    It takes keys from containers and from PEM files, not from an argument.
    """
    files = [("vector" + _suffix(vector.content), vector.content)]
    key = vector.key_text
    if key is not None and key.lstrip().startswith("-----BEGIN"):
        files.append(("vector-publicKey.pem", key.strip().encode()))
    elif key is not None and vector.is_record:
        key_encoding = "hex" if re.fullmatch(r"[0-9A-Fa-f\s]+", key) else "base64"
        encoding: Encoding = "plain" if _is_text(vector.content) else "hex"
        value = SafeValue(
            vector.content, key, encoding=encoding, key_encoding=key_encoding, format=vector.format
        )
        files = [("vector.xml", safe_xml([value]))]
    elif key is not None:
        files.append(("vector-publicKey.hex", key.strip().encode()))
    return [{"name": name, "data": base64.b64encode(content).decode()} for name, content in files]


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _suffix(content: bytes) -> str:
    start = content.lstrip()[:1]
    return ".xml" if start == b"<" else ".json" if start == b"{" else ".ocmf" if start == b"O" else ".txt"


def verdict_of(answer: Mapping[str, Any]) -> tuple[Verdict, str]:
    """Return what Chargy's words mean: the worst of its sessions; ``indeterminate`` if it reached no verdict.

    A session of a single reading never gets one from Chargy; then its values' own results count, in its favour.
    """
    if "error" in answer:
        return Verdict.INDETERMINATE, str(answer["error"])[:60]
    sessions = answer.get("sessions") or []
    if not sessions:
        return Verdict.INDETERMINATE, str(answer.get("status") or "nothing found")
    verdicts = [_of_session(session) for session in sessions]
    return Verdict.worst(verdicts), ", ".join(
        dict.fromkeys(str(session.get("status")) for session in sessions)
    )


def _of_session(session: Mapping[str, Any]) -> Verdict:
    status, values = session.get("status"), session.get("values") or []
    if status in _VALID:
        return Verdict.VALID
    if status in _INVALID:
        return Verdict.INVALID
    if status in _INCOMPLETE and values:
        return Verdict.worst([_of_value(value) for value in values])
    return Verdict.INDETERMINATE


def _of_value(status: object) -> Verdict:
    if status in _VALID:
        return Verdict.VALID
    return Verdict.INVALID if status in _INVALID else Verdict.INDETERMINATE
