"""A start imports what it needs: every package more is time that a shell user notices.

Where the time goes, `python -X importtime -m serve.score FILE` tells.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCORING = {"numpy", "onnxruntime", "tokenizers", "sentencex", "fasttext", "fasttext_pybind"}
"""What scoring a text may import beside the standard library and our own."""
OWN = {"model", "serve"}
SLOW = {"asyncio", "http", "multiprocessing", "ssl", "unittest", "xml"}
"""What it needs none of, though the standard library has it."""

_PROGRAM = """
import json, sys
before = set(sys.modules)  # what the installation itself imports
from serve.score import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    """The top-level modules that a command line imports."""
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    names = json.loads(run.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in names}


def packages(modules: set[str]) -> set[str]:
    return modules - sys.stdlib_module_names


def test_scoring_imports_what_it_needs_and_nothing_else(tiny_bundle, toy_article, tmp_path):
    (tmp_path / "article.txt").write_text(toy_article)
    modules = imported("--model", str(tiny_bundle), str(tmp_path / "article.txt"))
    assert packages(modules) == SCORING | OWN
    assert modules & SLOW == set()


def test_the_version_loads_no_encoder_and_the_help_nothing_at_all():
    assert packages(imported("--version")) == {*OWN, "numpy"}
    assert packages(imported("--help")) == OWN
