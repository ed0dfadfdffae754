"""What the training loop trains, a file for each kind of model."""
