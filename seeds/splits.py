"""Splits by story and source: who is trained on, who is measured, who sets thresholds.

A cluster of stories (an original, its rewrites, its near-duplicates across corpora) goes to
one split as a whole. An outlet, corpus or generator that the configuration holds out must
never be trained on; where members of a cluster ask for different splits, the one furthest
from training wins, so nothing held out leaks back.

There is one split more than usual. `calibration` fits the score; the humans of `threshold`
come from named outlets, or from whole corpora, that nothing else used: a threshold is a
promise about false alarms, so they must have trained, tuned and calibrated nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Split: TypeAlias = Literal["train", "dev", "calibration", "threshold", "test"]
"""In order of distance from training; the later one wins within a cluster."""

SPLITS: tuple[str, ...] = get_args(Split)

SEEDS = "seeds"
"""The corpus of the seed documents, whose story is a test whatever a configuration says."""


class SplitConfig(BaseModel):
    """Who goes where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(description="Changes which stories go to which split.")
    dev: float = Field(ge=0, le=0.5, description="Share of the other stories for dev.")
    calibration: float = Field(ge=0, le=0.5, description="Share of them for calibration.")
    test: float = Field(ge=0, le=0.5, description="Share of them for test.")
    threshold: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Share of them for thresholds; named outlets are the better promise.",
    )
    corpora: Mapping[Split, tuple[str, ...]] = Field(
        default_factory=dict, description="Split name to the corpora that only it may hold."
    )
    held_out_generators: tuple[str, ...] = Field(
        (), description="Generators that are test only; elsewhere their texts are dropped."
    )
    held_out_operations: tuple[str, ...] = Field(
        (), description="CORPUS:OPERATION pairs that are test only, likewise."
    )
    outlets: Mapping[Split, tuple[str, ...]] = Field(
        default_factory=dict, description="Split name to the outlets that only it may hold."
    )

    @model_validator(mode="after")
    def _check(self) -> SplitConfig:
        total = self.dev + self.calibration + self.test + self.threshold
        if total > 1:
            raise ValueError(
                f"dev, calibration, threshold and test sum to {total:g}; make it 1 at most"
            )
        return self


def story_split(cluster: str, config: SplitConfig) -> str:
    """The split of a cluster that nothing holds out, by a hash of its name."""
    digest = hashlib.blake2b(f"{config.seed}:{cluster}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "big") / 2**64
    for split, share in (
        ("test", config.test),
        ("calibration", config.calibration),
        ("dev", config.dev),
        ("threshold", config.threshold),
    ):
        if position < share:
            return split
        position -= share
    return "train"


def cluster_split(
    cluster: str, corpora: Collection[str], sources: Collection[str], config: SplitConfig
) -> str:
    """The split of a cluster, given the corpora and outlets of its members."""
    if SEEDS in corpora:
        return "test"
    asked = {
        split
        for wanted, members in ((config.corpora, set(corpora)), (config.outlets, set(sources)))
        for split, names in wanted.items()
        if members & set(names)
    }
    if not asked:
        return story_split(cluster, config)
    return max(asked, key=SPLITS.index)


def held_out(generator: str, corpus: str, operation: str, config: SplitConfig) -> bool:
    """Whether a machine text may stand in `test` only."""
    return (
        generator in config.held_out_generators
        or f"{corpus}:{operation}" in config.held_out_operations
    )
