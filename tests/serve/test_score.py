"""The command line: in this process where it can be, in one of its own where it must."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from model.bundle import TOKENIZER_FILE
from model.errors import InputError
from serve import Scorer, score
from serve.inputs import MAX_BYTES, Item
from serve.score import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scorer(tiny_bundle: Path) -> Scorer:
    return Scorer.load(tiny_bundle)


@pytest.fixture(autouse=True)
def _one_load(monkeypatch: pytest.MonkeyPatch, scorer: Scorer, tiny_bundle: Path) -> None:
    """Load the tiny bundle once, but what the options ask for otherwise."""
    load = Scorer.load

    def loaded(model: str, device: Any, threshold: str | float) -> Scorer:
        usual = (model, device, threshold) == (str(tiny_bundle), "cpu", "fpr-1pct")
        return scorer if usual else load(model, device, threshold)

    monkeypatch.setattr(Scorer, "load", loaded)


@pytest.fixture
def article(tmp_path: Path, toy_article: str) -> str:
    path = tmp_path / "article.txt"
    path.write_text(toy_article)
    return str(path)


class Run:
    """What a command line gave: its exit code and lines."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out.splitlines(), err.splitlines()

    @property
    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out]


@pytest.fixture
def run(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run(*arguments: str, model: Path | None = tiny_bundle) -> Run:
        try:
            code = main(["--model", str(model), *arguments] if model else arguments)
        except SystemExit as leaving:  # as argparse leaves
            code = int(leaving.code or 0)
        return Run(code, *capsys.readouterr())

    return run


@pytest.fixture
def stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    path = tmp_path / "stdin"
    path.touch()
    with path.open() as stream:

        def send(text: str) -> None:
            path.write_text(text)
            monkeypatch.setattr(sys, "stdin", stream)

        yield send


def _json_lines(path: Path, lines: Sequence[dict[str, Any] | str]) -> str:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(text) + "\n")
    return str(path)


# --- Scoring --------------------------------------------------------------------------------


def test_each_file_gets_a_line(run, article, scorer, toy_article):
    (result,) = scorer.score([toy_article])
    got = run(article, article)
    assert got.code == 0
    assert got.err == []
    expected = [result.verdict, f"{result.score:.4f}", f"p={result.p_human:.4f}", article]
    assert [line.split() for line in got.out] == [expected, expected]


def test_all_ways_in_give_what_the_library_gives(
    run, article, scorer, toy_article, german_article, stdin, tmp_path
):
    texts = [toy_article, toy_article[100:], german_article, "Too short."]
    library = [result.to_dict() for result in scorer.score(texts, explain=True)]
    for place, text in enumerate(texts):
        (tmp_path / f"{place}.txt").write_text(text)
    files = [str(tmp_path / f"{place}.txt") for place in range(len(texts))]
    lines = _json_lines(tmp_path / "crawl.jsonl", [{"text": text} for text in texts])
    as_files = run("--json", "--explain", *files)
    as_lines = run("--jsonl", lines, "--explain")
    stdin(Path(lines).read_text())
    as_piped = run("--jsonl", "-", "--explain")
    assert [got.code for got in (as_files, as_lines, as_piped)] == [0, 0, 0]
    for got, names in (
        (as_files, files),
        (as_lines, [f"{lines}:{place}" for place in range(1, 5)]),
        (as_piped, [f"standard input:{place}" for place in range(1, 5)]),
    ):
        expected = [{**result, "id": name} for result, name in zip(library, names, strict=True)]
        assert got.results == expected


def test_standard_input_is_a_text(run, scorer, toy_article, stdin):
    stdin(toy_article)
    (line,) = run("--json", "-").results
    assert line["id"] == "-"
    assert line["score"] == scorer.score([toy_article])[0].score


def test_results_come_in_the_order_of_the_lines(run, tmp_path, toy_article):
    lines = [
        {"id": place, "text": toy_article[: 250 + place] if place % 3 else "short"}
        for place in range(150)
    ]
    got = run("--jsonl", _json_lines(tmp_path / "crawl.jsonl", lines))
    assert [result["id"] for result in got.results] == list(range(150))
    assert got.code == 0


def test_what_gets_no_score_says_why_and_is_no_failure(run, german_article, tmp_path):
    (tmp_path / "note").write_text("Too short.")
    (tmp_path / "bericht").write_text(german_article)
    got = run(str(tmp_path / "note"), str(tmp_path / "bericht"))
    assert got.code == 0
    note, bericht = got.out
    assert re.match(r"too_short +- +.*note \(2 words, and at least 40 are needed\)$", note)
    assert re.match(r"unsupported_language +- +.*bericht \(the text reads as 'de', ", bericht)


@pytest.mark.parametrize(
    ("choice", "policy", "value"),
    [
        ("fpr-5pct", "fpr-5pct", math.nextafter(95 / 500, 1)),  # (1 + 4) / 101 is below 5%
        ("fpr-0.1pct", "fpr-0.1pct", 0.9),  # a hundred humans cannot promise it
        ("0.25", "fixed", 0.25),
    ],
)
def test_the_threshold_can_be_chosen(run, article, choice, policy, value):
    (result,) = run("--json", "--threshold", choice, article).results
    assert result["threshold"] == {"policy": policy, "value": value, "passages": 0.55}


def test_a_pipeline_can_fail_on_a_machine(run, article, tmp_path):
    missing = str(tmp_path / "missing")
    low, high = ("--threshold", "0"), ("--threshold", "1")
    assert run("--fail-on", "machine", *low, article).code == 3
    assert run("--fail-on", "machine", *low, missing, article).code == 3
    assert run("--fail-on", "machine", *high, article).code == 0
    assert run("--fail-on", "machine", *high, missing, article).code == 1
    assert run(*low, article).code == 0


# --- Explaining -----------------------------------------------------------------------------


def _shown(lines: Sequence[str]) -> str:
    """The text of an explanation: what stands between the summary and the legend."""
    end = next(place for place, line in enumerate(lines) if line.startswith("  marked: ")) - 1
    return " ".join(
        " ".join(re.sub(r"^ +(\[?\.\d\d\]? +)?", "", line) for line in lines[1:end]).split()
    )


def test_an_explanation_shows_the_whole_text(run, article, toy_article):
    got = run("--explain", article)
    assert _shown(got.out) == " ".join(toy_article.split())
    assert "\x1b" not in "".join(got.out)


def test_colour_is_for_terminals_that_want_it(run, article, monkeypatch):
    plain = run("--explain", "--threshold", "0", article).out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = run("--explain", "--threshold", "0", article).out
    assert "\x1b[" in "".join(coloured)
    assert _shown([re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured]) == _shown(plain)
    assert "\x1b" not in "".join(run("--json", "--explain", article).out)
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("--explain", "--threshold", "0", article).out == plain


# --- Failing --------------------------------------------------------------------------------


def test_bad_files_are_named_and_the_rest_is_scored(run, article, tmp_path):
    contents = {
        "empty.txt": b"",
        "latin.txt": b"caf\xe9",
        "binary.txt": b"a\0b",
        "large.txt": b"a" * (MAX_BYTES + 1),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    bad = ["missing.txt", ".", *contents]
    got = run(
        *(str(tmp_path / name) for name in bad[:3]),
        article,
        *(str(tmp_path / name) for name in bad[3:]),
    )
    assert got.code == 1
    assert [line.split()[-1] for line in got.out] == [article]
    problems = [
        "no such file",
        "is a folder",
        "is empty",
        "is not UTF-8",
        "is binary",
        "is over 5 MB",
    ]
    for line, name, problem in zip(got.err, bad, problems, strict=True):
        assert line.startswith(f"respun: {tmp_path / name}: {problem}")
        assert "; " in line, "the remedy is missing"


def test_bad_lines_are_named_and_the_rest_is_scored(run, tmp_path, toy_article):
    lines: list[dict[str, Any] | str] = [
        {"id": "a", "text": toy_article},
        "not json",
        {"id": "b"},
        {"id": "a", "text": toy_article},
        {"id": "c", "text": 5},
        {"id": "d", "text": f"{toy_article} \0 and \ud83d"},
    ]
    got = run("--jsonl", _json_lines(tmp_path / "crawl.jsonl", lines))
    assert got.code == 1
    assert [result["id"] for result in got.results] == ["a", "d"]
    assert [line.split(": ")[1] for line in got.err] == [
        f"{tmp_path}/crawl.jsonl:{place}" for place in (2, 3, 4, 5)
    ]


def test_a_list_that_cannot_be_opened_is_one_line(run, tmp_path):
    for name, problem in (("missing", "no such file"), (".", "is a folder")):
        got = run("--jsonl", str(tmp_path / name))
        assert (got.code, got.out) == (1, [])
        assert [line.startswith(f"respun: {tmp_path / name}: {problem}") for line in got.err] == [
            True
        ]


def test_hostile_names_do_not_reach_the_terminal(run, tmp_path):
    path = tmp_path / "a\x1b[31m\nb.txt"
    path.write_text("Too short.")
    got = run(str(path), f"{path}.missing")
    assert len(got.out) == len(got.err) == 1
    assert "\x1b" not in got.out[0] + got.err[0]


def test_weights_that_cannot_be_used_are_one_line(run, article, tiny_bundle, tmp_path):
    altered = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    data = bytearray((altered / TOKENIZER_FILE).read_bytes())
    data[100] ^= 1
    (altered / TOKENIZER_FILE).write_bytes(data)
    for folder, problem in (
        (altered, f"{altered}/tokenizer.json: differs from the sha256"),
        (tmp_path / "nowhere", f"{tmp_path}/nowhere: no such bundle folder"),
    ):
        got = run(article, model=folder)
        assert (got.code, got.out, len(got.err)) == (1, [], 1)
        assert got.err[0].startswith(f"respun: {problem}")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "name files to score"),
        (("a.txt", "--jsonl", "b.jsonl"), "not both"),
        (("-", "-"), "only once"),
        (("a.txt", "--threshold", "1.5"), "neither a policy nor a number"),
        (("a.txt", "--threshold", "strict"), "neither a policy nor a number"),
        (("a.txt", "--fail-on", "human"), "invalid choice"),
        (("a.txt", "--device", "tpu"), "invalid choice"),
        (("a.txt", "--unknown"), "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_told_from_failure(run, arguments, problem):
    got = run(*arguments)
    assert (got.code, got.out) == (2, [])
    assert problem in got.err[-1]


def test_a_device_that_is_not_there_is_wrong_usage(run, article, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    got = run("--device", "cuda", article)
    assert (got.code, got.out) == (2, [])
    assert "onnxruntime-gpu" in got.err[0]


# --- About itself ---------------------------------------------------------------------------


def test_the_version_names_the_weights(run, scorer):
    got = run("--version")
    assert got.code == 0
    assert got.out[0].endswith(f"weights respun-tiny 0.0.1 sha256 {scorer.model.sha256}")


def test_help_shows_examples_and_exit_codes(run):
    got = run("--help")
    text = "\n".join(got.out)
    assert got.code == 0
    examples = re.findall(r"respun (--[a-z]+)", text)
    assert {"--explain", "--json", "--jsonl", "--threshold"} <= set(examples)
    assert re.findall(r"^  (\d)  ", text, re.MULTILINE) == ["0", "1", "2", "3"]


# --- Streaming ------------------------------------------------------------------------------


def test_reading_runs_only_a_little_ahead(monkeypatch):
    monkeypatch.setattr(score, "_QUEUED_TEXTS", 4)
    read = 0

    def items() -> Iterator[Item]:
        nonlocal read
        for read in range(1, 1_001):
            yield read, "text"

    batches = score._batches(items())
    taken = len(next(batches))
    time.sleep(0.05)  # time enough to read on, were it allowed
    assert 1 <= taken <= 4
    assert read <= taken + 4 + 1
    assert taken + sum(map(len, batches)) == 1_000


def test_large_texts_are_not_scored_together(monkeypatch):
    monkeypatch.setattr(score, "_BATCH_CHARACTERS", 100)
    batches = list(score._batches([(place, "x" * 60) for place in range(20)]))
    assert max(map(len, batches)) <= 2
    assert [item[0] for batch in batches for item in batch if isinstance(item, tuple)] == list(
        range(20)
    )


@pytest.mark.parametrize("error", [InputError("bad"), ValueError("bad")])
def test_a_reader_that_breaks_off_ends_the_run(error):
    def items() -> Iterator[Item]:
        yield 1, "text"
        raise error

    def read() -> list[Item]:
        return [item for batch in score._batches(items()) for item in batch]

    if isinstance(error, InputError):
        assert read() == [(1, "text"), error]
    else:
        with pytest.raises(ValueError, match="bad"):
            read()


def _start(tiny_bundle: Path, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "serve.score", "--model", str(tiny_bundle), *arguments],
        cwd=ROOT,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


def test_a_slow_pipe_is_answered_at_once_and_an_interrupt_is_quiet(tiny_bundle, toy_article):
    with _start(tiny_bundle, "--jsonl", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for place in range(2):
            process.stdin.write(json.dumps({"id": place, "text": toy_article}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == place
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=600) == 130
        assert process.stderr.read() == ""


def test_a_reader_that_leaves_early_is_no_error(tiny_bundle, tmp_path, toy_article):
    lines = [{"id": place, "text": toy_article} for place in range(500)]
    crawl = _json_lines(tmp_path / "crawl.jsonl", lines)
    with _start(tiny_bundle, "--jsonl", crawl) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["id"] == 0
        process.stdout.close()
        assert process.wait(timeout=600) == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line(tiny_bundle, article):
    with open("/dev/full", "w") as full, _start(tiny_bundle, article, stdout=full) as process:
        _, err = process.communicate()
    assert process.returncode == 1
    assert err.startswith("respun: standard output: cannot be written (")
    assert err.count("\n") == 1


def test_a_closed_output_is_wrong_usage(run, article, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert main([article]) == 2
    assert capsys.readouterr().err.startswith("respun: standard output is closed; ")
