"""The machine that was measured, in a line."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.*)", cpuinfo.read_text())):
        model = found.group(1)
    return f"{model}, {os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
