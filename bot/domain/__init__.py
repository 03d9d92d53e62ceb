"""Decisions: pure Python, no Django, no I/O, no clock read. Imports nothing else of ours."""
