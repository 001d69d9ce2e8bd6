"""Check groups, datasets and attributes of HDF5 files of other programs before reading them.

No link or dataset may lead out of the file, and no dataset may claim to be larger than its stored bytes allow. The
ValueError names the place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import h5py
import numpy as np

MAGIC = 0x0A7A  # of SONATA files
PIECES = "recorded_ms"  # beside the recordings of a file: start and end (ms) of each piece, where there are breaks
WHOLE, REAL = "iu", "iuf"  # kinds of numbers
MOST_LINKS = 16  # soft links that may lead to each other
MOST_NEURONS = 1 << 32
COMPRESSION = 1100  # deflate makes 1 byte of 1032 at most
PLAIN_FILTERS = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
BLOCK = 1 << 24  # bytes read at a time
LONGEST_TEXT = 100  # characters of a unit


def check_magic(file: h5py.File) -> None:
    if attribute(file, "magic") != MAGIC:
        raise ValueError("the attribute 'magic' of SONATA files is missing")


def has(group: h5py.Group, name: str) -> bool:
    """Return whether there is a link of this name, wherever it leads."""
    return bool(group.id.links.exists(_encoded(name)))


def member(group: h5py.Group, path: str, n_links: int = 0) -> h5py.Group | h5py.Dataset:
    """Return what `path` names within the file; no link to another file is followed."""
    found = group.file["/"] if path.startswith("/") else group
    for name in filter(None, path.split("/")):
        if not isinstance(found, h5py.Group):
            raise ValueError(f"{found.name} is not a group")
        place = f"{found.name.rstrip('/')}/{name}"
        if not has(found, name):
            raise ValueError(f"{place} is missing")
        kind = found.id.links.get_info(_encoded(name)).type
        if kind == h5py.h5l.TYPE_HARD:
            found = found[name]
        elif kind == h5py.h5l.TYPE_SOFT and n_links < MOST_LINKS:
            found = member(found, found.id.links.get_val(_encoded(name)).decode(errors="replace"), n_links + 1)
        else:
            raise ValueError(f"{place} is a link to another file, or a circle of links, which is not followed")
    return found


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def children(file: h5py.File, path: str) -> Iterator[tuple[str, h5py.Group]]:
    """Yield names and groups of the populations in `path`, in the order of the file."""
    top = member(file, path)
    if not isinstance(top, h5py.Group):
        raise ValueError(f"{top.name} is not a group")
    for name in top:
        if name in (".", "..") or not name.isprintable():
            raise ValueError(f"{top.name} holds {name!r}, which is not the name of a population")
        group = member(top, name)
        if not isinstance(group, h5py.Group):
            raise ValueError(f"{top.name}/{name} is not a group")
        yield name, group


def dataset(group: h5py.Group, path: str, kinds: str = REAL, ndim: int = 1) -> h5py.Dataset:
    """Return a dataset of numbers of these `kinds` in `ndim` dimensions, all of which are stored in the file."""
    found = member(group, path)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{group.name}/{path} is not a dataset")
    properties = found.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL or properties.get_external_count():
        raise ValueError(f"{found.name} lies in other files, which are not read")
    if found.dtype.kind not in kinds or found.dtype.subdtype is not None:
        raise ValueError(f"{found.name} holds {found.dtype}, not numbers of the right kind")
    if found.shape is None or len(found.shape) != ndim:
        raise ValueError(f"{found.name} has the shape {found.shape}, not {ndim} dimension{'s' if ndim > 1 else ''}")
    _check_stored(found, properties)
    return found


def _check_stored(found: h5py.Dataset, properties: h5py.h5p.PropDCID) -> None:
    """Check that the size that a dataset claims is possible for the bytes that are stored of it."""
    said, stored = math.prod(found.shape) * found.id.get_type().get_size(), found.id.get_storage_size()
    filters = {properties.get_filter(k)[0] for k in range(properties.get_nfilters())}
    factor = 1 if filters <= PLAIN_FILTERS else COMPRESSION
    if said > factor * stored:
        raise ValueError(f"{found.name} is to hold {said} bytes in the shape {found.shape}; {stored} are stored")


def column_blocks(found: h5py.Dataset) -> Iterator[np.ndarray]:
    """Yield the rows of a dataset, whole chunks at a time."""
    row = max(1, math.prod(found.shape[1:]) * found.dtype.itemsize)
    chunk = found.chunks[0] if found.chunks else 1
    rows = max(1, BLOCK // row // chunk) * chunk
    for start in range(0, found.shape[0], rows):
        yield found[start : start + rows]


def datasets_of(group: h5py.Group) -> Iterator[h5py.Dataset]:
    """Yield the datasets of a population that are read, of spikes or of a report."""
    if has(group, "data"):
        yield dataset(group, "data", ndim=2)
        yield dataset(group, "mapping/node_ids", WHOLE)
        if not has_attribute(group, "first_step"):
            yield dataset(group, "mapping/time")
    else:
        yield dataset(group, "timestamps")
        yield dataset(group, "node_ids", WHOLE)


def has_attribute(owner: h5py.Group | h5py.Dataset, name: str) -> bool:
    return bool(h5py.h5a.exists(owner.id, name.encode()))


def attribute(
    owner: h5py.Group | h5py.Dataset, name: str, low: float = -math.inf, high: float = math.inf, *, whole: bool = False
) -> float | int | None:
    """Return an attribute, one number from `low` to `high`; None if there is none."""
    if not has_attribute(owner, name):
        return None
    found = h5py.h5a.open(owner.id, name.encode())
    if found.shape not in ((), (1,)) or found.dtype.kind not in (WHOLE if whole else REAL):
        raise ValueError(f"the attribute {name} of {owner.name} is not {'a whole' if whole else 'one'} number")
    value: float | int = np.asarray(owner.attrs[name]).reshape(-1)[0].item()
    if not low <= value <= high or not math.isfinite(value):
        allowed = [f"at least {low:g}"] * math.isfinite(low) + [f"at most {high:g}"] * math.isfinite(high)
        raise ValueError(f"the attribute {name} of {owner.name} is {value}, not {' and '.join(allowed) or 'finite'}")
    return value


def text_attribute(owner: h5py.Group | h5py.Dataset, name: str) -> str:
    """Return an attribute that is a text; "" if there is none, or it is none."""
    if not has_attribute(owner, name):
        return ""
    value = owner.attrs[name]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text if isinstance(text, str) and len(text) <= LONGEST_TEXT and text.isprintable() else ""
