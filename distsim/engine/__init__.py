"""The engine: a description dealt to ranks, connected, and advanced in time."""

from .cache import use_folder

CACHE = use_folder()  # before any kernel is defined
