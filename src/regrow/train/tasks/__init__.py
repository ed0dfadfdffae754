"""Training tasks, a file for each kind of model."""
