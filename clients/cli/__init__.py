"""Commands of a client; server/__main__.py finds them by name."""
