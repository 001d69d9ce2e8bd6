"""`python -m distsim bench`: the networks timed on this machine, beside what it can do at best and beside its peers."""
