"""The demo's two processes: the service and an eMSP, on free ports of this machine."""

from __future__ import annotations

import os
import secrets
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx2

from ocpi.transport import json

START_TIMEOUT_S = 60
"""How long a process may take to listen; a cold start on a slow machine takes a few seconds."""

STOP_TIMEOUT_S = 20
"""How long a process may take to end after SIGTERM, before it is killed."""


class DemoError(Exception):
    """The demo cannot go on; ``str()`` says why."""


def free_port() -> int:
    """Return a TCP port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Processes:
    """Running processes; :meth:`stop` ends them all.

    Attributes:
        folder: Working folder with the database and the logs.
        operator_token: Token of the service's operator API, made for this run.
    """

    folder: Path
    operator_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    service_url: str = ""
    emsp_versions_url: str = ""
    emsp_token_a: str = field(default="", repr=False)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _service: subprocess.Popen[bytes] | None = None
    _port: int = field(default_factory=free_port)

    def start_service(self, **settings: str) -> None:
        """Start the service on an SQLite file and wait until it answers; again on the same file and address.

        Args:
            settings: More settings of the service, e.g. ``EICHRECHT_WORKER``.

        Raises:
            DemoError: It does not come up; the message ends with its log.
        """
        port = self._port
        self.service_url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "EICHRECHT_DATABASE": str(self.folder / "service.sqlite"),
            "EICHRECHT_HOST": "127.0.0.1",
            "EICHRECHT_PORT": str(port),
            "EICHRECHT_PUBLIC_URL": self.service_url,
            "EICHRECHT_OPERATOR_TOKEN": self.operator_token,
            "EICHRECHT_ALLOW_LOOPBACK_PARTNERS": "true",
            "EICHRECHT_NAME": "Demo CPO",
            **settings,
        }
        self._service = process = self._start(["-m", "eichrecht", "serve"], "service.log", environment)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DemoError(f"the service ended at once:\n{self._log('service.log')}")
            try:
                if httpx2.get(f"{self.service_url}/health").status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise DemoError(f"the service does not answer:\n{self._log('service.log')}")

    def start_emsp(self) -> None:
        """Start an eMSP from ``ocpi``'s own server and read its announcement.

        Raises:
            DemoError: It does not come up.
        """
        process = self._start(["-m", "ocpi.server.emsp"], "emsp.log", dict(os.environ), piped=True)
        line = _read_line(process.stdout, START_TIMEOUT_S)
        if not line:
            raise DemoError(f"the eMSP does not come up:\n{self._log('emsp.log')}")
        announcement = json.loads(line)
        self.emsp_versions_url = announcement["versions_url"]
        self.emsp_token_a = announcement["token_a"]

    def kill_service(self) -> None:
        """End the service at once, as a power cut does; :meth:`start_service` starts it again."""
        if self._service is not None:
            self._service.kill()
            self._service.wait()
            self._running.remove(self._service)

    def _start(
        self, arguments: list[str], log: str, environment: dict[str, str], *, piped: bool = False
    ) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else sink,
                stderr=sink,
                env=environment,
            )
        self._running.append(process)
        return process

    def _log(self, name: str) -> str:
        return (self.folder / name).read_text(errors="replace")[-2000:]

    def wait(self) -> None:
        """Wait until a process ends."""
        while all(process.poll() is None for process in self._running):
            time.sleep(0.5)

    def stop(self) -> None:
        """End all processes, the newest first."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _read_line(stream: IO[bytes] | None, timeout_s: int) -> bytes:
    if stream is None:
        return b""
    ready, _, _ = select.select([stream], [], [], timeout_s)
    return stream.readline() if ready else b""
