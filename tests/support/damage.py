"""Ways to damage the files of a run: bytes, JSON, the structure of HDF5, other things in the place of a file.

Each way is a function that changes the file at a path; `random.Random` decides where and how, so that a seed and a
number make the same damage again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from distsim.recording.checkpoint_file import ENDING, PATTERN_OF_ENDING
from distsim.recording.sums import sum_of


class Damage(NamedTuple):
    """One way to damage a file; `is_new` if what is read afterwards may differ without being wrong."""

    name: str
    apply: Callable[[Path], None]
    is_new: bool = False


# --- bytes ------------------------------------------------------------------------------------------------------------


def flip(raw: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 2, 16])):
        raw[_place(raw, rng)] ^= 1 << rng.randrange(8)


def overwrite(raw: bytearray, rng: random.Random) -> None:
    """A block of zeros, ones or noise."""
    n, at = rng.choice([1, 8, 64, 512, 4096]), _place(raw, rng)
    kind = rng.randrange(3)
    block = [bytes(n), b"\xff" * n, rng.randbytes(n)][kind]
    raw[at : at + n] = block[: len(raw) - at]


def number(raw: bytearray, rng: random.Random) -> None:
    """A number in the place of another: an offset, a size, a count."""
    width, at = rng.choice([2, 4, 8]), _place(raw, rng)
    value = rng.choice([0, 1, 2**15, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, rng.randrange(len(raw))])
    raw[at : at + width] = (value % 256**width).to_bytes(width, "little")[: len(raw) - at]


def cut(raw: bytearray, rng: random.Random) -> None:
    del raw[rng.choice([0, 1, len(raw) - 1, rng.randrange(len(raw)), rng.randrange(len(raw))]) :]


def lose(raw: bytearray, rng: random.Random) -> None:
    """A piece out of the middle."""
    at = _place(raw, rng)
    del raw[at : at + rng.choice([1, 7, 512])]


def add(raw: bytearray, rng: random.Random) -> None:
    raw += rng.randbytes(rng.choice([1, 100, 4096]))


BYTES = (flip, overwrite, number, flip, overwrite, number, cut, lose, add)


def _place(raw: bytearray, rng: random.Random) -> int:
    """A byte, more often one that is not 0: most of an HDF5 file is empty, and what is not matters."""
    at = rng.randrange(len(raw))
    for _ in range(20):
        if raw[at] or rng.random() < 0.1:
            break
        at = rng.randrange(len(raw))
    return at


def of_bytes(rng: random.Random) -> Damage:
    how = rng.choice(BYTES)

    def apply(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        how(raw, rng)
        path.write_bytes(raw)

    return Damage(how.__name__, apply)


# --- something else ---------------------------------------------------------------------------------------------------


def _socket(path: Path) -> None:
    # Bound from its folder: the names of sockets are short.
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(before)


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 40)


INSTEAD = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "socket": _socket,
    "circle of links": _circle,
    "dead link": lambda path: path.symlink_to("nowhere"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "nothing": Path.touch,
    "1 TiB of nothing": _sparse,
}


def instead() -> Iterator[Damage]:
    for name, make in INSTEAD.items():

        def apply(path: Path, make: Callable[[Path], object] = make) -> None:
            path.unlink()
            make(path)

        yield Damage(name, apply)


# --- JSON -------------------------------------------------------------------------------------------------------------

TEXTS = (
    b"", b"{", b"[]", b"null", b"NaN", b"7", b'"text"', b'{"populations": NaN}', b'{"a": 1e999}', b"\0" * 100,
    b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"-Infinity", b'{"a": 1, "a": 2}', b"\xff\xfe{\0}\0",
    b"\xef\xbb\xbf{}", b'{"network": "\\ud800"}', b'{"populations": {}, "t_presim_ms": 0, "t_sim_ms": 1}', b"{'a': 1}",
    b"!!python/object/apply:os.system ['true']", b"\x80\x04\x95\x1a\0\0\0\0\0\0\0\x8c\x05posix\x8c\x06system\x93.",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 1.5, 1e300, -1e300, 1e-300, 2**63, 2**64 - 1, 10**30, "", "x", "\0", "../x", "/", ".",
    [], [[]], [1, 2], [[5, 1]], [[0, 2**40]], {}, {"": {}}, {"a": {"n": 2**40}}, {"../x": {}}, "$\\frac{$", "a\nb",
    "\u202e", "x" * 5000,
)  # fmt: skip


def of_texts() -> Iterator[Damage]:
    for text in TEXTS:
        is_summary = b"t_sim_ms" in text  # the only one that is, of a run without populations
        yield Damage(f"text {text[:20]!r}", lambda path, text=text: path.write_bytes(text), is_summary)
    yield Damage("doubled", lambda path: path.write_bytes(path.read_bytes() * 2))
    yield Damage("utf-16", lambda path: path.write_bytes(path.read_text().encode("utf-16")))
    yield Damage("every key twice", lambda path: path.write_text(path.read_text().replace(":", ': 1, "a":')))


def places(value: Any, above: tuple = ()) -> Iterator[tuple]:
    """Yield where the values in a JSON value are."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, part in pairs:
        yield (*above, key)
        yield from places(part, (*above, key))


def change(value: Any, place: tuple, new: Any) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = new


def remove(value: Any, place: tuple) -> None:
    for key in place[:-1]:
        value = value[key]
    del value[place[-1]]


def of_values(rng: random.Random) -> Damage:
    """One value in a JSON file becomes an odd one, or is gone."""
    new, which, gone = rng.choice(ODD), rng.random(), rng.random() < 0.1

    def apply(path: Path) -> None:
        value = json.loads(path.read_text())
        every = list(places(value))
        place = every[int(which * len(every))]
        if gone:
            remove(value, place)
        else:
            change(value, place, new)
        path.write_text(json.dumps(value))

    return Damage(f"{'gone' if gone else repr(new)[:20]} at {which:.4f}", apply, is_new=True)


def of_headers(rng: random.Random) -> Damage:
    """The same in the header of a checkpoint, with a sum that fits."""
    new, which, gone = rng.choice(ODD), rng.random(), rng.random() < 0.1

    def apply(path: Path) -> None:
        def edit(header: dict) -> None:
            # Not what a simulation must not depend on, the configuration.
            every = [place for place in places(header) if place[0] != "config"]
            place = every[int(which * len(every))]
            if gone:
                remove(header, place)
            else:
                change(header, place, new)

        forge(path, edit)

    return Damage(f"header {'gone' if gone else repr(new)[:20]} at {which:.4f}", apply, is_new=True)


def forge(path: Path, edit: Callable[[dict], object]) -> None:
    """Change the header of a checkpoint, and its sum with it."""
    import re

    raw = path.read_bytes()
    found = re.search(PATTERN_OF_ENDING + rb"$", raw)
    place, n = int(found[1], 16), int(found[2], 16)
    header = json.loads(raw[place : place + n])
    edit(header)
    encoded = np.frombuffer(json.dumps(header).encode(), np.uint8)
    raw = raw[: found.start()]
    ending = ENDING % (len(raw), encoded.size, sum_of(encoded).encode())
    path.write_bytes(raw + encoded.tobytes() + ending)


def forge_array(path: Path, name: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change an array of a checkpoint, and the sums with it."""
    raw = bytearray(path.read_bytes())

    def rewrite(header: dict) -> None:
        place, n, dtype, _ = header["datasets"][name]
        array = edit(np.frombuffer(bytes(raw), dtype, n, place).copy())
        header["datasets"][name] = [len(raw), array.size, array.dtype.str, sum_of(array)]
        raw.extend(array.tobytes())

    header: dict = {}
    forge(path, lambda found: (rewrite(found), header.update(found)))
    # The new array lies between HDF5 and the new header.
    import re

    whole = path.read_bytes()
    found = re.search(PATTERN_OF_ENDING + rb"$", whole)
    encoded = np.frombuffer(json.dumps(header).encode(), np.uint8)
    path.write_bytes(bytes(raw) + encoded.tobytes() + ENDING % (len(raw), encoded.size, found[3]))


# --- the structure of HDF5 --------------------------------------------------------------------------------------------

SECRET = "secret.h5"  # lies beside the folder: what it holds must not be read


def _replace(group: h5py.Group, name: str, make: Callable[[h5py.Group, str], object]) -> None:
    del group[name]
    make(group, name)


def _virtual(group: h5py.Group, name: str, place: Path) -> None:
    layout = h5py.VirtualLayout((3,), "<f8")
    layout[:] = h5py.VirtualSource(str(place), "spikes/E/timestamps", (3,))
    group.create_virtual_dataset(name, layout)


def _chunks(group: h5py.Group, name: str, shape: tuple, **options) -> None:
    group.create_dataset(name, shape, "<f8", chunks=options.pop("chunks", (1024,) * len(shape)), **options)


def _many(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.zeros(1 << 24), chunks=(1 << 20,), compression="gzip", compression_opts=1)


def _filter(group: h5py.Group, name: str, code: int) -> None:
    """A dataset whose filter this library does not have."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((4,)), properties)
    group[name][:] = 1.0


WAYS: dict[str, Callable[[h5py.Group, str, Path], object]] = {
    "gone": lambda g, n, _: g.__delitem__(n),
    "group": lambda g, n, _: _replace(g, n, lambda g, n: g.create_group(n)),
    "scalar": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=1.0)),
    "null": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=h5py.Empty("f8"))),
    "named type": lambda g, n, _: _replace(g, n, lambda g, n: g.__setitem__(n, np.dtype("f8"))),
    "3 dimensions": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.zeros((2, 2, 2)))),
    "texts": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=["a", "b"])),
    "fixed texts": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.array([b"a", b"b"]))),
    "lists": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, (3,), h5py.vlen_dtype("i4"))),
    "compound": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.zeros(3, "i4,f8"))),
    "complex": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.zeros(3, complex))),
    "enum": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, (3,), h5py.enum_dtype({"a": 1}))),
    "references": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, (3,), h5py.ref_dtype)),
    "opaque": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.zeros(3, "V4"))),
    "arrays": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, (3,), np.dtype(("f8", (2,))))),
    "not finite": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=[np.nan, np.inf])),
    "negative": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=[-1, -(2**60)])),
    "large": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.array([2**63, 2**64 - 1], "u8"))),
    "other length": lambda g, n, _: _replace(g, n, lambda g, n: g.create_dataset(n, data=np.arange(5))),
    "2^60 values": lambda g, n, _: _replace(g, n, lambda g, n: _chunks(g, n, (1 << 60,), maxshape=(None,))),
    "2^60 values, not stored": lambda g, n, _: _replace(g, n, lambda g, n: _chunks(g, n, (1 << 60,), chunks=None)),
    "2^32 values, compressed": lambda g, n, _: _replace(g, n, lambda g, n: _chunks(g, n, (1 << 32,), compression=9)),
    "2^20 x 2^20": lambda g, n, _: _replace(g, n, lambda g, n: _chunks(g, n, (1 << 20, 1 << 20))),
    "bomb": lambda g, n, _: _replace(g, n, _many),
    "large chunk": lambda g, n, _: _replace(
        g, n, lambda g, n: _chunks(g, n, (8,), chunks=(1 << 28,), maxshape=(None,))
    ),
    "unknown filter": lambda g, n, _: _replace(g, n, lambda g, n: _filter(g, n, 32_500)),
    "other file": lambda g, n, p: _replace(
        g, n, lambda g, n: g.__setitem__(n, h5py.ExternalLink(str(p), "/spikes/E/timestamps"))
    ),
    "pipe": lambda g, n, p: _replace(g, n, lambda g, n: g.__setitem__(n, h5py.ExternalLink(str(p) + ".pipe", "/x"))),
    "other bytes": lambda g, n, p: _replace(
        g, n, lambda g, n: g.create_dataset(n, (3,), "<f8", external=[(str(p), 0, 24)])
    ),
    "bytes of a pipe": lambda g, n, p: _replace(
        g, n, lambda g, n: g.create_dataset(n, (3,), "<f8", external=[(str(p) + ".pipe", 0, 24)])
    ),
    "virtual": lambda g, n, p: _replace(g, n, lambda g, n: _virtual(g, n, p)),
    "circle": lambda g, n, _: _replace(g, n, lambda g, n: g.__setitem__(n, h5py.SoftLink(f"{g.name}/{n}"))),
    "dead": lambda g, n, _: _replace(g, n, lambda g, n: g.__setitem__(n, h5py.SoftLink("/nowhere"))),
    "itself above": lambda g, n, _: _replace(g, n, lambda g, n: g.__setitem__(n, g.parent)),
}
VALUES = {
    "text": "x", "texts": ["a", "b"], "nan": np.nan, "inf": np.inf, "negative": -1, "zero": 0, "large": 2**63,
    "huge": 1e300, "tiny": 1e-300, "list": [1, 2], "matrix": np.zeros((2, 2)), "null": h5py.Empty("f8"), "complex": 1j,
    "true": True, "compound": np.zeros((), "i4,f8"), "bytes": np.void(b"abc"), "64 kB": "x" * 60_000,
}  # fmt: skip


def of_structure(targets: list[str], attributes: list[tuple[str, str]]) -> Iterator[Damage]:
    """Yield every way for each of the datasets and groups `targets`, and odd values for each of the `attributes`."""
    for target in targets:
        for name, way in WAYS.items():

            def apply(path: Path, target: str = target, way: Callable = way) -> None:
                above, last = target.rsplit("/", 1)
                with h5py.File(path, "r+") as file:
                    way(file[above or "/"], last, path.parent.parent / SECRET)

            yield Damage(f"{target} {name}", apply, is_new=True)
    for owner, key in attributes:
        for name, value in VALUES.items():

            def apply(path: Path, owner: str = owner, key: str = key, value: Any = value) -> None:
                with h5py.File(path, "r+") as file:
                    file[owner].attrs[key] = value

            yield Damage(f"{owner}.{key} {name}", apply, is_new=True)


def make_secret(folder: Path) -> None:
    """Make the files that links and external storage of damaged files point at."""
    with h5py.File(folder / SECRET, "w") as file:
        file["spikes/E/timestamps"] = [42.4242] * 3
        file["x"] = 1
    os.mkfifo(folder / (SECRET + ".pipe"))


def picture_of(folder: Path) -> dict[str, tuple]:
    """Return what lies in a folder: names, kinds and bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        is_file = path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 30
        content = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else None
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, path.lstat().st_size, content)
    return found
