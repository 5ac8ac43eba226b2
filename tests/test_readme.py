"""The README keeps its word: its links lead somewhere, and CI runs its test command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "configs/README.md",
    "configs/experiments.md",
    "configs/engines.md",
    "model/checkpoint/README.md",
    "seeds/rewrites/README.md",
    "serve/http/README.md",
    "deploy/README.md",
)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file(page):
    path = ROOT / page
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_ci_runs_the_readmes_test_command():
    command = 'pip install -e ".[dev]" && pytest'
    assert f"\n{command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"\n{command} " in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_nothing_is_left_to_fill_in():
    for page in PAGES:
        assert "@@" not in (ROOT / page).read_text(encoding="utf-8")
