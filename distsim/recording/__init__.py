"""Recordings on disk: SONATA files of spikes and of sampled quantities, written by all ranks together and read back."""
