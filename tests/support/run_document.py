"""Run a document: its Python in one namespace, its commands as far as a test can, in order, in the working directory.

python -m tests.support.run_document examples/README.md
"""

from __future__ import annotations

import sys

from tests.support.commands import ROOT
from tests.support.documented_commands import commands, do
from tests.support.documents import blocks, read


def run_document(document: str, text: str) -> None:
    """Run the blocks of `text`, which is that of `document`."""
    namespace = {"__name__": "__main__"}
    for block in blocks(text):
        where = f"{document}:{block.line}"
        print(f"== {where}", flush=True)
        if block.language == "python":
            code = "\n" * (block.line - 1) + block.text  # tracebacks name the lines of the document
            exec(compile(code, ROOT / document, "exec"), namespace)
        elif block.language == "bash":
            for words in commands(block.text):
                print(f"$ {' '.join(words)}", flush=True)
                do(words)
        else:
            raise ValueError(f"{where}: a block must be python or bash, not {block.language!r}")


if __name__ == "__main__":
    run_document(sys.argv[1], read(sys.argv[1]))
