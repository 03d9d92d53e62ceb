"""What the suites share: a home, an embedded broker, a PostgreSQL."""
