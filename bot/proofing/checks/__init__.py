"""The checks, one file per kind."""
