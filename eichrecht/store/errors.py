"""Errors of the storage stage.

::

    StoreError
    ├── StoreUnavailable      the database cannot be opened, is busy or broken
    ├── SchemaTooNew          the file was written by a newer release
    ├── NotFound              no such object
    └── StoreConflict         the write contradicts what is stored
        ├── DuplicateCdr          country_code, party_id and id are taken
        ├── SessionAlreadyBilled  the session has a CDR that is not credited
        ├── RecordAlreadyBilled   a signed record is billed by another CDR
        ├── TariffVersionConflict same id and last_updated, other content
        └── InvalidTransition     the state machine does not allow the step
"""

# ruff: noqa: N818 - the names say what happened (NotFound), which an Error suffix would only lengthen

from __future__ import annotations


class StoreError(Exception):
    """The storage layer cannot do what was asked; the message names the object."""


class StoreUnavailable(StoreError):
    """The database cannot be opened, is locked for too long or is damaged."""


class SchemaTooNew(StoreError):
    """The database was migrated by a newer release; install that release or a newer one."""


class NotFound(StoreError):
    """No such object is stored."""


class StoreConflict(StoreError):
    """The write contradicts what is stored; nothing was changed."""


class DuplicateCdr(StoreConflict):
    """A CDR with this country_code, party_id and id exists (mod_cdrs, CDR object: unique together)."""


class SessionAlreadyBilled(StoreConflict):
    """The session has a CDR that no Credit CDR has credited."""


class RecordAlreadyBilled(StoreConflict):
    """A signed record is billed by another CDR that no Credit CDR has credited."""


class TariffVersionConflict(StoreConflict):
    """A tariff version with the same ``last_updated`` and other content exists."""


class InvalidTransition(StoreConflict):
    """The object's state does not allow this step."""
