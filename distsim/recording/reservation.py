"""Disk space reserved before it is written, so that a full disk is an error at once and at a harmless place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# Bytes that a file needs beyond its data: 256 KiB, and one byte in 64.
BASE, SHARE = 1 << 18, 64
# The system, or the file system, cannot reserve space: then an error comes when it is written.
UNABLE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class Reservation:
    """The space held on disk for a growing file.

    Parameters
    ----------
    path : Path
        The file; made (or emptied) by the first `extend`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._size = 0

    def extend(self, n_bytes: int) -> None:
        """Reserve space for `n_bytes` of data in all, and for what the file format adds.

        Raises
        ------
        OSError
            If there is not as much space, or the file cannot be made.
        """
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        needed = BASE + n_bytes + n_bytes // SHARE
        if needed > self._size and hasattr(os, "posix_fallocate"):
            self._allocate(self._file, needed)
            self._size = needed

    def _allocate(self, file: int, size: int) -> None:
        try:
            os.posix_fallocate(file, self._size, size - self._size)
        except OSError as error:
            if error.errno not in UNABLE:
                raise OSError(error.errno, f"{error.strerror}; needed: {size} bytes", str(self.path)) from None

    def forget(self) -> None:
        """Note that the file, with all space reserved for it, has been emptied."""
        self._size = 0

    def trim(self, size: int) -> None:
        """Return to the system what lies beyond `size` bytes."""
        if self._file is not None and os.fstat(self._file).st_size > size:
            os.ftruncate(self._file, size)

    def close(self) -> None:
        """Wait until the data are on disk, and let go of the file."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def remove(self) -> None:
        """Delete the file, where `extend` has made it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self.path.unlink(missing_ok=True)
