"""The version of distsim, from which pyproject.toml takes it."""

__version__ = "0.1.0"
