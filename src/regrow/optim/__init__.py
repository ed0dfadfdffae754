"""Optimizers, checkpoints and interrupts, for training and for fits."""
