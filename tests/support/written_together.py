"""Files that all ranks write, or some of them: mpirun -n 3 python -m tests.support.written_together

Each rank looks at once at what it wrote; what is left of temporary names at the end is an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mpi4py import MPI

import distsim
from distsim import Network, Simulation
from distsim.analysis.figures import plot_folder
from distsim.analysis.panels import panels

WORLD = MPI.COMM_WORLD
PNG, HDF5 = b"\x89PNG\r\n\x1a\n", b"\x89HDF\r\n\x1a\n"


def simulated(comm, seed: int = 1) -> Simulation:
    net = Network(0.1)
    net.record_spikes(net.create("E", 30, I_e=500.0), net.create("I", 9, I_e=600.0))
    sim = Simulation(net, seed, comm)
    sim.run(100.0)
    return sim


def check(path: str, start: bytes = PNG) -> None:
    assert Path(path).read_bytes().startswith(start), path


def draw(result: distsim.Result, name: str) -> None:
    raster = result.raster(50.0, 100.0)
    raster.save(f"{name}.png")
    check(f"{name}.png")
    result.rates_boxplot(f"new/{name}-rates.png")
    check(f"new/{name}-rates.png")
    panels([raster, raster], f"{name}-panels.png")
    check(f"{name}-panels.png")


def by_all_ranks() -> None:
    sim = simulated(WORLD)
    draw(sim.result(), "live")
    sim.save("run")
    draw(distsim.load("run"), "loaded")
    for path in plot_folder("run"):
        check(path)
    sim.checkpoint("all.h5")
    check("all.h5", HDF5)


def by_one_rank(rank: int) -> None:
    result = simulated(WORLD).result()
    if WORLD.rank == rank:
        draw(result, f"by-{rank}")
    WORLD.Barrier()
    assert Path(f"by-{rank}.png").exists()


def by_each_for_itself() -> None:
    """Sweep over seeds: each rank has its own simulations, and files of its own or of the same name."""
    sim = simulated(MPI.COMM_SELF, 1 + WORLD.rank)
    draw(sim.result(), f"seed-{WORLD.rank}")
    draw(sim.result(), "same")
    sim.save(f"runs/{WORLD.rank}")
    for _ in range(5):
        sim.checkpoint("same.h5")
        check("same.h5", HDF5)
    WORLD.Barrier()
    assert all(Path(f"seed-{rank}.png").exists() for rank in range(WORLD.size))
    assert Simulation(simulated(MPI.COMM_SELF).network, read_seed(), MPI.COMM_SELF, checkpoint="same.h5").step == 1000


def read_seed() -> int:
    """Return whose checkpoint is the one that was written last."""
    for seed in range(1, 1 + WORLD.size):
        try:
            Simulation(simulated(MPI.COMM_SELF, seed).network, seed, MPI.COMM_SELF, checkpoint="same.h5")
            return seed
        except ValueError:
            continue
    raise AssertionError("the checkpoint is of no seed")


if __name__ == "__main__":
    by_all_ranks()
    for rank in (0, WORLD.size - 1):
        by_one_rank(rank)
    by_each_for_itself()
    WORLD.Barrier()
    left = [str(path) for path in Path().rglob("*part*")]
    assert not left, left
    print(f"rank {WORLD.rank} is done\n", end="", flush=True)
    sys.exit(0)
