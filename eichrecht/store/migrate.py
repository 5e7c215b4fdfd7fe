"""Bring a database to the schema of this release; called at service start and by ``eichrecht db upgrade``."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from eichrecht.store.errors import SchemaTooNew, StoreUnavailable
from eichrecht.store.urls import DRIVER_ERRORS, create_private_file, prepare_sqlite, sync_url

SCRIPT_LOCATION = "eichrecht:store/migrations"
"""Inside the wheel: no file outside the package is needed."""

_POSTGRES_LOCK = 0x45494348
"""Advisory lock id ("EICH"): two services that start together migrate one after the other."""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", SCRIPT_LOCATION)
    config.attributes["connection"] = connection
    return config


def upgrade(address: str) -> str:
    """Create or migrate the database, in one transaction, and return its revision.

    Safe to call from several processes at once: the write lock (SQLite) or an advisory lock (PostgreSQL)
    lets one migrate while the others wait and then find nothing to do.

    Args:
        address: As :func:`eichrecht.store.urls.async_url`.

    Raises:
        StoreUnavailable: The database cannot be opened, is locked too long, or is no database.
        SchemaTooNew: A newer release wrote it.
    """
    url = sync_url(address)
    create_private_file(url)
    try:
        engine = create_engine(url, poolclass=NullPool)
        prepare_sqlite(engine)
        with engine.begin() as connection:
            return _upgrade(connection)
    except (DBAPIError, *DRIVER_ERRORS) as error:
        reason = getattr(error, "orig", None) or error
        raise StoreUnavailable(f"the database cannot be migrated: {reason}") from error
    except (SQLAlchemyError, ImportError) as error:
        raise StoreUnavailable(f"the database cannot be opened: {error}") from error


def _upgrade(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _POSTGRES_LOCK})
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    unknown = [revision for revision in found if revision not in known]
    if unknown:
        raise SchemaTooNew(f"the database has schema {unknown[0]}, which this release does not know")
    command.upgrade(config, "head")
    head = scripts.get_current_head()
    if head is None:  # pragma: no cover - the wheel always holds at least one migration
        raise StoreUnavailable("no migrations in this installation")
    return head
