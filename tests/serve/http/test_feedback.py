from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
import yaml

from model.errors import ConfigError
from model.labels import HUMAN, REWRITTEN
from seeds.readers.user import UserCorpus, read
from serve.http import feedback
from serve.http.errors import ServiceError
from serve.http.feedback import FeedbackStore

ROOT = Path(__file__).parents[3]


def corpus_of(path):
    """The corpus that the module's docstring says to configure, with another path."""
    documented = (feedback.__doc__ or "").partition("configuration:\n")[2].partition("\n`date`")[0]
    [corpus] = yaml.safe_load(documented)["corpora"]
    return UserCorpus(**{**corpus, "path": str(path)})


def test_what_is_kept_is_read_as_a_users_corpus(tmp_path, toy_article):
    store = FeedbackStore(tmp_path / "feedback.jsonl")
    assert store.enabled
    assert store.append(toy_article, True, "perspective")
    assert store.append(f"{toy_article}\u2028\0\ud800 end", False, "label-studio", story="42")
    machine, human = read(corpus_of(store.path))
    assert (machine.text, machine.label, machine.generator) == (toy_article, REWRITTEN, "unknown")
    assert (human.label, human.generator, human.story) == (HUMAN, "", "feedback:42")
    assert human.text == f"{toy_article}\u2028\0\ufffd end"
    assert human.text.encode()


def test_versions_of_a_text_share_a_story_only_where_it_is_named(tmp_path):
    store = FeedbackStore(tmp_path / "feedback.jsonl")
    for text in ("one", "one", "two"):
        store.append(text, False, "test")
    first, second, third = read(corpus_of(store.path))
    assert first.story == second.story != third.story


def test_the_file_is_for_its_owner_alone(tmp_path):
    store = FeedbackStore(tmp_path / "feedback.jsonl")
    previous = os.umask(0)
    try:
        store.append("text", True, "test")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "feedback.jsonl").stat().st_mode) == 0o600


def test_nothing_is_kept_unless_it_is_switched_on():
    store = FeedbackStore(None)
    assert not store.enabled
    assert store.append("text", True, "test") is False


def test_an_empty_text_is_refused_since_it_would_stop_a_build(tmp_path):
    with pytest.raises(ServiceError, match="empty") as refused:
        FeedbackStore(tmp_path / "feedback.jsonl").append(" \n", True, "test")
    assert refused.value.kind == "invalid"
    assert (tmp_path / "feedback.jsonl").read_bytes() == b""


def test_a_file_that_cannot_be_written_is_one_line_for_people(tmp_path):
    with pytest.raises(ConfigError, match="check --feedback"):
        FeedbackStore(tmp_path / "gone" / "feedback.jsonl")
    (tmp_path / "there").mkdir()
    store = FeedbackStore(tmp_path / "there" / "feedback.jsonl")
    shutil.rmtree(tmp_path / "there")
    with pytest.raises(ServiceError, match="could not be kept") as refused:
        store.append("text", True, "test")
    assert refused.value.status == 500


def test_names_that_a_data_set_cannot_hold_are_made_good(tmp_path):
    store = FeedbackStore(tmp_path / "feedback.jsonl")
    store.append("one", True, "\udfff" + "s" * 1000, story="\ud800")
    store.append("two", True, "test", story="s" * 1000 + "2")
    store.append("three", True, "test", story="s" * 1000 + "3")
    records = read(corpus_of(store.path))
    lines = [json.loads(line) for line in (tmp_path / "feedback.jsonl").read_text().splitlines()]
    assert lines[0]["source"] == "\ufffd" + "s" * 199
    assert len({record.story for record in records}) == 3
    for line in lines:
        pyarrow.array(list(line.values()))
        assert max(len(line[name]) for name in ("story", "source")) <= 200


def test_a_write_that_falls_short_leaves_no_torn_line(tmp_path, monkeypatch):
    path = tmp_path / "feedback.jsonl"
    store = FeedbackStore(path)
    store.append("first", True, "test")
    whole = path.read_bytes()
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:20]))
        with pytest.raises(ServiceError):
            store.append("second", True, "test")
    assert path.read_bytes() == whole
    store.append("third", True, "test")
    assert [json.loads(line)["text"] for line in path.read_text().splitlines()] == [
        "first",
        "third",
    ]


def test_a_line_follows_one_that_an_editor_left_open(tmp_path):
    path = tmp_path / "feedback.jsonl"
    path.write_text('{"text": "by hand", "label": "human"}')
    FeedbackStore(path).append("next", True, "test")
    assert [json.loads(line)["text"] for line in path.read_text().splitlines()] == [
        "by hand",
        "next",
    ]


def test_several_workers_write_whole_lines(tmp_path):
    path = tmp_path / "feedback.jsonl"
    code = (
        "import sys; from pathlib import Path; from serve.http.feedback import FeedbackStore\n"
        "store = FeedbackStore(Path(sys.argv[1]))\n"
        "for n in range(50): store.append(f'{sys.argv[2]} {n} ' * 3000, True, 'test')\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], cwd=ROOT)
        for n in range(3)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    texts = [record.text for record in read(corpus_of(path))]
    assert len(texts) == len(set(texts)) == 150
