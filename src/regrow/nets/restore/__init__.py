"""Nets that restore what a codec or a sensor has made poor, one architecture a file."""
