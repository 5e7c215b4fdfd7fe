"""Storage: SQLAlchemy tables, repositories, migrations."""
