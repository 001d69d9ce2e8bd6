"""Recordings on disk: SONATA files of spikes and membrane potentials, written by all ranks together and read back."""
