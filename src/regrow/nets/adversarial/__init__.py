"""Nets that tell made pictures from real ones, for adversarial training."""
