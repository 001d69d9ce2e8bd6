#!/usr/bin/env bash
# Runs the whole test suite: style, then the tests that start on 1 rank, some processes side by side, and beside them the
# job scripts on a SLURM that the tests start (where it is installed: Debian's slurm-wlm and munge), then tests/mpi under
# mpirun on 2 and 3 ranks. Stops at the first failure. Makes .venv on first use. What is tested where: tests/README.md.
#
#   bash jobs/test.sh --fast            style and tests/unit alone, while you work: about a minute
#   bash jobs/test.sh                   what every change must pass: some minutes on 2 cores, and two more where
#                                       the compiled kernels are not there yet
#   bash jobs/test.sh --validation      the long comparisons and all combinations of faults and ranks as well: hours
#   bash jobs/test.sh -k exchange -x    other options go to pytest (-n 0: no processes side by side)
#
# DISTSIM_TEST_TIMEOUT bounds each mpirun, in seconds.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"

which_tests="not validation"
fast=no
limit=${DISTSIM_TEST_TIMEOUT:-1200}
options=()
for option in "$@"; do
    if [ "$option" = --validation ]; then
        which_tests="(validation or not validation)" # an empty -m would leave pyproject.toml's in force
        limit=${DISTSIM_TEST_TIMEOUT:-7200}
    elif [ "$option" = --fast ]; then
        fast=yes
    else
        options+=("$option")
    fi
done

# Open MPI gives rank 0 a terminal of its own, also where the output goes to a file.
if [ -t 1 ]; then color=yes; else color=no; fi

export scratch
scratch=$(mktemp -d)
beside="" # the process that runs beside the others, if any
trap '{ [ -z "$beside" ] || { kill "$beside" && wait "$beside"; }; } 2>/dev/null || true; rm -rf "$scratch"' EXIT
# Hundreds of processes import distsim: they need not translate it anew.
unset PYTHONDONTWRITEBYTECODE

stage() { printf '\n== %s\n' "$1"; }

# A choice of tests (-k) may leave a stage without any: pytest's status 5. Without a choice that is a failure.
export MAY_BE_EMPTY=${#options[@]}

# Rank 0 prints; what the others print is kept for a failure. mpi4py's -m makes a rank that fails end all of them,
# instead of leaving them waiting for it.
one_rank() {
    local rank=${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-${PMI_RANK:-0}}}
    if [ "$rank" != 0 ]; then exec >"$scratch/rank-$rank" 2>&1; fi
    python -m mpi4py -c "
import os, sys, pytest
status = pytest.main()
if status == 5 and os.environ['MAY_BE_EMPTY'] != '0':
    sys.exit(0)
open(os.environ['scratch'] + '/tests-ran', 'w').close()
sys.exit(status)
" --with-mpi -x -p no:cacheprovider --basetemp "$scratch/tmp-$rank" "$@"
}
export -f one_rank

# Compiles the kernels, for which other processes would wait; with nothing to be compiled this takes two seconds.
python -m distsim microcircuit --scale 0.02 --t-sim 1 --no-plots --out "$scratch/first" >"$scratch/first.log" 2>&1 &
beside=$!

stage "style"
ruff check .
ruff format --check .
mypy

wait "$beside" || { cat "$scratch/first.log" && exit 1; }
beside=""

on_one_rank() {
    local status=0
    python -m pytest "$@" ${options[@]+"${options[@]}"} || status=$?
    judge $status
}

# Goes on after pytest's exit status 0, and where a choice chose none.
judge() {
    local status=$1
    if [ $status = 0 ]; then
        touch "$scratch/tests-ran"
    elif [ $status != 5 ] || [ "$MAY_BE_EMPTY" = 0 ]; then
        exit $status
    fi
}

finish() {
    if [ ! -e "$scratch/tests-ran" ]; then
        echo "no test was chosen by ${options[*]}" >&2
        exit 5
    fi
    stage "all passed"
    exit 0
}

# Each process compiles what is not there yet, or waits for the others to. A test that starts ranks shares the cores with
# the other processes: no test has a limit on its time that this could break. Many tests wait for what they started, so
# that two cores have work for three processes; those of tests/unit compute.
side_by_side=(--dist worksteal -n)

if [ $fast = yes ]; then
    stage "fast"
    on_one_rank "${side_by_side[@]}" 2 -m "$which_tests" tests/unit
    finish
fi

# Most of their time the SLURM tests wait. -rs: the reason where they are skipped
python -m pytest -m "$which_tests and slurm" -rs -p no:cacheprovider --color="$color" tests/slurm \
    ${options[@]+"${options[@]}"} </dev/null >"$scratch/slurm" 2>&1 &
beside=$!

stage "1 rank"
on_one_rank "${side_by_side[@]}" 3 -m "$which_tests" tests/unit tests/integration tests/faults tests/validation

stage "SLURM"
status=0
wait "$beside" || status=$?
beside=""
cat "$scratch/slurm"
judge $status

for ranks in 2 3; do
    stage "$ranks ranks"
    plan_launch "$ranks"
    # In the foreground, so that Ctrl-C reaches mpirun.
    if ! timeout --foreground -k 10 "$limit" "${launcher[@]}" bash -c 'one_rank "$@"' one_rank \
        --color="$color" -m "$which_tests" tests/mpi ${options[@]+"${options[@]}"} </dev/null; then
        tail -n 60 "$scratch"/rank-* || true
        echo "failed on $ranks ranks (or took more than $limit s)" >&2
        exit 1
    fi
done

finish
