"""Figures that people compare, under named protocols."""
