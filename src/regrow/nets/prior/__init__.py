"""Nets that are fitted to one picture and to nothing else."""
