"""Alembic environment: the connection always comes from :func:`eichrecht.store.migrate.upgrade`.

``render_as_batch``: SQLite cannot alter most things in place, Alembic rebuilds the table instead. A rebuilt
table loses its triggers: such a migration must create them again (a test lists the triggers of the result).
"""

from alembic import context

from eichrecht.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
