"""Ratios measured side by side: what the package adds to a driver, in one interleaved run."""
