"""The data card says what a data set holds, what was removed, and what leaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.features import FEATURE_NAMES
from seeds.archives import pins
from seeds.card import write_card

DIGEST = "d" * 64
REMOVED = {
    "lintool/GrimmerSenatePressReleases": {"read": 9, "dropped: too short": 2},
    "toys": {"read": 30, "changed: datelines": 4, "dropped: too short": 1},
}


def row(number: int, label: str, split: str, **changes: object) -> dict[str, object]:
    """A toy row; machines are fonder of commas."""
    machine = label != "human"
    values = {
        "id": f"toy:{number}", "label": label, "split": split, "corpus": "toys", "domain": "news",
        "text": f"Toy {number}{', and' if machine else ' and'} no more.", "slices": [],
        "generator": "gpt-toy" if machine else "", "operation": "polish" if machine else "",
    }  # fmt: skip
    return values | changes


@pytest.fixture
def card(tmp_path: Path) -> str:
    rows = [row(number, "human", "train") for number in range(7)]
    rows += [row(10 + number, "rewritten", "train") for number in range(5)]
    rows += [row(20 + number, "spun", "test", slices=["generator"]) for number in range(3)]
    rows += [row(30, "human", "test", slices=["outlet", "corpus"])]
    rows += [row(40, "human", "dev", corpus="lintool/GrimmerSenatePressReleases")]
    columns = {name: [values[name] for values in rows] for name in rows[0]}
    own = [{"name": "toys", "licence": "ours"}, {"name": "unread", "licence": "theirs"}]
    facts = {"digest": DIGEST, "removed": REMOVED, "config": {"corpora": own}}
    path = tmp_path / "card.md"
    write_card(path, columns, facts)
    return path.read_text(encoding="utf-8")


def table(card: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading: first cell to the others, header included."""
    section = card.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: others for first, *others in cells}


def test_it_names_the_data(card: str) -> None:
    assert card.startswith("# Data card\n")
    assert f"17 texts, digest `{DIGEST}`" in card


def test_it_counts_labels_and_corpora_by_split(card: str) -> None:
    labels = table(card, "Splits and labels")
    assert labels["label"] == ["train", "dev", "calibration", "threshold", "test", "all"]
    assert labels["human"] == ["7", "1", "0", "0", "1", "9"]
    assert labels["rewritten"] == ["5", "0", "0", "0", "0", "5"]
    assert labels["spun"] == ["0", "0", "0", "0", "3", "3"]
    assert table(card, "Corpora")["toys"][-1] == "16"


def test_it_counts_machines_by_generator_and_operation(card: str) -> None:
    generators = table(card, "Generators")
    assert set(generators) == {"generator", "gpt-toy"}
    assert generators["gpt-toy"] == ["5", "0", "0", "0", "3", "8"]
    assert table(card, "Operations")["polish"][-1] == "8"
    assert table(card, "Domains")["news"][-1] == "17"


def test_it_counts_the_held_out_slices(card: str) -> None:
    assert table(card, "Held-out slices of test") == {
        "slice": ["human", "machine"],
        "corpus": ["1", "0"],
        "generator": ["0", "3"],
        "outlet": ["1", "0"],
    }


def test_it_shows_what_leaks(card: str) -> None:
    leaks = table(card, "One-feature leaks")
    assert list(leaks) == ["feature", *FEATURE_NAMES]
    header = leaks["feature"]
    commas = dict(zip(header, leaks["commas"], strict=True))
    assert commas["train"] == commas["test"] == "1.000"  # the toy machines' mark
    assert commas["dev"] == commas["threshold"] == "-"  # one class only, or none
    assert dict(zip(header, leaks["questions"], strict=True))["train"] == "0.500"


def test_it_says_what_cleaning_did(card: str) -> None:
    removed = table(card, "What cleaning did")
    assert removed["corpus"] == ["read", "changed: datelines", "dropped: too short"]
    assert removed["toys"] == ["30", "4", "1"]
    assert removed["lintool/GrimmerSenatePressReleases"] == ["9", "0", "2"]
    assert removed["all"] == ["39", "4", "3"]


def test_it_names_licence_and_commit_of_each_archive_that_it_holds(card: str) -> None:
    licences = table(card, "Licences and sources")
    pin = pins()["lintool/GrimmerSenatePressReleases"]
    assert set(licences) == {"corpus", pin.repository, "toys"}
    assert licences["toys"] == ["16", "", "ours", ""]
    assert pin.commit[:12] in licences[pin.repository]
    assert pin.licence in licences[pin.repository]
