"""The folder of compiled kernels: the user's own, or a private one takes its place and a line says so."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from distsim.engine.compiled import cache_folder
from distsim.engine.compiled.cache_folder import agreed_folder, fingerprint
from distsim.parallel import FaultError, SerialCommunicator

ROOT = Path(__file__).resolve().parents[2]
OTHER = 12345  # a user who is not this one
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """A folder for temporary files and a home, and no choice made yet."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("DISTSIM_CACHE_DIR", raising=False)
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    return tmp_path / "tmp"


def chosen() -> Path:
    return agreed_folder(SerialCommunicator())


def fixed(temporary: Path) -> Path:
    return temporary / f"distsim-{os.geteuid()}"


def mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o000])
def test_what_is_made_is_for_the_user_alone(tmp_path, monkeypatch, capsys, umask):
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(tmp_path / "a" / "b"))
    before = os.umask(umask)
    try:
        folder = chosen()
    finally:
        os.umask(before)
    assert folder == tmp_path / "a" / "b" / "distsim" / fingerprint()
    assert {mode(path) for path in (folder, *folder.parents) if path.is_relative_to(tmp_path / "a")} == {0o700}
    assert capsys.readouterr() == ("", "")


def test_where_the_environment_asks_for_it(tmp_path, monkeypatch):
    where = {"home": tmp_path / "home" / ".cache", "xdg": tmp_path / "xdg", "own": tmp_path / "own"}
    found = {"home": cache_folder.asked_for()[0]}
    monkeypatch.setenv("XDG_CACHE_HOME", str(where["xdg"]))
    found["xdg"] = cache_folder.asked_for()[0]
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(where["own"]))
    found["own"] = cache_folder.asked_for()[0]
    assert found == where


def test_a_relative_folder_is_one_below_the_working_directory_and_stays_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTSIM_CACHE_DIR", "mine")
    folder = chosen()
    assert folder == tmp_path / "mine" / "distsim" / fingerprint()
    monkeypatch.chdir("/")
    assert chosen() == folder


def test_a_relative_xdg_folder_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert chosen() == tmp_path / "home" / ".cache" / "distsim" / fingerprint()


@pytest.mark.parametrize("which", range(3), ids=["base", "distsim", "fingerprint"])
@pytest.mark.parametrize("bits", [0o770, 0o707, 0o775, 0o777, 0o1777])
def test_a_folder_that_others_can_write_is_not_read(tmp_path, temporary, monkeypatch, capsys, which, bits):
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(tmp_path / "shared"))
    folder = chosen()
    wide = [tmp_path / "shared", folder.parent, folder][which]
    wide.chmod(bits)
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    assert chosen() == fixed(temporary) / fingerprint()
    assert mode(fixed(temporary)) == mode(chosen()) == 0o700
    out, line = capsys.readouterr()
    assert out == "" and line.count("\n") == 1
    assert f"DISTSIM_CACHE_DIR is not used for compiled kernels: {wide} can be written by others (chmod go-w" in line
    assert str(fixed(temporary)) in line


@pytest.mark.parametrize("bits", [0o755, 0o750, 0o700])
def test_a_folder_that_others_can_read_is_used(tmp_path, monkeypatch, capsys, bits):
    (tmp_path / "shared").mkdir(bits)
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(tmp_path / "shared"))
    assert chosen().is_relative_to(tmp_path / "shared") and capsys.readouterr().err == ""


def test_a_file_that_others_can_write_is_not_read(tmp_path, temporary, monkeypatch):
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(tmp_path / "mine"))
    folder = chosen()
    file = folder / "kernel.nbi"
    file.write_bytes(b"")
    file.chmod(0o666)
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    assert chosen() == folder  # nobody else gets there
    folder.chmod(0o755)
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    assert chosen() == fixed(temporary) / fingerprint()


@as_root
@pytest.mark.parametrize("which", range(4), ids=["base", "distsim", "fingerprint", "file"])
def test_a_folder_of_somebody_else_is_not_read(tmp_path, temporary, monkeypatch, capsys, which):
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(tmp_path / "theirs"))
    folder = chosen()
    (folder / "kernel.nbi").write_bytes(b"")
    theirs = [tmp_path / "theirs", folder.parent, folder, folder / "kernel.nbi"][which]
    os.chown(theirs, OTHER, OTHER)
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    assert chosen() == fixed(temporary) / fingerprint()
    assert f"{theirs} belongs to another user" in capsys.readouterr().err


def test_a_link_among_the_kernels_is_not_read(tmp_path, temporary, monkeypatch):
    monkeypatch.setenv("DISTSIM_CACHE_DIR", str(tmp_path / "mine"))
    (tmp_path / "elsewhere").write_bytes(b"")
    (chosen() / "kernel.nbi").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    assert chosen() == fixed(temporary) / fingerprint()


def test_a_users_own_folder_may_be_a_link(tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir(0o700)
    (tmp_path / "home" / ".cache").symlink_to(tmp_path / "scratch")
    assert chosen() == tmp_path / "home" / ".cache" / "distsim" / fingerprint()
    assert (tmp_path / "scratch" / "distsim" / fingerprint()).is_dir()


@pytest.mark.parametrize("asked", ["/proc/nowhere", "{tmp}/a-file", "{tmp}/a-file/below", "~nobody-of-that-name/x"])
def test_where_nothing_can_be_made_a_private_folder_takes_its_place(tmp_path, temporary, monkeypatch, capsys, asked):
    (tmp_path / "a-file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTSIM_CACHE_DIR", asked.format(tmp=tmp_path))
    assert chosen() == chosen() == fixed(temporary) / fingerprint()
    assert capsys.readouterr().err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a-file", "tmp", "home"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_home_that_cannot_be_written(tmp_path, temporary, capsys):
    (tmp_path / "home").chmod(0o500)
    assert chosen() == fixed(temporary) / fingerprint()
    assert "the user's cache folder is not used" in capsys.readouterr().err


# --- the private one --------------------------------------------------------------------------------------------------


@pytest.fixture
def homeless(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/proc/nowhere")


def test_the_private_folder_is_kept_for_the_next_run(temporary, homeless, monkeypatch):
    folder = chosen()
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    assert chosen() == folder == fixed(temporary) / fingerprint()


@pytest.mark.parametrize("bits", [0o755, 0o711, 0o744])
def test_a_private_folder_that_others_can_only_read_is_closed(temporary, homeless, bits):
    fixed(temporary).mkdir()
    fixed(temporary).chmod(bits)
    assert chosen() == fixed(temporary) / fingerprint() and mode(fixed(temporary)) == 0o700


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o775, 0o1777])
def test_a_private_folder_that_others_can_write_is_left_alone(temporary, homeless, bits):
    fixed(temporary).mkdir()
    fixed(temporary).chmod(bits)
    folder = chosen()
    assert folder != fixed(temporary) and folder.parent == temporary and mode(folder) == 0o700
    assert not any(fixed(temporary).iterdir())


def test_a_link_in_place_of_the_private_folder_is_left_alone(tmp_path, temporary, homeless):
    (tmp_path / "trap").mkdir(0o700)
    fixed(temporary).symlink_to(tmp_path / "trap")
    folder = chosen()
    assert folder.parent == temporary and folder != fixed(temporary) and not folder.is_symlink()
    assert not any((tmp_path / "trap").iterdir())


def test_a_link_to_nowhere_in_place_of_the_private_folder_is_left_alone(tmp_path, temporary, homeless):
    fixed(temporary).symlink_to(tmp_path / "nowhere")
    assert chosen().parent == temporary and not (tmp_path / "nowhere").exists()


@as_root
def test_a_private_folder_that_somebody_else_made_first_is_left_alone(temporary, homeless):
    fixed(temporary).mkdir(0o700)
    os.chown(fixed(temporary), OTHER, OTHER)
    folder = chosen()
    assert folder.parent == temporary and folder != fixed(temporary)
    assert os.lstat(folder).st_uid == os.geteuid() and mode(folder) == 0o700


def test_a_folder_that_goes_is_made_again(tmp_path, monkeypatch):
    folder = chosen()
    folder.rmdir()
    assert chosen() == folder and folder.is_dir()


def test_where_no_folder_at_all_can_be_made_a_line_says_so(monkeypatch, homeless):
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(FaultError, match=r"compiled kernels cannot be kept: .*set DISTSIM_CACHE_DIR to a folder"):
        chosen()


# --- nobody else's code -----------------------------------------------------------------------------------------------


class Code:
    """Runs a command where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


# The name of the folder follows from the sources: of those that this process reads.
SCRIPT = """
import sys
from pathlib import Path
from distsim.engine.compiled.cache import fill_once
from distsim.engine.compiled.cache_folder import agreed_folder, fingerprint
from distsim.parallel import SerialCommunicator
folder = Path(sys.argv[1]) / fingerprint()
folder.mkdir()
for name in ("bad-1.py311.nbi", "bad-1.py311.1.nbc"):
    (folder / name).write_bytes(Path("bad").read_bytes())
folder.chmod(0o777)
comm = SerialCommunicator()
fill_once(comm, agreed_folder(comm), {})  # as a simulation does, with nothing to compile
print(folder)
"""


def test_code_that_lies_in_a_shared_folder_is_not_run(tmp_path, temporary):
    shared = tmp_path / "shared" / "distsim"
    shared.mkdir(parents=True)
    (tmp_path / "bad").write_bytes(pickle.dumps(Code(tmp_path / "run")))
    variables = {"DISTSIM_CACHE_DIR": str(tmp_path / "shared"), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, shared],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1 and f"{done.stdout.rstrip()} can be written by others" in done.stderr
    assert not (tmp_path / "run").exists() and len(list(Path(done.stdout.rstrip()).iterdir())) == 2
    assert mode(fixed(temporary)) == 0o700
