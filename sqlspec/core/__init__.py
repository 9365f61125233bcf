"""What needs no server: statements, parameters, plans, results. No I/O, no driver."""
