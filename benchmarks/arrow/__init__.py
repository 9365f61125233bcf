"""Arrow tables in and out: the adapters, ADBC and others, and the server alone, in one interleaved run."""
