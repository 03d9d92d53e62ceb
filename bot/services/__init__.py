"""The only writers of records: one use case per function."""
