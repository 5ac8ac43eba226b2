from __future__ import annotations

import json
from pathlib import Path

import pytest

from serve import bench


@pytest.fixture
def article(tmp_path: Path, toy_article: str) -> str:
    path = tmp_path / "article.txt"
    path.write_text(toy_article)
    return str(path)


@pytest.fixture(autouse=True)
def _few_repetitions(monkeypatch):
    monkeypatch.setattr(bench, "_STARTS", 1)
    monkeypatch.setattr(bench, "_WARM_CALLS", 2)
    monkeypatch.setattr(bench, "_THROUGHPUT_TEXTS", 2)
    # the command lines that it starts must find the package from wherever the tests run
    monkeypatch.chdir(Path(__file__).parents[2])


def test_every_figure_is_measured(tiny_bundle, article, capsys):
    assert bench.main(["--json", "--model", str(tiny_bundle), article]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["article"] == "article.txt"
    assert figures["words"] == 111
    assert figures["model"].startswith("respun-tiny 0.0.1 ")
    measured = {name: value for name, value in figures.items() if isinstance(value, float)}
    assert measured.keys() == {
        *("start_to_answer_s", "peak_memory_mb", "load_s", "warm_latency_s"),
        *("articles_per_s", "words_per_s"),
    }
    assert all(value > 0 for value in measured.values())


def test_figures_are_printed_one_a_line(monkeypatch, article, capsys):
    monkeypatch.setattr(bench, "measure", lambda file, model: {"words": 111, "load_s": 0.12345})
    assert bench.main([article]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["words", "111"],
        ["load_s", "0.123"],
    ]


def test_what_cannot_be_measured_is_one_line(tmp_path, article, capsys):
    assert bench.main([str(tmp_path / "missing.txt")]) == 1
    assert bench.main(["--model", str(tmp_path / "nowhere"), article]) == 1
    missing, nowhere = capsys.readouterr().err.splitlines()
    assert missing == f"respun: {tmp_path}/missing.txt: no such file; check the name"
    assert nowhere.startswith(f"respun: {tmp_path}/nowhere: no such bundle folder; ")
