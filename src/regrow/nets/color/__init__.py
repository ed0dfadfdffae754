"""Nets that give colour to grey pictures."""
