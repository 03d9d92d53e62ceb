"""The rehearsal WeChat Official Account platform, written from the fact sheet alone."""
