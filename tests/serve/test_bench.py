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
    monkeypatch.setattr(bench, "_STARTS", 2)
    monkeypatch.setattr(bench, "_CALLS", 3)
    monkeypatch.setattr(bench, "_LENGTHS", (50, 120))
    monkeypatch.setattr(bench, "_TEXT_WORDS", 80)
    monkeypatch.setattr(bench, "_BATCHES", (1, 4))
    # the command lines that it starts must find the package from wherever the tests run
    monkeypatch.chdir(Path(__file__).parents[2])


def test_every_figure_is_measured(tiny_bundle, article, capsys):
    assert bench.main(["--json", "--model", str(tiny_bundle), article]) == 0
    figures = json.loads(capsys.readouterr().out)
    start, reading = figures["start"], figures["reading"]
    assert (start["article"], start["words"], start["runs"]) == ("article.txt", 111, 2)
    assert 0 < start["lowest_s"] <= start["median_s"] <= start["highest_s"]
    assert start["peak_memory_mb"] > 20
    assert start["load_s"] > 0
    assert figures["model"].startswith("respun-tiny 0.0.1 ")
    assert [row["words"] for row in figures["latency"]] == [50, 120]
    assert all(0 < row["p50_s"] <= row["p99_s"] for row in figures["latency"])
    assert figures["throughput"][0]["threads"] == 1
    assert [row["texts"] for row in figures["batches"]] == [1, 4]
    for row in [*figures["throughput"], *figures["batches"]]:
        assert row["words"] == 80
        assert row["words_per_s"] == pytest.approx(80 * row["texts_per_s"])
        assert row["tokens_per_s"] > row["words_per_s"]
    assert 0 < reading["tokenising_share"] < 1
    assert 0 <= reading["beside_the_encoder_share"] < 1


def test_the_texts_have_the_length_asked_for_and_differ():
    texts = bench._texts(700)
    three = [next(texts) for _ in range(3)]
    assert [len(text.split()) for text in three] == [700] * 3
    assert len(set(three)) == 3


def test_the_comparison_sets_ours_beside_the_pipeline_and_the_limit(
    tiny_bundle, article, capsys, monkeypatch
):
    given = []

    def found(module: str, *arguments: str, stdin: str | None = None) -> str:
        if module == "serve.score":
            return ""
        given.append((module, json.loads(Path(arguments[1]).read_text())))
        pipeline = {"what": "toy", "start_s": 8.0, "peak_memory_mb": 512.0}
        pipeline["batches"] = [{"batch": 1, "tokens_per_s": 5.0}, {"batch": 2, "tokens_per_s": 9.0}]
        limit = dict.fromkeys(("int8_operations_per_s", "fp32_operations_per_s"), 2e9)
        return json.dumps({"pipeline": pipeline, "limit": {**limit, "operations_per_token": 1e3}})

    monkeypatch.setattr(bench, "_run_module", found)
    figures = bench.measure(article, str(tiny_bundle), compare=True)
    ((module, texts),) = given
    assert module == "train.compare"
    assert [len(text.split()) for text in texts] == [80] * 4
    compare = figures["compare"]
    most = figures["throughput"][-1]["tokens_per_s"]
    assert compare["throughput_times_the_pipelines"] == pytest.approx(most / 9.0)
    assert compare["starts_times_sooner"] == pytest.approx(8.0 / figures["start"]["median_s"])
    assert compare["share_of_int8_limit"] == pytest.approx(
        figures["reading"]["encoder_tokens_per_s"] * 1e3 / 2e9
    )
    table = "\n".join(bench._table(figures))
    assert "batches of 2" in table
    assert "int8 2, fp32 2 GOP/s" in table


def test_what_cannot_be_measured_is_one_line(tmp_path, article, capsys):
    assert bench.main([str(tmp_path / "missing.txt")]) == 1
    assert bench.main(["--model", str(tmp_path / "nowhere"), article]) == 1
    missing, nowhere = capsys.readouterr().err.splitlines()
    assert missing == f"respun: {tmp_path}/missing.txt: no such file; check the name"
    assert nowhere.startswith(f"respun: {tmp_path}/nowhere: no such bundle folder; ")
