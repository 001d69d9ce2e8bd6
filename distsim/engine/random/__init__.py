"""Random numbers that depend on seed, purpose and object alone, and sampling built on them."""
