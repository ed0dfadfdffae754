"""Clips: read and written frame by frame, through models that take one or several at a time."""
