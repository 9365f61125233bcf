"""Other libraries that load or read Arrow data. Each module needs what its virtual environment holds, and no more."""
