"""How the pixels of each format are read, and what the libraries that read them are not trusted with."""
