"""Other libraries' training loops, each in an environment of its own: `make bench-peers`."""
