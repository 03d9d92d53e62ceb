"""The test suites; folders mirror bot/."""
