"""Fine-tuning through the command: a killed run loses nothing, a wrong one says one line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from model.bundle import load_bundle
from train import finetune
from train.finetune import learning_rate_factor, main


class Killed(BaseException):
    """Stands for SIGKILL: nothing that runs afterwards may be counted on."""


def read_log(output: Path) -> list[dict[str, Any]]:
    """The entries of a run's log."""
    lines = (output / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def losses(output: Path) -> dict[int, float]:
    """Step to loss; a step that was taken again counts as it was taken last."""
    return {entry["step"]: entry["loss"] for entry in read_log(output) if "loss" in entry}


def run(path: Path, *more: str) -> int:
    return main(["--config", str(path), *more])


def output_of(path: Path) -> Path:
    return Path(yaml.safe_load(path.read_text())["output"])


def kill_at(monkeypatch, save_step: int, step: int) -> None:
    """Checkpoint after `save_step`, and only then; be killed after `step`."""
    save, note = finetune._save, finetune._Watch.step

    def save_once(run, config):
        if run.step == save_step:
            save(run, config)

    def note_and_die(self, run, loss):
        note(self, run, loss)
        if run.step == step:
            raise Killed

    monkeypatch.setattr(finetune, "_save", save_once)
    monkeypatch.setattr(finetune._Watch, "step", note_and_die)


def copy_of(toy_run, tmp_path: Path) -> Path:
    """The configuration of a copy of the finished run, which a test may damage."""
    shutil.copytree(toy_run.config.output, tmp_path / "out")
    values = yaml.safe_load(toy_run.config_file.read_text())
    path = tmp_path / "copy.yaml"
    path.write_text(yaml.safe_dump({**values, "output": str(tmp_path / "out")}))
    return path


def test_a_killed_run_resumes_to_the_very_same_losses(toy_run, write_config, monkeypatch):
    path = write_config(checkpoint_minutes=1e-9)
    output = output_of(path)
    output.mkdir()  # where a run died before its first checkpoint
    (output / "log.jsonl").write_text('{"step": 1, "loss": 9.0}\n')
    with monkeypatch.context() as patch:
        kill_at(patch, save_step=3, step=5)
        with pytest.raises(Killed):
            run(path, "--no-export")
    assert list(losses(output)) == [1, 2, 3, 4, 5]
    assert not (output / "network" / "model.safetensors").exists()

    assert run(path, "--resume", "--no-export") == 0
    steps = [entry["step"] for entry in read_log(output) if "loss" in entry]
    assert steps == [1, 2, 3, 4, 5, 4, 5, 6]
    assert losses(output) == losses(toy_run.config.output)
    trained, undisturbed = (
        (folder / "network" / "model.safetensors").read_bytes()
        for folder in (output, toy_run.config.output)
    )
    assert trained == undisturbed


def test_a_run_learns_looks_at_dev_and_prints_where_the_bundle_is(toy_run):
    entries = read_log(toy_run.config.output)
    assert entries[0]["data"] == "d" * 64
    assert sum(share for _, share in entries[0]["groups"]["machine"].values()) == pytest.approx(
        1, abs=1e-3
    )
    looks = {entry["step"]: entry["dev"] for entry in entries if "dev" in entry}
    assert list(looks) == [4, 6]
    assert set(looks[6]) >= {"all/auroc", "all/tpr_at_1pct", "frontier/auroc"}
    assert list((toy_run.config.output / "tensorboard").iterdir())
    assert toy_run.stdout == f"{toy_run.bundle}\n"
    assert load_bundle(toy_run.bundle).manifest.name == "toy"


def test_where_nobody_watches_nothing_is_drawn(toy_run):
    assert toy_run.stderr == ""


def test_a_run_killed_while_it_replaced_its_checkpoint_goes_on(toy_run, tmp_path, capsys):
    path = copy_of(toy_run, tmp_path)
    checkpoint = tmp_path / "out" / "checkpoint"
    os.replace(checkpoint, checkpoint.with_name("checkpoint.partial"))
    assert run(path) == 2  # it is a run all the same
    assert "add --resume" in capsys.readouterr().err
    assert run(path, "--resume", "--no-export") == 0
    assert losses(tmp_path / "out") == losses(toy_run.config.output)


def test_half_a_checkpoint_is_none(write_config, capsys):
    path = write_config()
    (output_of(path) / "checkpoint.partial").mkdir(parents=True)
    assert run(path, "--resume") == 2
    assert "no checkpoint to resume" in capsys.readouterr().err


def test_another_configuration_is_not_resumed(toy_run, tmp_path, capsys):
    path = copy_of(toy_run, tmp_path)
    values = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**values, "seed": 2, "balance": {"pairs": 0.9}}))
    before = (tmp_path / "out" / "log.jsonl").read_bytes()
    assert run(path, "--resume") == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "seed, balance" in message
    assert (tmp_path / "out" / "log.jsonl").read_bytes() == before


def test_a_run_is_not_resumed_on_other_data(toy_run, tmp_path, capsys):
    path = copy_of(toy_run, tmp_path)
    values = yaml.safe_load(path.read_text())
    corpus = Path(shutil.copytree(values["data"], tmp_path / "corpus"))
    (corpus / "digest.txt").write_text("e" * 64 + "\n")
    state = tmp_path / "out" / "checkpoint" / "run.json"
    moved = state.read_text().replace(values["data"], str(corpus))  # the path tells nothing
    state.write_text(moved)
    path.write_text(yaml.safe_dump({**values, "data": str(corpus)}))
    assert run(path, "--resume") == 2
    assert "was made with another data; restore" in capsys.readouterr().err


def test_a_run_is_not_overwritten(toy_run, capsys):
    before = (toy_run.config.output / "log.jsonl").read_bytes()
    assert run(toy_run.config_file) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "add --resume" in message
    assert (toy_run.config.output / "log.jsonl").read_bytes() == before


def test_ctrl_c_is_one_line(write_config, monkeypatch, capsys):
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finetune, "finetune", interrupt)
    assert run(write_config()) == 130
    assert capsys.readouterr().err == "train.finetune: interrupted; go on with --resume\n"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"data": "nowhere"}, "nowhere: no data set here"),
        ({"output": __file__}, "test_finetune.py: cannot be made a folder"),
        ({"encoder": "./nowhere"}, "encoder ./nowhere"),
        ({"encoder": "package:nowhere/model"}, "package nowhere is not installed"),
        ({"encoder_sha256": "0" * 64}, "not the pinned one"),
        ({"maximum_tokens": 63}, "set maximum_tokens to 62 or less"),
        ({"colour": "red"}, "colour"),
        ({"minimum_tokens": 49}, "minimum_tokens 49 is above maximum_tokens 48"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_exit_2(write_config, capsys, changes, problem):
    path = write_config(**changes)
    assert run(path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("train.finetune: ")
    assert captured.err.count("\n") == 1
    assert problem in captured.err
    assert not (output_of(path) / "checkpoint").exists()


def classifier_of(folder: Path) -> Any:
    return load_file(folder / "model.safetensors")["classifier.weight"]


def test_a_run_goes_on_with_the_head_of_another_or_draws_its_own(toy_run, write_config):
    trained = toy_run.config.output / "network"
    still = {"encoder": str(trained), "steps": 1, "learning_rate": 1e-12, "seed": 9}
    kept, drawn = (write_config(**still, keep_head=keep) for keep in (True, False))
    for path in (kept, drawn):
        assert run(path, "--no-export") == 0
    heads = [classifier_of(output_of(path) / "network") for path in (kept, drawn)]
    assert np.allclose(heads[0], classifier_of(trained), atol=1e-6)
    assert not np.allclose(heads[1], heads[0], atol=1e-3)


def test_an_encoder_without_a_head_cannot_keep_it(tiny_network, write_config, tmp_path, capsys):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_network, bare)
    weights = load_file(bare / "model.safetensors")
    headless = {name: value for name, value in weights.items() if "classifier" not in name}
    save_file(headless, bare / "model.safetensors", metadata={"format": "pt"})
    capsys.readouterr()
    assert run(write_config(encoder=str(bare), keep_head=True)) == 2
    assert "has no trained head; drop keep_head" in capsys.readouterr().err


def test_data_that_could_not_be_calibrated_are_refused_before_training(
    write_config, write_corpus, tmp_path, capsys
):
    corpus = write_corpus(tmp_path / "corpus", threshold=[])
    path = write_config(data=str(corpus))
    capsys.readouterr()  # what writing the data set printed
    assert run(path) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "threshold split: holds no human news text of 40 words" in message
    assert not output_of(path).exists()


def test_data_without_machine_texts_are_refused(
    write_config, write_corpus, toy_rows, tmp_path, capsys
):
    rows = [row for row in toy_rows("train") if row["label"] == "human"]
    path = write_config(data=str(write_corpus(tmp_path / "corpus", train=rows)))
    assert run(path) == 2
    assert "train needs human and machine texts" in capsys.readouterr().err


def test_the_learning_rate_warms_up_peaks_and_ends_at_zero(toy_run):
    config = toy_run.config.model_copy(update={"warmup_steps": 4, "steps": 24})
    factors = [learning_rate_factor(step, config) for step in range(25)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4] == max(factors) == 1.0
    assert factors[14] == pytest.approx(0.5)
    assert factors[24] == pytest.approx(0, abs=1e-12)


def test_the_weights_kept_lie_between_start_and_end(write_config):
    kept = {}
    for share in (0.0, 0.25, 0.999999):
        path = write_config(start_share=share)
        assert run(path, "--no-export") == 0
        kept[share] = load_file(output_of(path) / "network" / "model.safetensors")
    end, between, start = kept.values()
    assert any(not np.allclose(end[name], start[name], atol=1e-4) for name in end)
    for name, weights in between.items():
        expected = 0.25 * start[name] + 0.75 * end[name]
        assert weights == pytest.approx(expected, abs=1e-5)
