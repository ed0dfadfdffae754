"""What nets run on. Elsewhere in `regrow.inference` a net is a function of arrays."""
