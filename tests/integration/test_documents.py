"""The documents: their code and commands run, links and paths lead somewhere, and what is wrong in them is found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import documents
from tests.support.commands import ROOT
from tests.support.documented_commands import UncheckedError, commands, do
from tests.support.documents import DOCUMENTS
from tests.support.ranks import launcher, start
from tests.support.run_document import run_document

# --- code and commands ------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)  # on a new machine, kernels are compiled
@pytest.mark.parametrize("document", DOCUMENTS)
def test_code_and_commands_run_in_their_order(document, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.support.run_document", document]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    for block in documents.blocks(documents.read(document)):
        assert f"== {document}:{block.line}\n" in done.stdout


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
def test_the_first_network_of_the_readme_is_the_same_on_two_ranks(tmp_path):
    (code,) = [block.text for block in documents.blocks(documents.read("README.md")) if block.language == "python"]
    assert len(code.splitlines()) < 30
    code += '\nopen(f"sha256-{sim.comm.size}-{sim.comm.rank}", "w").write(sim.spikes_sha256())\n'
    (tmp_path / "first.py").write_text(code)
    one, two = (start(ranks, tmp_path / "first.py", cwd=tmp_path, limit=120) for ranks in (1, 2))
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    hashes = [(tmp_path / f"sha256-{name}").read_text() for name in ("1-0", "2-0", "2-1")]
    assert len(hashes[0]) == 64 and len(set(hashes)) == 1
    assert (tmp_path / "raster.png").exists() and (tmp_path / "voltages.png").exists()


def test_statistics_take_ten_lines():
    found = documents.blocks(documents.read("examples/README.md"))
    (code,) = [block.text for block in found if "statistics_figure" in block.text]
    assert len([line for line in code.splitlines() if line]) <= 10


def test_the_two_commands_of_a_newcomer_are_there():
    found = [block.text for block in documents.blocks(documents.read("README.md")) if block.language == "bash"]
    words = [shell for text in found for shell in commands(text)]
    assert ["bash", "jobs/local.sh", "microcircuit"] in words and ["bash", "jobs/test.sh"] in words
    assert words.index(["pip", "install", ".[mpi]"]) < words.index(["bash", "jobs/local.sh", "microcircuit"])


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_paths_and_names_are_there(document):
    text = documents.read(document)
    assert not documents.broken_links(document, text)
    assert not documents.missing_paths(document, text)
    assert not documents.missing_names(text)


def test_what_is_named_in_the_package_is_there():
    assert not documents.unknown_identifiers(documents.read("distsim/README.md"))


def test_the_readme_is_short():
    lines = documents.read("README.md").splitlines()
    assert len(lines) <= 150 and max(map(len, lines)) <= 120


# --- what is wrong is found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "distsim microcircuit --scael 0.1",
        "distsim brunel-alpha --g none",
        "distsim no-network",
        "mpirun -n 2 --fast distsim bench",
        "distsim bench --quik",
        "bash jobs/local.sh ei-clustered --panel A",
        "bash jobs/test.sh --slow",
        "sbatch --node=8 jobs/one-node.slurm",
        "sbatch jobs/two-nodes.slurm",
        "sbatch jobs/seeds.slurm --t-sim soon",
        "python examples/first.py",
        "python tests/benchmarks/peers.py --pair 5",
        "python -m pytest tests/unit/test_nothing.py",
        "python -m pydoc distsim.statistics",
        'pip install ".[mpy]"',
        "export DISTSIM_CACHE=/tmp",
        "apt-get install distsim",
        "cd distsim && make",
    ],
)
def test_a_command_that_does_not_work_is_found(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (words,) = commands(command)
    with pytest.raises((AssertionError, UncheckedError, FileNotFoundError, ImportError)):
        do(words)


def test_broken_links_paths_and_names_are_found():
    text = (
        "[a](b.md) [c](#d) ![e](../examples/scaling.png) [f](../README.md#install) `unit/test_x.py` `test_y` `zzz.sh`"
    )
    assert documents.broken_links("tests/README.md", text) == ["b.md", "#d"]
    assert documents.missing_paths("tests/README.md", text) == ["unit/test_x.py", "zzz.sh"]
    assert documents.missing_names(text + " `distsim.lod` `distsim.load` `distsim.analysis.rasta` `f(net.recrd)`") == [
        "test_y",
        "distsim.lod",
        "distsim.analysis.rasta",
        "net.recrd",
    ]
    assert documents.unknown_identifiers("`Nettwork` `Network`") == ["Nettwork"]


@pytest.mark.parametrize("text", ["```\ndistsim\n```\n", "```console\n$ distsim\n```\n"])
def test_a_block_of_another_language_is_refused(text):
    with pytest.raises(ValueError, match=r"README\.md:2: a block must be python or bash"):
        run_document("README.md", text)


def test_a_block_without_end_is_refused():
    with pytest.raises(ValueError, match="the block at line 3 does not end"):
        documents.blocks("a\n```bash\nls\n")
