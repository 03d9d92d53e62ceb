"""The rehearsal Weibo Open Platform, written from the fact sheet alone."""
