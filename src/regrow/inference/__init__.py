"""Rows and frames through nets: tiles, resizing, refinement, precision."""
