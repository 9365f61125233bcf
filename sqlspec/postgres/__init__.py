"""What PostgreSQL is, whoever drives it: settings, SQL text, types."""
