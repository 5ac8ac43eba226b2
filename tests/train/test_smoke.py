"""The whole line by its public commands: build, train, calibrate, export, score."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CPU_LIMIT_S = 120
"""Two minutes; of the processor, since a busy machine is no fault of the code."""

SEED_DOCUMENTS = sorted((ROOT / "seeds" / "documents").glob("*.txt"))


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module's command in `folder`, as from a checkout; it must end well."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done


def files_of_checkout() -> set[Path]:
    """Every file of the checkout but those that tools keep for themselves."""
    kept = ("build", ".git", ".venv", "__pycache__")
    return {
        path
        for path in ROOT.rglob("*")
        if not any(part in kept or part.endswith("_cache") for part in path.parts)
    }


def cpu_seconds() -> float:
    """Processor time of the commands that have ended."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.slow
def test_the_whole_line_runs_in_two_minutes_and_stays_in_its_folder(tmp_path):
    before = files_of_checkout()
    # The configurations name folders as seen from a checkout: here is what they read.
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "seeds").mkdir()
    shutil.copyfile(ROOT / "seeds" / "toy.csv", tmp_path / "seeds" / "toy.csv")
    started = cpu_seconds()

    built = run(tmp_path, "seeds.build", "--config", "configs/smoke-corpus.yaml")
    folder, digest = built.stdout.split()
    assert (tmp_path / folder / "digest.txt").read_text() == digest + "\n"

    trained = run(tmp_path, "train.finetune", "--config", "configs/smoke.yaml")
    bundle = trained.stdout.strip()
    assert bundle == "build/smoke/run/bundle"
    assert trained.stderr == ""
    manifest = json.loads((tmp_path / bundle / "respun.json").read_text())
    assert manifest["training"]["data_digest"] == digest
    assert manifest["parity"]["auroc_difference"] <= 0.002

    scored = run(tmp_path, "serve.score", "--model", bundle, *map(str, SEED_DOCUMENTS))
    assert len(scored.stdout.splitlines()) == len(SEED_DOCUMENTS) == 5
    for line, document in zip(scored.stdout.splitlines(), SEED_DOCUMENTS, strict=True):
        assert line.endswith(str(document))
    assert cpu_seconds() - started < CPU_LIMIT_S
    assert files_of_checkout() == before
