"""A recording's seal: a line after the end of HDF5 with the sum of all bytes before it.

HDF5 keeps no sums of what we write, and damaged bytes may crash it or let it run for ever. A file that fits its seal is
as it was written. A file without one is another program's, or was changed with HDF5, which cuts the line off.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from distsim.files.plain_files import open_plain
from distsim.recording.sums import BLOCK, block_bounds

# How many bytes HDF5 has, and their sum.
SEAL = b"distsim-recording %016x %s\n"
PATTERN = rb"distsim-recording ([0-9a-f]{16}) ([0-9a-f]{16})\n"
LENGTH = len(SEAL % (0, b"0" * 16))
Identity = tuple[int, int, int, int]

_sound: dict[Identity, None] = {}  # files whose bytes are known to be as they were written, the latest last
MOST_KNOWN = 10_000


def identity(path: str | Path) -> Identity:
    """Return numbers that change when a file is replaced or written again."""
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def trust(path: str | Path) -> None:
    """Note that the file is as it was written, since this process wrote it or another rank has checked it."""
    _sound[identity(path)] = None
    while len(_sound) > MOST_KNOWN:
        del _sound[next(iter(_sound))]


def is_sound(path: str | Path) -> bool:
    """Return whether the file has a seal that fits it; False if it has none.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        The seal does not fit.
    """
    with open_plain(path) as file:
        if identity(path) in _sound:
            return True
        written = _read_seal(file)
        if written is None:
            return False
        n, expected = written
        found = _combined([_block_sums(file, 0, n)])
    if found != expected:
        raise ValueError(f"damaged: its bytes have the sum {found}, not {expected}")
    trust(path)
    return True


def _read_seal(file: BinaryIO) -> tuple[int, str] | None:
    """Return how many bytes are sealed, and their sum; None if there is no seal."""
    start = max(0, file.seek(0, os.SEEK_END) - LENGTH)
    file.seek(start)
    tail = file.read()
    match = re.fullmatch(PATTERN, tail)
    if match and int(match[1], 16) == start:
        return start, match[2].decode()
    # HDF5 cuts off bytes after its end: if there are as many as a seal has, they were one.
    behind = start + len(tail) - _end_of_hdf5(file)
    if behind == LENGTH or (0 < behind < LENGTH and tail[-behind:] == SEAL[:behind]):
        raise ValueError("damaged: its seal is")
    return None


def _end_of_hdf5(file: BinaryIO) -> int:
    """Return where HDF5 ends, as the superblock (version 0, as in our files) says; 0 if it is another."""
    file.seek(0)
    head = file.read(48)
    return int.from_bytes(head[40:], "little") if head[:9] == b"\x89HDF\r\n\x1a\n\0" else 0


def sums_of_slice(path: Path, rank: int, n_ranks: int) -> bytes:
    """Return the sums of the blocks of a file that are `rank`'s to read."""
    with open_plain(path) as file:
        bounds = block_bounds(n_ranks, os.fstat(file.fileno()).st_size)
        return _block_sums(file, *(int(bound) for bound in bounds[rank : rank + 2]))


def seal(path: Path, slices: Iterable[bytes]) -> bytes:
    """Return the line that seals a file, from the sums of its slices in order."""
    return SEAL % (os.stat(path).st_size, _combined(slices).encode())


def _block_sums(file: BinaryIO, start: int, stop: int) -> bytes:
    """Return the sums of the blocks from byte `start` to `stop`: CRC-32, which takes less time than reading."""
    file.seek(start)
    blocks = (file.read(min(BLOCK, stop - place)) for place in range(start, stop, BLOCK))
    return b"".join(zlib.crc32(block).to_bytes(4, "little") for block in blocks)


def _combined(slices: Iterable[bytes]) -> str:
    return hashlib.blake2b(b"".join(slices), digest_size=8).hexdigest()
