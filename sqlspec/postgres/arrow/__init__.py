"""Arrow data in and out of PostgreSQL's binary format: types, plans, casts, and a compiled module for the bytes."""
