"""Papers that tivax reproduces, a folder each."""
