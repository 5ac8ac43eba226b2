"""A build, end to end, on a toy corpus: the same every time, and whole or not at all."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import DatasetDict, load_from_disk

from model.config_file import read_config
from model.errors import ConfigError, CorpusError
from seeds import build as build_module
from seeds.archives import pins
from seeds.build import COLUMNS, READERS, BuildConfig, build, main
from seeds.records import Record
from seeds.splits import SPLITS

STORIES = 40
WHO = ("the mayor", "a toy maker", "the council", "her neighbour", "the engineer", "nobody")
DID = ("praised", "mended", "refused", "painted", "measured", "sold", "forgot", "counted")
WHAT = ("the old bridge", "a red cart", "the market hall", "two wooden boats", "the town clock")
WHERE = ("in Toytown", "by the river", "behind the school", "at the fair", "near the mill")
WHEN = ("on Monday", "last spring", "after the storm", "before noon", "in the third year")


def toy_text(seed: str, sentences: int = 9) -> str:
    """English enough to be read as such, and unlike the text of any other seed."""
    draw = random.Random(seed).choice
    parts = (
        f"{draw(WHO)} {draw(DID)} {draw(WHAT)} {draw(WHERE)} {draw(WHEN)}" for _ in range(sentences)
    )
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)


def toy_rows() -> Iterator[dict[str, str]]:
    """Stories with a human original and two rewrites each, and a few rows that must go."""
    for number in range(STORIES):
        shared = {"story": f"s{number}", "site": f"toynews{number % 4}"}
        human = {**shared, "who": "human", "text": toy_text(f"human {number}")}
        yield human
        for generator in ("gpt-toy", "gpt-hidden"):
            text = toy_text(f"{generator} {number}")
            yield {**shared, "who": "rewritten", "by": generator, "how": "polish", "text": text}
    spare = {"site": "toynews0", "story": "spare"}
    machine = {**spare, "who": "rewritten", "by": "gpt-toy", "how": "polish"}
    yield {**spare, "who": "human", "text": "Too short."}
    yield {**spare, "who": "human", "text": toy_text("human 1").upper().replace("ON", "on", 99)}
    yield {**spare, "who": "human", "story": "again", "text": "TOYTOWN — " + toy_text("human 0")}
    yield {**machine, "text": "Sure! Here is the article:\n\n" + toy_text("human 2")}
    yield {**machine, "story": "s3", "text": toy_text("human 3") + " It rained."}
    yield {**machine, "text": "I'm sorry, but I cannot help to write that. " + toy_text("no")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in JSON lines, and another, in CSV, that printed one of its stories too."""
    path = tmp_path_factory.mktemp("toys")
    lines = [json.dumps(row) for row in toy_rows()]
    (path / "toys.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    copied = toy_text("human 5") + " Nobody saw it."
    (path / "reprints.csv").write_text(f'text,site\n"{copied}",reprints\n', encoding="utf-8")
    return path


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    """The configuration of the toy build, as its YAML file holds it."""
    columns = {"text": "text", "label": "who", "story": "story", "source": "site"}
    toys = {
        "name": "toys",
        "kind": "jsonl",
        "path": str(folder / "toys.jsonl"),
        "columns": {**columns, "generator": "by", "operation": "how"},
    }
    reprints = {
        "name": "reprints",
        "kind": "csv",
        "path": str(folder / "reprints.csv"),
        "columns": {"text": "text", "source": "site"},
        "label": "human",
    }
    return {
        "output": str(folder / "built"),
        "corpora": [toys, reprints],
        "processes": 1,
        "split": {
            "seed": 1,
            "dev": 0.15,
            "calibration": 0.15,
            "test": 0.2,
            "corpora": {"test": ["reprints"]},
            "outlets": {"threshold": ["toynews3"]},
            "held_out_generators": ["gpt-hidden"],
        },
        **changes,
    }


def toy_config(folder: Path, **changes: Any) -> BuildConfig:
    return BuildConfig.model_validate(settings(folder, **changes))


@pytest.fixture(scope="module")
def built(folder: Path) -> Path:
    config = toy_config(folder)
    digest = build(config)
    assert (config.output / "digest.txt").read_text() == digest + "\n"
    return config.output


@pytest.fixture(scope="module")
def rows(built: Path) -> list[dict[str, Any]]:
    """Every row of the data set, with its split."""
    data = load_from_disk(str(built))
    return [{**row, "split": split} for split in data for row in data[split]]


def removed(built: Path) -> Mapping[str, int]:
    counts: Mapping[str, int] = json.loads((built / "build.json").read_text())["removed"]["toys"]
    return counts


def test_it_is_a_hugging_face_data_set_of_five_splits(built: Path) -> None:
    data = load_from_disk(str(built))
    assert isinstance(data, DatasetDict)
    assert tuple(data) == SPLITS
    for split in SPLITS:
        assert data[split].column_names == [name for name in COLUMNS if name != "split"]
        assert len(data[split]) > 0
    assert sorted(path.name for path in built.iterdir() if path.is_file()) == [
        "build.json", "card.md", "dataset_dict.json", "digest.txt",
    ]  # fmt: skip


def test_every_sound_text_is_there_once(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len({row["text"] for row in rows}) == len(rows)
    labels = Counter((row["corpus"], row["label"], row["generator"]) for row in rows)
    assert labels["toys", "human", ""] == STORIES
    assert labels["toys", "rewritten", "gpt-toy"] == STORIES
    assert labels["reprints", "human", ""] == 1
    assert labels["seeds", "rewritten", "unknown"] == 5
    assert all(row["words"] == len(row["text"].split()) for row in rows)


def test_what_cleaning_did_is_counted(built: Path) -> None:
    counts = removed(built)
    assert counts["read"] == 3 * STORIES + 6
    assert counts["dropped: too short"] == 1
    assert counts["dropped: upper-cased"] == 1
    assert counts["dropped: refusal or prompt echo"] == 1
    assert counts["dropped: equal to an earlier text"] == 1
    assert counts["dropped: equal to a human text"] == 1
    assert counts["dropped: changed next to nothing"] == 1
    assert counts["changed: datelines"] == 1
    assert counts["changed: prompt residue"] == 1


def test_stories_stay_together_across_corpora(rows: list[dict[str, Any]]) -> None:
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["story"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in sides.values())
    (reprint,) = (row for row in rows if row["corpus"] == "reprints")
    printed = [row for row in rows if row["text"] == toy_text("human 5")]
    assert [(row["story"], row["split"]) for row in printed] == [(reprint["story"], "test")]


def test_what_is_held_out_lies_where_it_should(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["source"] == "toynews3":
            assert row["split"] in ("threshold", "test")
        if row["generator"] == "gpt-hidden":
            assert (row["split"], row["slices"]) == ("test", ["generator"])
        if row["corpus"] == "seeds":
            assert (row["split"], row["slices"], row["story"]) == (
                "test", ["seeds"], "seeds:syria-strike",
            )  # fmt: skip
        if row["split"] != "test":
            assert row["slices"] == []
    (reprint,) = (row for row in rows if row["corpus"] == "reprints")
    assert reprint["slices"] == ["outlet", "corpus"]


def build_rows(folder: Path, tmp_path: Path, extra: list[dict[str, str]], **changes: Any) -> Any:
    """The rows of the toy corpus with more texts, each with its split."""
    more = tmp_path / "toys.jsonl"
    lines = [*(json.dumps(row) for row in extra), (folder / "toys.jsonl").read_text("utf-8")]
    more.write_text("\n".join(lines), encoding="utf-8")
    values = settings(folder, output=str(tmp_path / "built"), **changes)
    values["corpora"][0]["path"] = str(more)
    build(BuildConfig.model_validate(values))
    data = load_from_disk(str(tmp_path / "built"))
    return [{**row, "split": split} for split in data for row in data[split]]


def test_a_rewrite_stays_with_an_outlet_whose_own_text_was_dropped(folder, tmp_path):
    orphans = [
        row
        for number in range(30)
        for row in (
            {"story": f"o{number}", "site": "toynews3", "who": "human", "text": "Too short."},
            {
                "story": f"o{number}", "who": "rewritten", "by": "gpt-toy", "how": "polish",
                "text": toy_text(f"orphan {number}"),
            },
        )
    ]  # fmt: skip
    rows = build_rows(folder, tmp_path, orphans)
    stories = {f"o{number}" for number in range(30)}
    found = [row["split"] for row in rows if row["story"].removeprefix("toys:") in stories]
    assert len(found) == 30
    assert set(found) == {"threshold"}


def test_a_dropped_double_ties_its_story_to_the_text_that_stays(folder, tmp_path):
    doubles = [
        row
        for number in range(12)
        for row in (
            {"story": f"d{number}", "who": "human", "text": toy_text(f"human {number}")},
            {
                "story": f"d{number}", "who": "rewritten", "by": "gpt-toy", "how": "polish",
                "text": toy_text(f"double {number}"),
            },
        )
    ]  # fmt: skip
    rows = build_rows(folder, tmp_path, doubles)
    clusters = {row["text"]: row["story"] for row in rows}
    for number in range(12):
        tied = clusters[toy_text(f"double {number}")]
        assert tied == clusters[toy_text(f"human {number}")]


def test_originals_that_cleaning_empties_tie_nothing_together(folder):
    config = toy_config(folder)
    records = [
        Record(
            text=toy_text(f"furniture {number}"), label="rewritten", corpus="toys",
            story=f"f{number}", reference=f"f{number}", generator="gpt-toy", operation="polish",
            original="Advertisement",
        )
        for number in range(3)
    ]  # fmt: skip
    for record in records:
        row = build_module._clean_record(record, config).row
        assert row is not None
        assert (len(row.signatures), row.overlap) == (1, None)


def test_spun_texts_stay_with_their_originals_and_a_held_out_method_in_test(folder, tmp_path):
    split = {**settings(folder)["split"], "held_out_operations": ["spinner:synonyms-60"]}
    rows = build_rows(folder, tmp_path, [], spun=1.0, split=split)
    splits = {row["story"]: row["split"] for row in rows if row["corpus"] == "toys"}
    spun = [row for row in rows if row["corpus"] == "spinner"]
    assert {row["label"] for row in spun} == {"spun"}
    assert len({row["operation"] for row in spun}) > 2
    for row in spun:
        assert splits[row["story"]] == row["split"]
        assert 0 <= row["overlap"] < 0.9
    held_out = [row["split"] for row in spun if row["operation"] == "synonyms-60"]
    assert held_out
    assert set(held_out) == {"test"}


def test_thresholds_may_come_of_a_share_of_the_stories(folder, tmp_path):
    split = {**settings(folder)["split"], "outlets": {}, "threshold": 0.2}
    rows = build_rows(folder, tmp_path, [], split=split)
    outlets = {
        name: {row["source"] for row in rows if row["split"] == name and row["label"] == "human"}
        for name in ("threshold", "train")
    }
    assert outlets["threshold"] & outlets["train"]


def test_a_name_that_no_text_carries_is_said(folder, tmp_path, capsys):
    split = {**settings(folder)["split"], "outlets": {"threshold": ["toynews3", "toynews9"]}}
    build_rows(folder, tmp_path, [], split=split)
    problem = "split.outlets: no text has toynews9; correct the name, or remove it"
    assert problem in capsys.readouterr().err


def test_a_rewrite_is_measured_against_its_original(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["label"] == "human" or row["corpus"] == "seeds":
            assert row["overlap"] is None
        else:
            assert 0 <= row["overlap"] < 0.9


def test_the_digest_is_of_the_content(folder: Path, built: Path) -> None:
    digest = (built / "digest.txt").read_text().strip()
    again = toy_config(folder, output=str(folder / "again"), processes=2)
    assert build(again) == digest
    fewer = toy_config(folder, output=str(folder / "fewer"), documents=False)
    assert build(fewer) != digest


class Interrupted(Exception):
    """Stands for Ctrl-C, which would end the test run."""


def interrupt(columns: Mapping[str, list[Any]], folder: Path) -> None:
    """Write a part, and stop."""
    (folder / "half-written").touch()
    raise Interrupted


def test_an_interrupted_build_leaves_no_data_set(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_config(folder, output=str(tmp_path / "built"))
    with monkeypatch.context() as patch:
        patch.setattr(build_module, "_write", interrupt)
        with pytest.raises(Interrupted):
            build(config)
    assert not config.output.exists()

    digest = build(config)  # what is left does not stand in the way
    assert [path.name for path in tmp_path.iterdir()] == ["built"]
    assert not list(config.output.rglob("half-written"))
    monkeypatch.setattr(build_module, "_write", interrupt)
    with pytest.raises(Interrupted):
        build(config)
    assert (config.output / "digest.txt").read_text() == digest + "\n"
    assert isinstance(load_from_disk(str(config.output)), DatasetDict)


def test_data_that_break_an_invariant_are_not_written(folder: Path, tmp_path: Path) -> None:
    young = tmp_path / "young.jsonl"
    row = {"text": toy_text("young"), "day": "2024-05-01"}
    young.write_text(json.dumps(row) + "\n", encoding="utf-8")
    # a human text whose generator column is filled by mistake
    corpus = {
        "name": "young", "kind": "jsonl", "path": str(young), "label": "human",
        "columns": {"text": "text", "generator": "day"},
    }  # fmt: skip
    config = toy_config(folder, output=str(tmp_path / "built"), corpora=[corpus])
    with pytest.raises(CorpusError, match="a human text has no generator"):
        build(config)
    assert not config.output.exists()


def test_a_folder_of_machine_texts_is_a_corpus(folder: Path, tmp_path: Path) -> None:
    spins = tmp_path / "spins"
    spins.mkdir()
    for number in range(3):
        (spins / f"{number}.txt").write_text(toy_text(f"spin {number}"), encoding="utf-8")
    own = {
        "name": "spins", "kind": "folder", "path": str(spins), "label": "rewritten",
        "licence": "ours alone",
    }  # fmt: skip
    values = settings(folder, output=str(tmp_path / "built"))
    config = BuildConfig.model_validate(values | {"corpora": [*values["corpora"], own]})
    build(config)
    data = load_from_disk(str(config.output))
    generators = [
        row["generator"] for split in data for row in data[split] if row["corpus"] == "spins"
    ]
    assert generators == ["unknown"] * 3
    assert "| spins | 3 |  | ours alone |  |" in (config.output / "card.md").read_text()


def test_a_folder_that_is_no_data_set_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Years of work.")
    with pytest.raises(ConfigError, match="is no data set of ours; name another folder"):
        build(toy_config(folder, output=str(tmp_path)))
    assert (tmp_path / "thesis.txt").read_text() == "Years of work."


def test_every_pinned_archive_has_a_reader() -> None:
    assert set(READERS) == set(pins())


# --- the command line --------------------------------------------------------------------


def run(tmp_path: Path, values: Mapping[str, Any]) -> int:
    path = tmp_path / "corpus.yaml"
    path.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    return main(["--config", str(path)])


def test_the_command_prints_where_and_what(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "built"
    assert run(tmp_path, settings(folder, output=str(output))) == 0
    digest = (output / "digest.txt").read_text().strip()
    assert capsys.readouterr().out == f"{output} {digest}\n"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"colour": "red"}, "colour"),
        ({"near_duplicate": 0}, "near_duplicate"),
        ({"split": {"seed": 1}}, r"split.dev"),
        ({"archives": ["owner/unknown"]}, "owner/unknown"),
        ({"excluded_archives": ["owner/unknown"]}, "owner/unknown"),
        ({"split": {"seed": 1, "dev": 0.5, "calibration": 0.4, "test": 0.2}}, "sum to 1.1"),
        (
            {"split": {"seed": 1, "dev": 0, "calibration": 0, "test": 0, "outlets": {"tset": []}}},
            "tset",
        ),
        (
            {"corpora": [{"name": "frontier", "kind": "folder", "path": "toys", "label": "human"}]},
            "corpus name frontier is taken",
        ),
    ],
)
def test_a_wrong_configuration_exits_with_2(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    problem: str,
) -> None:
    values = settings(folder, output=str(tmp_path / "built"), **changes)
    assert run(tmp_path, values) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert problem in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "built").exists()


def test_no_configuration_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: cannot be read" in capsys.readouterr().err


def test_a_corpus_without_a_text_exits_with_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = settings(folder, output=str(tmp_path / "built"), corpora=[], documents=False)
    assert run(tmp_path, values) == 1
    assert "no usable text in any corpus" in capsys.readouterr().err
    assert not (tmp_path / "built").exists()


def test_the_shipped_configuration_is_one() -> None:
    root = Path(__file__).parents[2]
    config = read_config(root / "configs" / "corpus.yaml", BuildConfig)
    assert config.archives == ("all",)
    assert config.documents
