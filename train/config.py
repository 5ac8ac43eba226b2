"""The configuration of a fine-tuning run: one YAML file, every field described once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BalanceConfig(BaseModel):
    """How often each part of the corpus is drawn. Half of every batch is human."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exponent: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A group (corpus, generator, news or not) of n texts weighs n to this power: "
        "1 draws texts evenly, 0 draws groups evenly.",
    )
    outlets: int = Field(
        0,
        ge=0,
        description="Human texts from which an outlet is a group of its own, beside the rest of "
        "its corpus; 0 where no outlet is.",
    )
    other_genres: float = Field(
        0.3, ge=0, le=1, description="Factor on the weight of groups that are not news."
    )
    shares: Mapping[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict,
        description="Corpus to its fixed share of the machine half, instead of a weight.",
    )
    pairs: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Probability that a human text is the original of the machine text drawn "
        "with it, where there is one: same story, other writer, one batch.",
    )
    maximum_overlap: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Machine texts that share more 5-grams with their original are not drawn.",
    )
    excluded: tuple[str, ...] = Field(
        (), description="CORPUS:OPERATION pairs that are not trained on."
    )


class FinetuneConfig(BaseModel):
    """What a run reads, how it trains, and where it writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Name of the model, as results carry it.")
    version: str = Field(description="Version of the model, as results carry it.")
    data: Path = Field(description="Folder of the data set that seeds.build wrote.")
    output: Path = Field(description="Folder for checkpoints, logs, network and bundle.")
    encoder: str = Field(
        description="Hugging Face id or folder of the base encoder; package:NAME/FOLDER for one "
        "that a Python package carries."
    )
    revision: str = Field("main", description="Commit of the encoder, where it is an id.")
    base_model: str = Field(
        "",
        description="Hugging Face id of what the first run started from, for the model card; "
        "empty where that is `encoder`.",
    )
    encoder_sha256: str = Field(
        "", description="sha256 that the encoder's model.safetensors must have; empty for any."
    )
    keep_head: bool = Field(
        False, description="Go on with the head that `encoder`, a trained network, has already."
    )
    trained_before: Path | None = Field(
        None,
        description="File of ids, one a line: texts that the starting network was trained on and "
        "that a later data set holds outside train. Nothing is calibrated or measured on them.",
    )
    seed: int = Field(1, description="Draws crops, batches and the new head.")
    steps: int = Field(ge=1, description="Optimiser steps.")
    batch_tokens: int = Field(
        5120, ge=64, description="Tokens of a batch over all processes, padding included."
    )
    minimum_tokens: int = Field(32, ge=8, description="Shortest crop.")
    maximum_tokens: int = Field(
        158, ge=16, description="Longest crop, and the scoring window; two special tokens on top."
    )
    leads: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of crops that start where the text does, as short "
        "articles and first windows do; the others start anywhere.",
    )
    splices: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the pairs of a machine and a human text that are cut and joined to "
        "two spliced crops, whose tokens are each told who wrote them.",
    )
    attacked: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the texts, human and machine alike, that are read with one of "
        "`train.attacks` done to them.",
    )
    learning_rate: float = Field(2e-4, gt=0, description="Peak; warmed up, then cosine to zero.")
    warmup_steps: int = Field(200, ge=0, description="Steps of linear warm-up.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's, on matrices only.")
    dropout: float = Field(0.0, ge=0, lt=1, description="In the encoder and before the head.")
    kind_weight: float = Field(
        0.3, ge=0, description="Weight of telling machine kinds apart, beside human or machine."
    )
    rank_weight: float = Field(
        0.0, ge=0, description="Weight of ranking every machine text above the batch's humans."
    )
    start_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the starting network in the weights that are kept: an average of "
        "where the run began and where it ended.",
    )
    precision: Literal["bf16", "fp32"] = Field("bf16", description="Of the forward pass.")
    checkpoint_minutes: float = Field(4.0, gt=0, description="Time between checkpoints.")
    evaluate_steps: int = Field(1000, ge=1, description="Steps between looks at dev.")
    evaluate_texts: int = Field(1500, ge=1, description="Dev texts that such a look reads.")
    minimum_words: int = Field(40, ge=1, description="Below it a text is too short to score.")
    balance: BalanceConfig = Field(BalanceConfig(), description="Who is drawn how often.")

    @model_validator(mode="after")
    def _check(self) -> FinetuneConfig:
        if self.minimum_tokens > self.maximum_tokens:
            raise ValueError(
                f"minimum_tokens {self.minimum_tokens} is above maximum_tokens "
                f"{self.maximum_tokens}; lower it"
            )
        return self
