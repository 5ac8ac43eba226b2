"""Measuring: rows, thresholds and wins by hand, and the whole command over a toy bundle."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, DatasetDict

from model.bundle import (
    ONNX_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Manifest,
    load_bundle,
    write_manifest,
)
from model.calibration import Calibration, HumanScores
from model.passages import PassageCalibration
from model.policies import POLICY_RATES, Threshold
from train import card, linear, measure, scores, tables
from train.measure import System, Texts

MACHINE_WORDS = ("pivotal", "landscape", "tapestry", "vibrant")
HUMAN_WORDS = ("river", "market", "council", "goat")
SHARED_WORDS = ("the", "a", "of", "said", "on")
WORDS = ("[UNK]", "[CLS]", "[SEP]", *SHARED_WORDS, *MACHINE_WORDS, *HUMAN_WORDS)


def texts_of(rows: Sequence[Mapping[str, Any]]) -> Texts:
    """A split in memory from rows that say only what matters."""
    names = ("label", "corpus", "generator", "operation", "source", "domain")
    filled: list[dict[str, Any]] = [
        {"label": "human", "words": 150, "overlap": np.nan, "slices": [], **row} for row in rows
    ]
    return Texts(
        ids=[f"toy-{index}" for index in range(len(rows))],
        texts=["toy"] * len(rows),
        columns={n: np.array([row.get(n, "") for row in filled], dtype=str) for n in names},
        words=np.array([row["words"] for row in filled]),
        overlap=np.array([row["overlap"] for row in filled], dtype=float),
        slices=[list(row["slices"]) for row in filled],
    )


def system(*said: float, line: float = 0.5) -> System:
    """A detector with one line for all policies."""
    values = np.array(said)
    lines = dict.fromkeys(POLICY_RATES, np.full(len(said), line))
    return System(values, lines, values)


def row_named(rows: list[measure.Row], kind: str, name: str) -> measure.Row:
    """The one row of this kind and name."""
    (found,) = [row for row in rows if (row.kind, row.name) == (kind, name)]
    return found


def test_policies_name_their_rates():
    for policy, rate in POLICY_RATES.items():
        assert policy == f"fpr-{100 * rate:g}pct"


def test_a_row_compares_its_machine_texts_with_all_humans():
    texts = texts_of(
        [
            {"corpus": "one", "words": 90},
            {"corpus": "two", "words": 90},
            {"corpus": "one", "label": "rewritten", "generator": "toy-1", "words": 90},
            {"corpus": "two", "label": "spun", "generator": "toy-2", "words": 900},
        ]
    )
    rows = measure.measure_rows(texts, system(0.1, 0.7, 0.6, 0.9), None, {})
    overall = row_named(rows, "overall", "all")
    assert (overall.machine, overall.human) == (2, 2)
    assert overall.cells["encoder"].auroc.value == 0.75
    one = row_named(rows, "corpus", "one").cells["encoder"]
    assert (one.auroc.value, one.tpr["fpr-1pct"].hits, one.fpr["fpr-1pct"].hits) == (0.5, 1, 0)
    two = row_named(rows, "corpus", "two").cells["encoder"]
    assert (two.auroc.value, two.fpr["fpr-1pct"].value) == (1.0, 1.0)
    assert row_named(rows, "generator", "toy-1").human == 0
    assert np.isnan(row_named(rows, "length", ">=800").cells["encoder"].auroc.value)
    assert row_named(rows, "length", "<100").cells["encoder"].auroc.value == 0.5


def test_held_out_slices_hold_their_own_humans():
    texts = texts_of(
        [
            {"slices": ["outlet"]},
            {},
            {"label": "generated", "slices": ["outlet", "generator"]},
            {"label": "generated"},
        ]
    )
    rows = measure.measure_rows(texts, system(0.6, 0.2, 0.8, 0.3), None, {})
    outlet = row_named(rows, "slice", "outlet")
    assert (outlet.machine, outlet.human) == (1, 1)
    assert outlet.cells["encoder"].fpr["fpr-1pct"].hits == 1
    assert row_named(rows, "slice", "generator").human == 0


def test_kinds_are_counted_by_true_label():
    rows = [{}, {"label": "spun"}, {"label": "spun"}, {"label": "generated"}]
    encoder = replace(system(0.1, 0.9, 0.4, 0.9), kinds=np.array([0, 3, 0, 1]))
    found = measure.confusion(texts_of(rows), encoder)
    assert found["kinds"] == ["human", "rewritten", "generated", "spun"]
    assert found["counts"] == {
        "human": [1, 0, 0, 0],
        "rewritten": [0, 0, 0, 0],
        "generated": [0, 1, 0, 0],
        "spun": [1, 0, 0, 1],
    }
    table = tables.confusion_table(found)
    assert "| spun | 2 | 50.0% | 0.00% | 0.00% | 50.0% |" in table
    assert "| rewritten |" not in table


def test_calibration_has_rows_without_texts_that_kept_their_wording():
    rows = [{}, {"label": "spun", "overlap": 0.1}, {"label": "spun", "overlap": 0.7}]
    found = measure.measure_calibration(texts_of(rows), {"encoder": system(0.0, 1.0, 0.0)})
    named = {row["name"]: row for row in found}
    assert (named["all"]["machine"], named["all, rewording"]["machine"]) == (2, 1)
    assert named["all, rewording"]["encoder"]["ece"]["value"] == 0
    assert named["all"]["encoder"]["ece"]["value"] == pytest.approx(0.25)


def test_within_auroc_needs_humans_of_the_same_corpus():
    human: list[dict[str, str]] = [{"corpus": "mixed"}] * 20 + [{"corpus": "other"}] * 20
    machine = [{"corpus": "mixed", "label": "rewritten"}] * 20
    said = [0.9] * 20 + [0.1] * 20 + [0.8] * 20
    rows = measure.measure_rows(texts_of(human + machine), system(*said), None, {})
    cell = row_named(rows, "corpus", "mixed").cells["encoder"]
    assert cell.within is not None
    assert (cell.within.value, cell.auroc.value) == (0.0, 0.5)
    assert row_named(rows, "corpus", "other").cells["encoder"].within is None


def test_outlets_with_few_humans_have_no_row():
    texts = texts_of([{"source": "big"}] * 100 + [{"source": "small"}] * 99)
    rows = measure.measure_rows(texts, system(*[0.6] * 199), None, {})
    assert [row.name for row in rows if row.kind == "outlet"] == ["big"]


def test_wins_count_a_set_of_texts_once_and_list_the_rest():
    human: list[dict[str, str]] = [{}] * 10
    strong = [{"label": "rewritten", "corpus": "a", "generator": "g"}] * 50
    weak = [{"label": "spun", "corpus": "b", "generator": "h"}] * 50
    texts = texts_of(human + strong + weak)
    ours = system(*[0.1] * 10, *[0.9] * 50, *[0.05] * 50)
    theirs = system(*[0.1] * 10, *[0.05] * 50, *[0.9] * 50)
    rows = measure.measure_rows(texts, ours, theirs, {})
    wins = measure.count_wins(texts, rows)
    # Corpus a, its generator and its label are the same texts; so are those of b.
    # All 100 stand in one length band, where the two systems draw.
    assert (wins["slices"], wins["auroc"], wins["tpr"]) == (3, 1, 1)
    behind = {(item["kind"], item["name"], item["figure"]) for item in wins["behind"]}
    assert {("corpus", "b", "auroc"), ("length", "100-200", "tpr")} <= behind


def test_limit_is_by_cell_and_the_same_every_time():
    texts = texts_of([{"corpus": "a"}] * 30 + [{"corpus": "b", "label": "spun"}] * 4)
    keep = measure.limit_cells(texts, 5)
    assert (keep[:30].sum(), keep[30:].sum()) == (5, 4)
    assert (keep == measure.limit_cells(texts, 5)).all()
    assert not (keep & ~measure.limit_cells(texts, 9)).any()


def test_scores_are_kept_and_only_what_is_missing_is_computed(tmp_path):
    asked: list[str] = []

    def compute(texts):
        asked.extend(texts)
        return np.array([[float(len(text)), 1.0] for text in texts])

    cache = tmp_path / "new" / "toy.npz"
    scores.score_texts(["a", "b"], ["x", "xx"], compute, cache)
    rows = scores.score_texts(["b", "c", "a"], ["xx", "xxx", "x"], compute, cache)
    assert rows[:, 0].tolist() == [2.0, 3.0, 1.0]
    assert asked == ["x", "xx", "xxx"]


def toy_row(split: str, index: int, machine: bool) -> dict[str, object]:
    """A toy text of shared words and now and then one of its side, and its columns."""
    draw = random.Random(f"{split}{index}{machine}")
    own = MACHINE_WORDS if machine else HUMAN_WORDS
    text = " ".join(
        draw.choice(own if draw.random() < 0.3 else SHARED_WORDS) for _ in range(60 + index)
    )
    return {
        "id": f"{split}-{index}-{machine}",
        "text": text,
        "label": "rewritten" if machine else "human",
        "corpus": "toy/corpus",
        "story": f"{split}-{index}",
        "generator": "toy-1" if machine else "",
        "operation": "paraphrase" if machine else "",
        "source": "" if machine else "toy gazette",
        "domain": "news",
        "overlap": 0.2 if machine else None,
        "words": len(text.split()),
        "slices": ["outlet"],
    }


def write_toy_encoder(folder: Path) -> None:
    """An ONNX graph that looks each token's logits up in a table, and its tokenizer."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    table = np.zeros((len(WORDS), 4), dtype=np.float32)
    for word in MACHINE_WORDS:
        table[WORDS.index(word), 1] = 8.0
    for word in HUMAN_WORDS:
        table[WORDS.index(word), 0] = 8.0
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["B", "T"])]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "toy",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", "T", 4])],
        [numpy_helper.from_array(table, "table")],
    )
    graph_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    graph_model.ir_version = 9
    (folder / "onnx").mkdir(parents=True)
    onnx.save_model(
        graph_model,
        str(folder / ONNX_FILE),
        save_as_external_data=True,
        location=Path(WEIGHTS_FILE).name,
        size_threshold=0,
    )
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER_FILE))


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a toy data set, its word baseline and a toy bundle."""
    folder = tmp_path_factory.mktemp("measure")
    corpus = {
        split: Dataset.from_list(
            [toy_row(split, i, machine) for i in range(24) for machine in (True, False)]
        )
        for split in ("train", "dev", "threshold", "test")
    }
    DatasetDict(corpus).save_to_disk(str(folder / "corpus"))
    (folder / "corpus" / "digest.txt").write_text("d" * 64 + "\n")
    config = linear.LinearConfig(
        data=folder / "corpus", output=folder / "linear", min_df=1, crop_words=40
    )
    linear.train(config)
    write_toy_encoder(folder / "bundle")
    line = Threshold(value=0.5, humans=24, flagged=0, interval=(0.0, 0.14))
    manifest = Manifest(
        name="toy",
        version="0",
        max_tokens=16,
        minimum_words=62,
        calibration=Calibration((1.0, 0.0), (0.0, 0.0)),
        human=HumanScores((100,), (0.1,), nearest=1),
        passages=PassageCalibration((1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), 0.5),
        thresholds=dict.fromkeys(POLICY_RATES, line),
    )
    write_manifest(folder / "bundle", manifest)
    return folder


def arguments(toy: Path, *more: str) -> list[str]:
    """The command line over the toy folder."""
    named = [("bundle", "bundle"), ("data", "corpus"), ("linear", "linear"), ("output", "out")]
    return [*(part for o, name in named for part in (f"--{o}", str(toy / name))), *more]


def test_the_command_writes_tables_and_keeps_its_scores(toy, capsys, monkeypatch):
    assert measure.main(arguments(toy, "--split", "test", "--threads", "1")) == 0
    shown = capsys.readouterr().out
    assert shown == (toy / "out" / "test.md").read_text(encoding="utf-8")
    report = json.loads((toy / "out" / "test.json").read_text(encoding="utf-8"))
    assert report["texts"] == {"human": 22, "machine": 22}
    assert report["too_short"] == 4
    assert report["threshold_humans"] == 22
    overall = report["rows"][0]
    assert overall["cells"]["encoder"]["auroc"]["value"] == 1.0
    assert overall["cells"]["encoder"]["tpr"]["fpr-1pct"]["hits"] == 22
    assert {row["kind"] for row in report["rows"]} >= {"slice", "corpus", "operation", "overlap"}
    assert report["training_texts"] == {"toy/corpus": {"human": 24, "rewritten": 24}}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr("model.document.DocumentReader.read", refuse)
    assert measure.main(arguments(toy, "--split", "test")) == 0
    assert capsys.readouterr().out == shown


def test_a_limited_run_says_so(toy, capsys):
    assert measure.main(arguments(toy, "--split", "dev", "--limit", "5")) == 0
    shown = capsys.readouterr().out
    assert "5 human and 5 machine texts" in shown
    assert "Subsampled: at most 5 texts" in shown


def test_record_puts_the_figures_into_the_bundle_and_its_card(toy):
    assert measure.main(arguments(toy, "--split", "test", "--record")) == 0
    bundle = load_bundle(toy / "bundle")
    assert bundle.manifest.measured["test"]["sha256"] == bundle.sha256
    (overall, *_) = bundle.manifest.measured["test"]["rows"]
    assert overall["cells"]["encoder"]["auroc"]["value"] == 1.0
    assert set(overall["cells"]["linear"]["tpr"]["fpr-1pct"]) == {"value"}
    assert card.is_current(toy / "bundle")
    assert "22 human and 22 machine texts" in (toy / "bundle" / "README.md").read_text()


def test_wrong_use_is_one_line(toy, capsys, tmp_path):
    assert measure.main(arguments(toy, "--limit", "0")) == 2
    assert measure.main([*arguments(toy), "--data", str(tmp_path)]) == 2
    assert measure.main([*arguments(toy), "--bundle", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 3


def test_an_output_that_cannot_be_written_is_one_line(toy, capsys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert measure.main([*arguments(toy), "--output", str(tmp_path / "file")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert message.endswith("; check --output\n")


def test_a_baseline_of_other_data_is_refused(toy, capsys, tmp_path):
    model = linear.LinearModel.load(toy / "linear")
    replace(model, about={**model.about, "data_digest": "e" * 64}).save(tmp_path)
    assert measure.main([*arguments(toy), "--linear", str(tmp_path)]) == 2
    assert "trained on other data" in capsys.readouterr().err
