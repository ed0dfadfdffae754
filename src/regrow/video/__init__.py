"""Clips: frames that arrive one after another, through models that take one or several at a time."""
