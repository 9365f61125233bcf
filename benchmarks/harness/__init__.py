"""What every benchmark is made of: processes, virtual environments, clocks, tables, and the server."""
