"""Fixed operations on tensors: resampling, color, filters."""
