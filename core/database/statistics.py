"""Statistics by which SQLite's planner chooses between indexes. PostgreSQL updates its own."""

from django.db import connection

MAX_ENTRIES = 1000  # that are read of each index, so that large tables take no longer than others
STATISTICS = "statistics"  # the name of its runs


def update_statistics() -> None:
    """Count the rows of all tables and estimate how many share a value, on SQLite. Connections read it as they open."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {MAX_ENTRIES}")
        cursor.execute("ANALYZE")
