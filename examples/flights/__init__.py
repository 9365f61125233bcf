"""The demo: what `examples/demo.py` runs."""
