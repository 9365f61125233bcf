"""A day at a data warehouse: files, an upsert, bad rows, an aggregate, a second database. `python -m examples.etl`."""
