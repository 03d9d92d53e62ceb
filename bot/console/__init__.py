"""Staff pages (server-rendered)."""
