"""Every shipped configuration is one that its command takes; a wrong one is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from model.config_file import read_config
from model.errors import ConfigError
from seeds.build import BuildConfig
from train.config import BalanceConfig, FinetuneConfig
from train.leave_out import LeaveOutConfig
from train.linear import LinearConfig

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
SCHEMAS: dict[str, type[BaseModel]] = {
    "seeds.build": BuildConfig,
    "train.finetune": FinetuneConfig,
    "train.leave_out": LeaveOutConfig,
    "train.linear": LinearConfig,
}


def commands_of(path: Path) -> list[str]:
    """The modules that the file's head says to run it with."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"python -m (\S+) --config configs/{re.escape(path.name)}", text)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_configuration_names_its_command_which_takes_it(path):
    (module,) = commands_of(path)
    assert read_config(path, SCHEMAS[module])


def test_the_smoke_run_reads_what_the_smoke_build_writes():
    build, run = (path for path in CONFIGS if path.name.startswith("smoke"))
    written = read_config(build, BuildConfig).output
    assert read_config(run, FinetuneConfig).data == written


@pytest.mark.parametrize("schema", [FinetuneConfig, BalanceConfig, *SCHEMAS.values()])
def test_every_field_is_described(schema):
    assert [name for name, field in schema.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("learning_rat: 1", "learning_rat: Extra inputs are not permitted"),
        ("balance: {exponents: 1}", "balance.exponents: Extra inputs are not permitted"),
        ("balance: {shares: {toy: -0.1}}", "balance.shares.toy: Input should be greater than 0"),
        ("steps: 0", "steps: Input should be greater than or equal to 1"),
        ("minimum_tokens: 200", "minimum_tokens 200 is above maximum_tokens 158; lower it"),
        ("precision: fp16", "precision: Input should be 'bf16' or 'fp32'"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, text, problem):
    path = tmp_path / "toy.yaml"
    whole = "name: toy\nversion: '0'\ndata: d\noutput: o\nencoder: e\n"
    path.write_text(whole + ("" if "steps" in text else "steps: 1\n") + text)
    with pytest.raises(ConfigError) as caught:
        read_config(path, FinetuneConfig)
    message = str(caught.value)
    assert problem in message
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "just words"])
def test_what_is_no_configuration_is_one_line(tmp_path, text):
    path = tmp_path / "toy.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path, FinetuneConfig)
    assert "\n" not in str(caught.value)
