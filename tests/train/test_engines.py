from __future__ import annotations

import json

import pytest

from train import engines


@pytest.mark.filterwarnings("ignore")  # the libraries' own, while they trace and quantise
@pytest.mark.slow
def test_every_engine_is_timed_and_compared(toy_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engines, "_TIMED_RUNS", 7)
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    output = tmp_path / "out"
    arguments = ["--bundle", str(toy_run.bundle), "--data", str(toy_run.config.data)]
    arguments += ["--output", str(output), "--split", "dev", "--texts", "12"]
    assert engines.main(arguments) == 0
    report = json.loads((output / "engines.json").read_text())
    rows = {row["name"]: row for row in report["engines"]}
    assert len(rows) == 12
    assert rows["fp32"]["largest_distance"] == 0
    assert rows["fp32, mask and layer norm fused"]["largest_distance"] < 1e-5
    assert all(row["tokens_per_s"] > 0 for row in rows.values())
    shipped = rows["**int8, no mask, plain layer norm (shipped)**"]
    assert 0 < shipped["mean_distance"] < 0.05
    assert rows["shipped, without its last layer"]["mean_distance"] > shipped["mean_distance"]
    assert "| fp32 |" in capsys.readouterr().out
