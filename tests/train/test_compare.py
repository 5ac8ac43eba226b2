from __future__ import annotations

import io
import json

import pytest

from train import compare


@pytest.fixture(autouse=True)
def _few_repetitions(monkeypatch):
    monkeypatch.setattr(compare, "_STARTS", 1)
    monkeypatch.setattr(compare, "_BATCHES", (1, 4))
    monkeypatch.setattr(compare, "_PRODUCTS", 3)


def test_pipeline_and_limit_are_measured(tiny_bundle, toy_article, tmp_path, capsys):
    article, texts = tmp_path / "article.txt", tmp_path / "texts.json"
    article.write_text(toy_article)
    texts.write_text(json.dumps([toy_article, toy_article.upper()]))
    command = ["--texts", str(texts), "--article", str(article), "--model", str(tiny_bundle)]
    assert compare.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    pipeline, limit = found["pipeline"], found["limit"]
    assert pipeline["start_s"] > 0.5  # torch and transformers are imported in it
    assert pipeline["peak_memory_mb"] > 100
    assert [row["batch"] for row in pipeline["batches"]] == [1, 4]
    assert all(row["tokens_per_s"] > 0 for row in pipeline["batches"])
    # two layers of width 32 and 64, windows of 62 tokens in a frame of two
    products = 2 * (4 * 32 * 32 + 2 * 32 * 64)
    assert limit["operations_per_token"] == 2 * (products + 2 * 2 * 64 * 32)
    assert limit["int8_operations_per_s"] > 0
    assert limit["fp32_operations_per_s"] > 0


def test_the_pipeline_reads_the_whole_text_in_our_windows(tiny_bundle, toy_article):
    _, tokenizer, length = compare._pipeline(str(tiny_bundle))
    windows = compare._windows(toy_article, tokenizer, length)
    assert "".join("".join(windows).split()) == "".join(toy_article.split())
    counts = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in windows]
    assert len(counts) > 1
    assert max(counts) <= length


def test_latency_is_drawn(tmp_path, monkeypatch):
    rows = [{"words": count, "p50_s": count / 1e4, "p99_s": count / 5e3} for count in (50, 500)]
    figures = {"machine": {"cpu": "toy", "cores": 2}, "latency": rows}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(figures)))
    assert compare.main(["--plot", str(tmp_path / "latency.png")]) == 0
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_do_is_wrong_usage():
    with pytest.raises(SystemExit) as stop:
        compare.main([])
    assert stop.value.code == 2
