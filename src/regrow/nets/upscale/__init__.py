"""Nets that enlarge pictures, one architecture a file."""
