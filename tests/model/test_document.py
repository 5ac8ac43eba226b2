from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from model.bundle import load_bundle
from model.document import DocumentReader, mean_logits
from model.encoder import Encoder
from model.errors import BundleError, ConfigError
from model.spans import text_parts


@pytest.fixture(scope="module")
def reader(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    return DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)


@pytest.fixture(scope="module")
def encoder(tiny_bundle):
    return Encoder(load_bundle(tiny_bundle).encoder_file(), threads=1)


def test_the_whole_text_is_read(reader, toy_article):
    document = reader.read(toy_article * 3)
    assert len(document.token_ids) > 512
    assert document.windows[-1][1] == len(document.token_ids) == len(document.token_starts)
    framed = reader.frames(document)
    assert [token for window in framed for token in window[1:-1]] == document.token_ids.tolist()
    assert {window[0] for window in framed} == {reader.cls_id}
    assert {window[-1] for window in framed} == {reader.sep_id}


def test_tokens_point_into_the_normalised_text(reader):
    document = reader.read("Émile  swam “twice”.")
    bounds = [*document.token_starts, len(document.normalized.text)]
    pieces = [document.normalized.text[start:end] for start, end in pairwise(bounds)]
    assert "".join(pieces) == 'Émile swam "twice".'
    assert [piece for piece in pieces if piece[0] == " "] == []


def test_a_long_text_is_tokenised_in_parts_as_if_at_once(reader, toy_article):
    text = toy_article * 60
    document = reader.read(text)
    (last,) = [start for start, end in text_parts(document.normalized.text, (" ",))][-1:]
    assert last > 0  # there is more than one part
    once = [*reader.read(toy_article).token_ids] * 60
    assert document.token_ids.tolist() == once
    assert document.normalized.text[document.token_starts[-1] :] == "."


def test_every_token_gets_logits_and_a_text_without_any_gets_none(reader, encoder, toy_article):
    documents = [reader.read(toy_article), reader.read("\u200b"), reader.read("Short.")]
    logits = list(reader.logits(documents, encoder.token_logits))
    assert [each.shape for each in logits] == [
        (len(document.token_ids), 4) for document in documents
    ]
    assert logits[0].dtype == np.float32
    assert mean_logits(logits[0]) == pytest.approx(logits[0].mean(axis=0), abs=1e-5)


def test_company_order_and_threads_change_nothing(reader, tiny_bundle, encoder, toy_article):
    texts = [toy_article, toy_article[200:], toy_article.upper(), "One short line.", "x " * 500]
    documents = [reader.read(text) for text in texts]
    alone = [next(reader.logits([document], encoder.token_logits)) for document in documents]
    order = list(range(len(documents)))
    random.Random(0).shuffle(order)
    threaded = Encoder(load_bundle(tiny_bundle).encoder_file(), threads=3)
    together = reader.logits([documents[index] for index in order], threaded.token_logits)
    for index, logits in zip(order, together, strict=True):
        np.testing.assert_array_equal(logits, alone[index])


def test_several_threads_may_share_one_encoder(reader, encoder, toy_article):
    windows = reader.frames(reader.read(toy_article))
    expected = list(encoder.token_logits(windows))
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(encoder.token_logits, [windows] * 8):
            for logits, reference in zip(result, expected, strict=True):
                np.testing.assert_array_equal(logits, reference)


def test_a_file_of_another_kind_is_refused(tmp_path):
    other = tmp_path / "file"
    other.write_bytes(b"neither a graph nor a tokenizer")
    with pytest.raises(BundleError, match="not an encoder"):
        Encoder(other)
    with pytest.raises(BundleError, match="not a tokenizer"):
        DocumentReader.from_file(other, 10)


def test_a_device_that_is_not_there_is_refused(tiny_bundle, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError, match="onnxruntime-gpu"):
        Encoder(load_bundle(tiny_bundle).encoder_file(), device="cuda")
    with pytest.raises(ConfigError, match="use cpu or cuda"):
        Encoder(load_bundle(tiny_bundle).encoder_file(), device="tpu")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="use 1 or more"):
        Encoder(load_bundle(tiny_bundle).encoder_file(), threads=0)
