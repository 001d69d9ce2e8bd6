"""Read the documents of the repository: code blocks, links, headings, and what stands in backticks."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import NamedTuple

from distsim import Network, Result, Simulation
from tests.support.commands import ROOT

DOCUMENTS = ("README.md", "examples/README.md", "jobs/README.md", "tests/README.md", "distsim/README.md")
PLACEHOLDERS = {"NAME", "DIR", "FILE", "JOB", "SEED"}  # words that stand for something of the user's
OF_USERS = {"first.py"}  # files that a reader is told to make
FENCE = re.compile(r"```(.*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
SCRIPTS = (".py", ".sh", ".slurm")
OBJECTS = {"net": Network, "sim": Simulation, "result": Result}
FOLDERS = ("distsim", "examples", "jobs", "tests")


class Block(NamedTuple):
    """A fenced code block: its language, the number of its first line, and its text."""

    language: str
    line: int
    text: str


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf8")


def blocks(text: str) -> list[Block]:
    """Return the fenced code blocks; ValueError if one does not end."""
    found, opened, lines = [], None, []
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.fullmatch(line.strip())
        if fence and opened is None:
            opened, lines = (fence[1], number + 1), []
        elif fence:
            found.append(Block(*opened, "\n".join(lines)))
            opened = None
        elif opened is not None:
            lines.append(line)
    if opened is not None:
        raise ValueError(f"the block at line {opened[1]} does not end")
    return found


def prose(text: str) -> str:
    """Return the text without its fenced code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def anchors(text: str) -> set[str]:
    """Return the names of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: str, text: str) -> list[str]:
    """Return the links and images of a document that lead nowhere in the repository."""
    broken = []
    for link in LINK.findall(prose(text)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        there = text if not path else file.read_text(encoding="utf8") if file.suffix == ".md" and file.exists() else ""
        if not file.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    return broken


def in_backticks(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(text))


def missing_paths(document: str, text: str) -> list[str]:
    """Return the paths in backticks that look like ones of the repository, and are none."""
    folders = [ROOT, ROOT / "distsim", ROOT / "tests", (ROOT / document).parent]
    known = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()} - {"results"}
    ignored = (ROOT / ".gitignore").read_text().split()
    scripts = {path.name for kind in SCRIPTS for name in FOLDERS for path in (ROOT / name).rglob(f"*{kind}")}
    missing = []
    for word in " ".join(in_backticks(text)).split():
        is_path = PATH.fullmatch(word) and (("/" in word and word.split("/")[0] in known) or word.endswith(SCRIPTS))
        if not is_path or PLACEHOLDERS & set(re.split(r"\W", word)) or word in {*ignored, *OF_USERS}:
            continue
        if not any((folder / word).exists() for folder in folders) and not ("/" not in word and word in scripts):
            missing.append(word)
    return missing


def missing_names(text: str) -> list[str]:
    """Return names of distsim, of tests, and of members of `net`, `sim` and `result` in backticks that do not exist."""
    words = [word.split("(")[0] for word in in_backticks(text)]
    tests = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tests |= set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf8"), re.M))
    missing = [word for word in words if re.fullmatch(r"test_\w+", word) and word not in tests]
    missing += [word for word in words if re.fullmatch(r"distsim(\.\w+)+", word) and not _exists(word)]
    for owner, name in re.findall(r"\b(net|sim|result)\.(?!py\b)(\w+)", "\n".join(in_backticks(text))):
        if name not in _members(OBJECTS[owner]):
            missing.append(f"{owner}.{name}")
    return missing


def _members(cls: type) -> set[str]:
    """Return the names of methods, properties and attributes of a class."""
    return {*dir(cls), *re.findall(r"self\.(\w+)", inspect.getsource(cls)), *getattr(cls, "__annotations__", {})}


def _exists(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def unknown_identifiers(text: str) -> list[str]:
    """Return the identifiers in backticks that occur nowhere in the package, nor in the names and globals of tests."""
    files = [path for folder in ("distsim", "tests") for path in (ROOT / folder).rglob("*.py")]
    known = {part for path in files for part in path.with_suffix("").parts} | set(FOLDERS)
    known |= {path.name for path in (ROOT / "tests").rglob("*") if path.is_dir()}  # of data, too
    for path in files:
        code, is_test = path.read_text(encoding="utf8"), path.is_relative_to(ROOT / "tests")
        known |= set(re.findall(r"^(?:def )?(\w+)" if is_test else r"\w+", code, re.M))
    words = [word for found in in_backticks(text) for word in re.findall(r"[A-Za-z_]\w*", found)]
    return [word for word in words if word not in known]
