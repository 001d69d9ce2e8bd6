#!/usr/bin/env bash
# Shared by the job scripts. Sourced from the repository root, it leaves behind
#
#   distsim     an array: the command that runs distsim on all tasks of the job, up to the network's name
#   "$@"        the script's arguments without the network's name
#   results/    a folder
#
# The arguments of a script go to distsim, behind the network's name; without one it is the microcircuit:
#
#   sbatch jobs/one-node.slurm --scale 0.1
#   sbatch jobs/one-node.slurm ei-clustered --t-sim 2000
#
# DISTSIM_LAUNCHER says what starts the ranks: srun (the default) or mpirun.

source jobs/environment.sh
mkdir -p results

network=microcircuit
case ${1-} in [a-z]*)
    network=$1
    shift
    ;;
esac

case ${DISTSIM_LAUNCHER:-srun} in
    # srun starts the job's tasks and speaks PMIx with Open MPI. MPICH and Intel MPI want SLURM_MPI_TYPE=pmi2;
    # `srun --mpi=list` tells what the cluster has. SLURM 22.05 and later do not hand --cpus-per-task on to srun.
    srun) launcher=(srun "--mpi=${SLURM_MPI_TYPE:-pmix}" "--cpus-per-task=${SLURM_CPUS_PER_TASK:-1}" --cpu-bind=cores) ;;
    # The MPI's own launcher, where srun cannot start MPI programs (each rank then says that it is alone). It finds the
    # nodes in the job's environment.
    mpirun) launcher=("$mpirun" -n "$SLURM_NTASKS" --bind-to core) ;;
    *)
        echo "DISTSIM_LAUNCHER=$DISTSIM_LAUNCHER: must be srun or mpirun" >&2
        exit 2
        ;;
esac
distsim=("${launcher[@]}" "$python" -m distsim "$network")
