"""Benchmarks: models on sets of pictures and clips."""
