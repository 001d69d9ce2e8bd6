"""SONATA circuits and simulations that bmtk's NetworkBuilder writes: loaded, run, and refused where not supported."""

from __future__ import annotations

import copy
import json
import shutil

import h5py
import numpy as np
import pytest

import distsim
from distsim import Simulation
from distsim.cli.command import run_command
from distsim.parallel import SerialCommunicator
from tests.support import circuits
from tests.support.ranks import launcher, start

pytest.importorskip("bmtk.builder.networks")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("circuit")
    return folder, circuits.write(folder)


@pytest.fixture
def circuit(written, tmp_path):
    """Return a copy of the folder, and a function that writes a changed file into it."""
    folder = tmp_path / "circuit"
    shutil.copytree(written[0], folder)

    def change(name: str, edit) -> None:
        content = copy.deepcopy(written[1][name])
        edit(content)
        (folder / name).write_text(json.dumps(content))

    return folder, change


def run(net: distsim.Network) -> Simulation:
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(120.0)
    return sim


def test_a_simulation_is_the_network_that_is_described_by_hand(written):
    folder, _ = written
    found, expected = run(distsim.load_sonata(folder / "simulation_config.json")), run(circuits.by_hand(folder))
    assert expected.n_spikes > 100 and found.spikes_sha256() == expected.spikes_sha256()
    voltages = [sim.samples("membrane", "V1[[0, 3, 70]]")[1] for sim in (found, expected)]
    assert np.array_equal(*voltages)
    for source in ("V1", "LGN"):
        a, b = found.connections(source, "V1"), expected.connections(source, "V1")
        for name in ("sources", "targets", "weights", "delays"):
            assert np.array_equal(getattr(a, name), getattr(b, name))


def test_a_circuit_alone_has_neurons_with_positions_silent_sources_and_edges(written):
    net = distsim.load_sonata(written[0] / "circuit_config.json", dt=0.05)
    assert net.dt == 0.05 and [p.name for p in net.populations] == ["V1", "LGN"] and len(net.projections) == 2
    assert not net.recorders and not net.step_currents and not any(t.size for t in net["LGN"].spike_steps)
    places = Simulation(net).positions("V1")
    with h5py.File(written[0] / "network" / "V1_nodes.h5") as file:
        for axis, name in enumerate("xy"):
            in_file = [file[f"nodes/V1/{group}/{name}"][:] for group in (0, 1)]
            assert np.array_equal(places[:, axis], np.concatenate(in_file))


def command(*words: object) -> int:
    return run_command([str(word) for word in words], SerialCommunicator())


def test_the_command_writes_the_output_folder(circuit, capsys):
    folder, change = circuit
    config = folder / "simulation_config.json"
    assert command("sonata", config) == 0
    result = distsim.load(folder / "output")
    expected = run(circuits.by_hand(folder))
    assert result.summary["spikes_sha256"] == expected.spikes_sha256()
    assert f"{expected.n_spikes:,} spikes in 120 ms" in capsys.readouterr().out
    for kept, asked in (("spikes.h5", "spikes_out.h5"), ("membrane.h5", "cell_vars.h5")):
        assert (folder / "output" / kept).read_bytes() == (folder / "output" / asked).read_bytes()
    assert command("sonata", config) == 0  # as bmtk does, unless overwrite_output_dir is false
    change("simulation_config.json", lambda c: c["output"].update(overwrite_output_dir=False))
    assert command("sonata", config) == 2 and "holds an earlier run" in capsys.readouterr().err
    assert command("sonata", config, "--overwrite") == 0
    assert command("sonata", config, "--out", folder / "other") == 0 and (folder / "other" / "spikes.h5").exists()


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
def test_the_command_gives_the_same_spikes_on_three_ranks(circuit):
    folder, change = circuit
    done = start(3, "-m", "distsim", "sonata", folder / "simulation_config.json", cwd=folder, limit=120)
    assert done.returncode == 0, done.stderr
    found = distsim.load(folder / "output").summary
    assert found["ranks"] == 3 and found["spikes_sha256"] == run(circuits.by_hand(folder)).spikes_sha256()
    change("simulation_config.json", lambda c: c["inputs"].update(odd={"input_type": "noise", "module": "odd"}))
    done = start(3, "-m", "distsim", "sonata", folder / "simulation_config.json", cwd=folder, limit=120)
    assert done.returncode == 2 and done.stderr.count("inputs.odd: input_type 'noise' by 'odd' is not supported") == 1


def test_spikes_come_from_a_table_too_and_are_rounded_to_the_grid(circuit):
    folder, change = circuit
    lines = ["timestamps population node_ids", "0.012 LGN 3", "5.04 LGN 1", "5.0 other 1", "5.06 LGN 1"]
    (folder / "inputs" / "lgn.csv").write_text("\n".join(lines))
    change("simulation_config.json", lambda c: c["inputs"]["lgn"].update(module="csv", input_file="inputs/lgn.csv"))
    trains = distsim.load_sonata(folder / "simulation_config.json")["LGN"].spike_steps
    assert [train.tolist() for train in trains[:4]] == [[], [50, 51], [], [1]]


def test_what_older_files_have_is_read_too(circuit):
    folder, change = circuit
    expected = run(distsim.load_sonata(folder / SIMULATION))
    steps, nodes = circuits.SPIKES
    with h5py.File(folder / "inputs" / "lgn.h5", "w") as file:
        file["spikes/timestamps"], file["spikes/gids"] = steps / 10, nodes.astype(np.uint64)
    types_edit(folder, "V1_node_types.csv", "point_neuron", "point_process")
    (folder / "config.json").write_text(json.dumps({"network": CIRCUIT, "simulation": SIMULATION}))
    assert run(distsim.load_sonata(folder / "config.json")).spikes_sha256() == expected.spikes_sha256()
    change("circuit_config.json", lambda c: c["networks"]["edges"][0].update(enabled=False))
    assert len(distsim.load_sonata(folder / "config.json").projections) == 1


def test_edges_without_delay_have_that_of_nest(circuit):
    folder, _ = circuit
    types_edit(folder, "LGN_V1_edge_types.csv", "2.0", "NULL")
    sim = Simulation(distsim.load_sonata(folder / SIMULATION), 1, SerialCommunicator())
    assert set(sim.connections("LGN", "V1").delays.tolist()) == {1.0}


def test_values_of_single_nodes_come_before_those_of_their_type(circuit):
    folder, _ = circuit
    with h5py.File(folder / "network" / "V1_nodes.h5", "r+") as file:
        file["nodes/V1/1/dynamics_params/tau_m"] = np.linspace(11.0, 12.0, circuits.N_I)
    tau_m = distsim.load_sonata(folder / "circuit_config.json")["V1"].parameters["tau_m"]
    assert np.array_equal(tau_m, np.concatenate([np.full(circuits.N_E, 20.0), np.linspace(11.0, 12.0, circuits.N_I)]))


@pytest.mark.parametrize(
    ("node_set", "ids"),
    [
        ("V1", range(80)), ("all", range(80)), ("exc", range(60)), (["exc", "few"], [*range(60), 65]),
        ({"population": "V1", "tuning": [3, 7.0]}, [63, 67]), ({"ei": "i", "node_id": [1, 61]}, [61]),
    ],
)  # fmt: skip
def test_node_sets_select_by_name_ids_and_attributes(circuit, node_set, ids):
    folder, change = circuit

    def edit(config: dict) -> None:
        config["inputs"]["clamp"]["node_set"] = node_set
        config["node_sets"]["few"] = {"population": "V1", "node_id": 65}

    change("simulation_config.json", edit)
    (current,) = distsim.load_sonata(folder / "simulation_config.json").step_currents
    assert current.target.gids.tolist() == list(ids)


def types_edit(folder, name: str, old: str, new: str) -> None:
    """Replace the first value `old` in a table of types, whose columns are in any order."""
    path = folder / "network" / name
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    row, column = next((row, line.index(old)) for row, line in enumerate(lines) if old in line)
    lines[row][column] = new
    path.write_text("\n".join(map(" ".join, lines)) + "\n")


SIMULATION, CIRCUIT = "simulation_config.json", "circuit_config.json"


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (SIMULATION, lambda c: c.update(spikes={}), "spikes: not supported; supported are components"),
        (SIMULATION, lambda c: c.pop("network"), "networks is missing"),
        (SIMULATION, lambda c: c["run"].update(dt="fast"), "run.dt is 'fast'"),
        (SIMULATION, lambda c: c["inputs"]["lgn"].update(module="nwb"), "inputs.lgn: module 'nwb' is not supported"),
        (
            SIMULATION,
            lambda c: c["inputs"]["lgn"].update(node_set="V1"),
            "inputs.lgn: V1 are neurons; spikes are given",
        ),
        (
            SIMULATION,
            lambda c: c["inputs"]["clamp"].update(module="FileIClamp"),
            "input_type 'current_clamp' by 'FileI",
        ),
        (SIMULATION, lambda c: c["inputs"]["clamp"].update(amp="big"), r"inputs.clamp: amp \(pA\), delay and duration"),
        (
            SIMULATION,
            lambda c: c["inputs"]["clamp"].update(node_set="nobody"),
            "no node set 'nobody': there are exc, V1",
        ),
        (SIMULATION, lambda c: c["node_sets"]["exc"].update(layer=4), "nodes V1 have no 'layer'; they have"),
        (SIMULATION, lambda c: c["node_sets"]["exc"].update(pop_name="x"), "node_set 'exc' selects no nodes"),
        (
            SIMULATION,
            lambda c: c["reports"]["membrane"].update(module="extracellular"),
            "membrane: module 'extracellular'",
        ),
        (
            SIMULATION,
            lambda c: c["reports"]["membrane"].update(variable_name="Ca"),
            "Ca of V1: no recordable of iaf_psc",
        ),
        (
            CIRCUIT,
            lambda c: c["components"].pop("point_neuron_models_dir"),
            "components.point_neuron_models_dir is missing",
        ),
        (CIRCUIT, lambda c: c["networks"]["nodes"].pop(), "inputs.lgn: no node set 'LGN': there are exc, V1"),
        (CIRCUIT, lambda c: c["manifest"].pop("$NETWORK_DIR"), "a variable that manifest does not define"),
        (
            "components/point/exc.json",
            lambda c: c.update(tau_x=1.0),
            "exc.json: iaf_psc_alpha has no parameter 'tau_x'",
        ),
        (
            "components/syn/static.json",
            lambda c: c.update(tau_psc=1.0),
            "static.json: tau_psc: static_synapse takes no",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(circuit, file, edit, message):
    folder, change = circuit
    change(file, edit)
    with pytest.raises(ValueError, match=message):
        distsim.load_sonata(folder / SIMULATION)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("V1_node_types.csv", "nest:iaf_psc_alpha", "nrn:L5", "several models, nest:iaf_psc_alpha, nrn:L5"),
        ("V1_node_types.csv", "point_neuron", "biophysical", "model_type biophysical, point_neuron: supported are"),
        ("V1_node_types.csv", "101", "100", "line 3: node_type_id 100 is there already"),
        ("V1_node_types.csv", "101", "109", "node type 101 is in no table of types"),
        (
            "V1_V1_edge_types.csv",
            "static_synapse",
            "stdp_synapse",
            "'stdp_synapse' is not supported; supported is static",
        ),
        ("V1_V1_edge_types.csv", "1.5", "soon", "edge type 100: delay must be a number, not 'soon'"),
    ],
)
def test_types_that_are_not_supported_are_refused_by_name(circuit, table, old, new, message):
    folder, _ = circuit
    types_edit(folder, table, old, new)
    with pytest.raises(ValueError, match=message):
        distsim.load_sonata(folder / SIMULATION)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("20.0", "NULL", r"/edges/V1_to_V1: edge type 100 has no 'syn_weight', nor have its edges"),
        ("100", "900", r"edge type 100 is in no table of types: no '\w+', nor have its edges"),
        ("1.5", "1.55", r"edge \d+: column 'delay': 1\.55 ms is not a multiple of dt"),
    ],
)
def test_edges_without_weights_or_off_the_grid_are_refused_when_they_are_read(circuit, old, new, message):
    folder, _ = circuit
    types_edit(folder, "V1_V1_edge_types.csv", old, new)
    with pytest.raises(ValueError, match=message):
        Simulation(distsim.load_sonata(folder / SIMULATION), 1, SerialCommunicator())


def test_files_that_are_not_there_are_named(circuit, capsys):
    folder, _ = circuit
    (folder / "network" / "V1_V1_edges.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"V1_V1_edges\.h5: no such file"):
        distsim.load_sonata(folder / SIMULATION)
    (folder / CIRCUIT).unlink()
    assert command("sonata", folder / SIMULATION) == 2
    assert "circuit_config.json: no such file" in capsys.readouterr().err
