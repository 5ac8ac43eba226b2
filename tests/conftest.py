"""What all tests share: a tiny random bundle built on the spot, and a toy article.

The bundle is a two-layer network with random weights and a tokenizer of single letters. Its
scores mean nothing; what is tested is that every way to them gives the same ones.
"""

from __future__ import annotations

import os
import string
import warnings
from pathlib import Path

import pytest

from model.bundle import Manifest, write_manifest
from model.calibration import Calibration, HumanScores
from model.passages import PassageCalibration
from model.policies import Threshold

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for tests that import onnxruntime themselves

_TOY_ARTICLE = """\
The town council of Lower Marsh voted on Tuesday night to keep the old swimming pool open \
for one more summer, after dozens of families filled the hall and asked it to think again.

"My children learned to swim there, and so did I," said Ruth Pell, who runs the bakery across \
the street. Dr. Amos Reed, the council's engineer, warned that the pumps might not last. He \
put the price of new ones at $48,000.

The mayor promised a decision on the repairs by the end of May. Until then, volunteers will \
paint the fences and mow the lawn, and the pool will open at 10 a.m. on Saturdays only.
"""

_GERMAN_ARTICLE = (
    "Die Gemeinde hat am Dienstag beschlossen, das alte Freibad noch einen Sommer lang offen "
    "zu halten. Der Ingenieur warnte, dass die Pumpen nicht mehr lange durchhalten. Über die "
    "Reparatur will der Bürgermeister bis Ende Mai entscheiden, und bis dahin streichen "
    "Freiwillige die Zäune und mähen den Rasen."
)


@pytest.fixture(scope="session")
def toy_article() -> str:
    """A made-up article of some hundred words (a toy, written for these tests)."""
    return _TOY_ARTICLE


@pytest.fixture(scope="session")
def german_article() -> str:
    """The same news for readers of German (a toy, too), and long enough to be scored."""
    return _GERMAN_ARTICLE


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random token classifier and its tokenizer."""
    folder = tmp_path_factory.mktemp("tiny-network")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own, while they are imported
        _save_network(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_network: Path) -> Path:
    """A whole bundle around the tiny network, with plausible calibration and thresholds."""
    from train.export import write_weights

    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_weights(tiny_network, folder)
    write_manifest(folder, _manifest())
    return folder


def _manifest() -> Manifest:
    humans = tuple(index / 500 for index in range(100))
    return Manifest(
        name="respun-tiny",
        version="0.0.1",
        max_tokens=62,
        minimum_words=40,
        calibration=Calibration(slope=(1.5, 0.1), intercept=(-0.5, 0.05)),
        human=HumanScores((60,) * 100 + (150,) * 100, humans + humans, nearest=100),
        passages=PassageCalibration((0.6, 0.1), (0.2, 0.0), (0.4, -0.1), (-0.3, 0.1), 0.55),
        thresholds={
            "fpr-5pct": Threshold(0.3, 1000, 50, (0.037, 0.065)),
            "fpr-1pct": Threshold(0.6, 1000, 10, (0.005, 0.018)),
            "fpr-0.1pct": Threshold(0.9, 1000, 1, (0.0, 0.006)),
        },
    )


def _save_network(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    from model.labels import LABEL_IDS

    characters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [*characters, *(f"##{character}" for character in characters), "the", "##ing"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
    ids = {piece: index for index, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.enable_truncation(16)  # as all-MiniLM-L6-v2 has it: readers must switch it off
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(str(folder))
    torch.manual_seed(7)
    network = BertForTokenClassification(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            id2label={index: label for label, index in LABEL_IDS.items()},
            label2id=LABEL_IDS,
        )
    )
    torch.nn.init.normal_(network.classifier.weight, std=0.5)
    network.save_pretrained(str(folder))
