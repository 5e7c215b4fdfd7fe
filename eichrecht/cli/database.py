"""Opening the service's database from the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from pydantic import ValidationError

from eichrecht.cli.errors import InputError
from eichrecht.service.app import Service
from eichrecht.service.settings import Settings
from eichrecht.store.errors import StoreError

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="SQLite file or URL; default EICHRECHT_DATABASE.")
]


def settings_for(**given: object) -> Settings:
    """Return the settings of the environment, with what the command line gives in their place.

    Raises:
        InputError: A value does not fit; the message names it.
    """
    try:
        # Any value may come; pydantic checks its type, and says in words what is wrong.
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"settings: {problems}") from error


@asynccontextmanager
async def open_service(database: str | None) -> AsyncIterator[Service]:
    """Open the service without its HTTP side.

    Raises:
        InputError: The database cannot be opened, or refuses what is done inside the ``async with``.
    """
    try:
        service = Service(settings_for(database=database))
        try:
            yield service
        finally:
            await service.close()
    except StoreError as error:
        raise InputError(str(error)) from error
