"""Nets that look at several frames."""
