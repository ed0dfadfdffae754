"""Picture files and pictures in memory: formats, pixels, metadata."""
