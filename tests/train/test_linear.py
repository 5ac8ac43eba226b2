"""The word baseline learns toy words, survives a reload, and refuses a wrong config."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import yaml
from datasets import Dataset, DatasetDict

from model.config_file import read_config
from model.errors import BundleError, ConfigError
from train.linear import LinearConfig, LinearModel, crop, main, word_terms

ROOT = Path(__file__).parents[2]
HUMAN_WORDS = ["river", "market", "rain", "council", "goat", "window", "letter", "bread"]
MACHINE_WORDS = ["pivotal", "landscape", "tapestry", "underscores", "navigate", "vibrant"]
SHARED_WORDS = ["the", "a", "of", "said", "on", "in", "and", ",", "."]


def toy_text(machine: bool, words: int, seed: int) -> str:
    """Toy text: shared words, and now and then one of its side."""
    draw = random.Random(seed)
    own = MACHINE_WORDS if machine else HUMAN_WORDS
    return " ".join(draw.choice(own if draw.random() < 0.3 else SHARED_WORDS) for _ in range(words))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Path]:
    """A toy data set, and the folder of the baseline that was trained on it by command."""
    folder = tmp_path_factory.mktemp("linear")
    rows = [
        {
            "id": f"toy-{seed}",
            "text": toy_text(seed % 2 == 0, 60, seed),
            "label": "rewritten" if seed % 2 == 0 else "human",
        }
        for seed in range(60)
    ]
    DatasetDict(train=Dataset.from_list(rows)).save_to_disk(str(folder / "corpus"))
    (folder / "corpus" / "digest.txt").write_text("d" * 64 + "\n")
    config = {"data": str(folder / "corpus"), "output": str(folder / "linear"), "min_df": 2}
    (folder / "toy.yaml").write_text(yaml.safe_dump({**config, "crop_words": 40}))
    assert main(["--config", str(folder / "toy.yaml")]) == 0
    return folder / "toy.yaml", folder / "linear"


def test_tells_unseen_toy_texts_apart_at_any_length(trained):
    model = LinearModel.load(trained[1])
    machine = [toy_text(True, words, 100 + words) for words in (45, 200, 700)]
    human = [toy_text(False, words, 200 + words) for words in (45, 200, 700)]
    assert model.score(machine).min() > 0 > model.score(human).max()


def test_scores_do_not_depend_on_the_company(trained):
    model = LinearModel.load(trained[1])
    texts = [toy_text(index % 2 == 0, 30 + index * 9, index) for index in range(12)]
    alone = np.array([model.score([text])[0] for text in texts])
    assert model.score(texts) == pytest.approx(alone, abs=1e-9)
    assert model.score([]).shape == (0,)


def test_layout_and_case_change_nothing(trained):
    model = LinearModel.load(trained[1])
    text = toy_text(True, 80, 5)
    laid_out = text.replace(" ", "\n\n").upper()
    assert model.score([laid_out]) == pytest.approx(model.score([text]), abs=1e-9)


def test_training_twice_gives_the_same_files_and_no_pickle(trained, tmp_path):
    config, first = trained
    again = {**yaml.safe_load(config.read_text()), "output": str(tmp_path)}
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(again))
    assert main(["--config", str(tmp_path / "again.yaml")]) == 0
    names = {path.name for path in first.iterdir()}
    assert names == {"linear.safetensors", "linear.json", "vocabulary.json"}
    for name in ("linear.safetensors", "vocabulary.json"):
        assert (first / name).read_bytes() == (tmp_path / name).read_bytes()


def test_the_folder_says_where_it_comes_from(trained):
    about = json.loads((trained[1] / "linear.json").read_text())["about"]
    assert about["data_digest"] == "d" * 64
    assert about["texts"] == {"human": 30, "machine": 30}
    assert about["config"]["crop_words"] == 40
    assert set(about["versions"]) == {"scikit-learn", "numpy", "scipy"}


def test_reload_scores_like_the_saved_model(trained, tmp_path):
    model = LinearModel.load(trained[1])
    model.save(tmp_path)
    again = LinearModel.load(tmp_path)
    texts = [toy_text(True, 90, 1), toy_text(False, 90, 2)]
    assert again.sha256 == model.sha256
    assert (again.score(texts) == model.score(texts)).all()


def test_terms_take_punctuation_for_words():
    assert word_terms('Said "no".') == [
        "said", '"', "no", '"', ".", 'said "', '" no', 'no "', '" .',
    ]  # fmt: skip


def test_crops_are_drawn_by_key_alone():
    text = " ".join(str(number) for number in range(500))
    first = crop(text, 50, "0:a")
    assert len(first.split()) == 50
    assert first in text
    assert crop(text, 50, "0:a") == first != crop(text, 50, "0:b")
    assert crop("short  text", 50, "0:a") == "short text"


def test_shipped_config_is_valid():
    assert read_config(ROOT / "configs" / "linear.yaml", LinearConfig).crop_words == 300
    assert all(field.description for field in LinearConfig.model_fields.values())


def test_a_wrong_config_is_one_line_and_exit_2(tmp_path, capsys):
    path = tmp_path / "wrong.yaml"
    path.write_text("data: x\noutput: y\nmin_fd: 3\n")
    assert main(["--config", str(path)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "min_fd" in message
    assert main(["--config", str(tmp_path / "absent.yaml")]) == 2
    path.write_text("data: [\n")
    with pytest.raises(ConfigError, match="not YAML"):
        read_config(path, LinearConfig)


def test_an_output_that_cannot_be_written_is_one_line(trained, tmp_path, capsys):
    config, _ = trained
    (tmp_path / "file").write_text("not a folder")
    blocked = {**yaml.safe_load(config.read_text()), "output": str(tmp_path / "file")}
    (tmp_path / "blocked.yaml").write_text(yaml.safe_dump(blocked))
    assert main(["--config", str(tmp_path / "blocked.yaml")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert message.endswith("; check `output`\n")


def test_missing_data_and_missing_model_name_the_remedy(tmp_path, capsys):
    path = tmp_path / "no-data.yaml"
    path.write_text(f"data: {tmp_path}\noutput: {tmp_path}\n")
    assert main(["--config", str(path)]) == 2
    assert "no data set here" in capsys.readouterr().err
    with pytest.raises(BundleError, match=r"train\.linear"):
        LinearModel.load(tmp_path)
