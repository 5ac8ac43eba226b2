"""The weights that ship: whole, described truly, and saying what they said when committed."""

from __future__ import annotations

import math
from pathlib import Path

import onnxruntime
import pytest

from model.bundle import load_bundle, verify_all
from model.document import DocumentReader, mean_logits
from model.encoder import Encoder
from model.policies import POLICY_RATES
from serve import Scorer

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "model" / "checkpoint"

# Scores of the five spins of the seed story, which no weights may have seen.
GOLDEN = {
    "000_7b4d44a1602fb94c.txt": 0.9995,
    "001_51fe8f3a45d1e2e6.txt": 0.9998,
    "002_b18206fd37d6bce2.txt": 0.9997,
    "003_443dd833fefe247e.txt": 0.9935,
    "004_2303a9234c677aa9.txt": 0.9996,
}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load()


def test_every_file_is_the_one_that_the_manifest_pins():
    verify_all(load_bundle())


def test_all_committed_weights_stay_under_75_megabytes():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 75e6


@pytest.mark.parametrize("name", GOLDEN)
def test_each_seed_document_scores_as_recorded(scorer, name):
    text = (ROOT / "seeds" / "documents" / name).read_text(encoding="utf-8")
    result = scorer.score([text])[0]
    # int8 kernels differ between processors in the third digit.
    assert result.score == pytest.approx(GOLDEN[name], abs=0.01)
    assert result.verdict == "machine"
    assert result.p_human < 0.01


def _documents() -> list[str]:
    return [(ROOT / "seeds" / "documents" / name).read_text(encoding="utf-8") for name in GOLDEN]


def test_the_graph_for_a_gpu_scores_like_the_one_for_a_cpu():
    """Here both run on a CPU, and so the fp16 one slowly; what differs is int8."""
    bundle = load_bundle(device="cuda")
    manifest = bundle.manifest
    reader = DocumentReader.from_file(bundle.tokenizer_file, manifest.max_tokens)
    documents = [reader.read(text) for text in _documents()]
    scores = []
    for device in ("cpu", "cuda"):
        encoder = Encoder(bundle.encoder_file(device))
        logits = reader.logits(documents, encoder.token_logits)
        scores.append(
            [
                float(manifest.calibration.score(mean_logits(rows), document.words))
                for document, rows in zip(documents, logits, strict=True)
            ]
        )
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


@pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="no GPU that this onnxruntime can use (pip install onnxruntime-gpu)",
)
def test_a_gpu_gives_the_verdicts_of_the_cpu(scorer):
    texts = _documents()
    texts += [text[:500] for text in texts] + [text[500:] for text in texts]
    here, there = scorer.score(texts), Scorer.load(device="cuda").score(texts)
    assert [result.verdict for result in there] == [result.verdict for result in here]
    assert [result.score for result in there] == pytest.approx(
        [result.score for result in here], abs=0.02
    )


def test_the_default_threshold_rests_on_thousands_of_human_articles():
    promised = load_bundle().manifest.thresholds["fpr-1pct"]
    assert promised.humans >= 3000
    assert promised.flagged / promised.humans <= 0.01


@pytest.mark.parametrize(("policy", "rate"), POLICY_RATES.items())
def test_a_text_is_flagged_exactly_where_its_p_is_within_the_rate(policy, rate):
    manifest = load_bundle().manifest
    for words in (40, 99, 100, 250, 399, 400, 799, 800, 5000):
        line = manifest.line(policy, words)
        for score in (line, math.nextafter(line, 0), 0.0, 0.5, 0.9, 0.99, 0.9999, 1.0):
            assert (score >= line) == (manifest.human.p_human(score, words) <= rate)
