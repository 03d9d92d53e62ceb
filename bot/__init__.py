"""Tongfa 同发: one approved release, published together, once, at the promised second."""

__version__ = "0.1.0"
