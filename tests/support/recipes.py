"""Recipes for tests."""

TOML = """
[model]
architecture = "tad"
channels = 16
blocks = 1

[data]
crop = 24
batch = 2
grey = 0.5
validation = 1
validation_crop = 64

[optimizer]
warmup = 2
ema = 0.9

[run]
steps = 12
precision = "fp32"
compile = false
log_every = 2
validate_every = 6
checkpoint_every = 5
"""
