"""Copies from database to database, measured against `pg_dump | pg_restore`."""
