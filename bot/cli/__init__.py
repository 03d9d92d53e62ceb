"""The `tongfa` command; one file per command group."""
