#!/usr/bin/env bash
# Runs distsim on this machine:   bash jobs/local.sh microcircuit --scale 0.1 --out results/quick
#
# Makes .venv on first use. All arguments go to `python -m distsim`; paths are relative to where it is called.
# DISTSIM_RANKS sets the number of ranks; the default is one for each physical core.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

ranks=${DISTSIM_RANKS:-$cores}
if ! [[ $ranks =~ ^[1-9][0-9]*$ ]]; then
    echo "DISTSIM_RANKS=$ranks: must be a whole number of ranks, 1 or more" >&2
    exit 2
fi
if [ "$ranks" -gt 1 ] && [ -z "$mpirun" ]; then
    echo "no mpirun found: start the ranks with srun (jobs/one-node.slurm), or set DISTSIM_RANKS=1" >&2
    exit 2
fi

plan_launch "$ranks"
exec "${launcher[@]}" "$python" -m distsim "$@"
