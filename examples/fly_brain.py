"""A whole fly brain: the leaky integrate-and-fire model of Shiu et al. (2024, Nature 634:210), from its equations.

    python -m distsim run examples/fly_brain.py --synthetic
    mpirun -n 2 python -m distsim run examples/fly_brain.py --synthetic --excited 0-19 --silenced 40,41
    python -m distsim run examples/fly_brain.py --neurons neurons.csv --connections connections.parquet \
        --excited 720575940624963786,720575940630233916

It reads the published files: a CSV table with one neuron a row, its id first, and a Parquet table of connections, by
row numbers of the first. `--synthetic` makes files like them, once, of as many neurons and connections. Needs the
extras `equations` and `tables`.
"""

import csv
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distsim import Network, NetworkModel, NetworkParameters, NeuronModel, Option, parameter, parquet_edges

COLUMNS = ("Presynaptic_Index", "Postsynaptic_Index", "Excitatory x Connectivity")

EQUATIONS = """
    dV/dt = (V_0 - V + g) / tau_m : mV
    dg/dt = -g / tau_g            : mV
"""


def fly_neuron():
    """Return the model of a neuron: synapses act on g; Poisson input kicks V itself."""
    return NeuronModel.from_equations(
        EQUATIONS,
        threshold="V > V_th",
        reset="V = V_reset; g = 0",
        refractory="t_ref",
        frozen=("V", "g"),
        receptors={"synapses": "g += weight", "kicks": "V += weight"},
        parameters={
            "V_0": "-52 mV",
            "V_reset": "-52 mV",
            "V_th": "-45 mV",
            "tau_m": "20 ms",
            "tau_g": "5 ms",
            "t_ref": "2.2 ms",
            "V": "-52 mV",
        },
        name="fly_neuron",
    )


class FlyBrain(NetworkModel):
    """Leaky integrate-and-fire model of the whole brain of Drosophila.

    Chosen neurons get Poisson input, and have no refractory period; others can be silenced.
    """

    @dataclass(frozen=True)
    class Parameters(NetworkParameters):
        neurons: str = parameter("", "", "CSV file of neurons")
        connections: str = parameter("", "", "Parquet file of connections")
        synthetic: bool = parameter(False, "", "whether to make both files", title=("synthetic files", "given files"))
        folder: str = parameter("results", "", "folder of files that are made")
        N: int = parameter(138_639, "", "neurons of files that are made", minimum=2)
        edges: int = parameter(15_000_000, "", "connections of files that are made", minimum=1)
        excited: str = parameter("0-19", "", "ids, or rows such as 0-19, of neurons that get Poisson input")
        silenced: str = parameter("", "", "ids, or rows, of neurons that never fire")
        rate: float = parameter(150.0, "spikes/s", "Poisson input of an excited neuron", minimum=0.0)
        kick: float = parameter(68.75, "mV", "what a spike of that input adds to V")
        w_syn: float = parameter(0.275, "mV", "what a spike adds to g for each synapse of a connection")
        delay: float = parameter(1.8, "ms", "delay", above=0.0)

    options = (
        Option("synthetic", "make both files, once, of as many neurons and connections", sets={"synthetic": True}),
        *map(Option, ("neurons", "connections", "excited", "silenced", "rate")),
    )
    t_sim = 1000.0  # ms

    def describe(self, parameters, dt, t_presim):
        p = parameters
        neurons, connections = synthetic_files(p) if p.synthetic else (p.neurons, p.connections)
        if not neurons or not connections:
            raise ValueError("give the files of --neurons and --connections, or --synthetic")
        ids = read_ids(neurons)
        excited, silenced = rows_of(ids, p.excited, "excited"), rows_of(ids, p.silenced, "silenced")
        t_ref = np.full(len(ids), 2.2)
        t_ref[excited] = 0.0
        net = Network(dt)
        fly = net.create("fly", len(ids), fly_neuron(), t_ref=t_ref, V_th=threshold(len(ids), silenced))
        edges = parquet_edges(connections, *COLUMNS[:2], weight=COLUMNS[2], scale=p.w_syn)
        net.connect(fly, fly, edges, delay=p.delay, receptor="synapses")
        if len(excited):
            net.poisson_input(fly[excited], p.rate, p.kick, p.delay, receptor="kicks")
        net.record_spikes(fly)
        return net


def threshold(n, silenced):
    """Return the threshold (mV); one that V never reaches for silenced neurons."""
    if not len(silenced):
        return -45.0
    V_th = np.full(n, -45.0)
    V_th[silenced] = 1e9
    return V_th


def read_ids(path):
    """Return the first column of a CSV table with a line of names, as texts."""
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return [row[0] for row in rows if row]


def rows_of(ids, text, what):
    """Return the row numbers of neurons given as ids or rows, such as "0-19,720575940624963786"."""
    rows = {each: row for row, each in enumerate(ids)}
    found = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        first, _, last = word.partition("-")
        if word in rows:
            found.append(rows[word])
        elif first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first) < len(ids):
            found.extend(range(int(first), int(last or first) + 1))
        else:
            raise ValueError(f"{what}: {word} is neither an id of the table nor rows from 0 to {len(ids) - 1}")
    return np.unique(np.array(found, np.int64))


def synthetic_files(p):
    """Return the paths of files like the published ones, which are made if they are not there."""
    folder = Path(p.folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"fly-{p.N}-{p.edges}.{kind}" for kind in ("csv", "parquet")]
    with open(folder / "fly.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one rank makes them, the others wait
        for path, write in zip(paths, (write_neurons, write_connections), strict=True):
            if not path.exists():
                write(p, part := path.with_suffix(".part"))
                os.replace(part, path)
    return [str(path) for path in paths]


def write_neurons(p, path):
    path.write_text("id,Completed\n" + "".join(f"{720575940600000000 + 17 * row},True\n" for row in range(p.N)))


def write_connections(p, path, at_once=1 << 20):
    """Write connections with heavy-tailed degrees and numbers of synapses; three quarters of the neurons excite."""
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(1)
    by_degree = [np.cumsum(rng.lognormal(0.0, 1.0, p.N)) for _ in range(2)]  # how likely it is source, and target
    sign = np.where(rng.random(p.N) < 0.75, 1, -1)
    schema = pa.schema([(name, pa.int64()) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema) as file:
        for first in range(0, p.edges, at_once):
            n = min(at_once, p.edges - first)
            source, target = (np.searchsorted(c, rng.random(n) * c[-1], side="right") for c in by_degree)
            count = np.minimum(4 + rng.pareto(1.8, n) * 4, 2000).astype(np.int64)  # of 5 synapses or so at least
            file.write_table(pa.table([source, target, sign[source] * count], schema=schema))
