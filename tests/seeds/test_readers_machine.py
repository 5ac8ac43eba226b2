"""The readers of the machine-side archives, on toy archives in the real formats."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from model.errors import CorpusError
from model.labels import LABELS
from seeds.archives import Archive
from seeds.readers import (
    detectrl,
    f3,
    fakenews_plus,
    frontier,
    l2r,
    llm_misinformation,
    llmdetect,
    mixset,
    polished,
    raidar,
    sheepdog,
    theseus,
)
from seeds.records import Record

# toy texts, written for these tests
TOYS = [
    "The harbour board of Lindmouth voted on Monday to dredge the eastern channel.",
    "A baker in Oddale found a tin of wartime letters behind her oven.",
    "Striking ferry crews returned to work after a night of talks in Varn.",
    "Farmers near Tolbeck say the late frost killed half of their plum trees.",
]


def toy_archive(repository: str, files: Mapping[str, Any]) -> Archive:
    """An archive whose values are bytes, or are written as JSON."""
    return Archive(
        repository,
        {
            path: value if isinstance(value, bytes) else json.dumps(value).encode()
            for path, value in files.items()
        },
    )


def csv_bytes(rows: list[dict[str, str]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def by_text(records: Iterable[Record]) -> dict[str, Record]:
    """The records by text, each checked for what all readers must hold."""
    found: dict[str, Record] = {}
    for record in records:
        assert record.label in LABELS
        assert record.text not in found
        assert (record.label == "human") == (not record.generator) == (not record.operation)
        assert record.story
        found[record.text] = record
    references = [record.reference for record in found.values()]
    assert len(set(references)) == len(references)
    return found


class TestFrontier:
    def test_story_is_the_source(self) -> None:
        row = {
            "id": "frontier-0007",
            "text": TOYS[0],
            "label": "rewritten",
            "operation": "stringer",
            "voice": "wire",
            "layout": "line",
            "generator": "claude-2026",
            "source_repository": "someone/news",
            "source_path": "data/x.json#3",
        }
        archive = toy_archive("frontier", {"frontier.jsonl": json.dumps(row).encode() + b"\n"})
        record = by_text(frontier.read(archive))[TOYS[0]]
        assert record.story == "someone/news:data/x.json#3"
        assert (record.corpus, record.operation) == ("frontier", "stringer")
        assert (record.label, record.generator) == ("rewritten", "claude-2026")
        assert "wire" not in repr(record)


class TestL2r:
    REWRITES = (
        "In Oddale, a baker found letters in a tin.",
        "Plum trees died near Tolbeck of frost.",
    )

    def read(self, **domains: str) -> dict[str, Record]:
        files: dict[str, Any] = {}
        for folder in ["NewsArticle", *domains]:
            mark = domains.get(folder, "")
            files[f"{folder}/human.json"] = [text + mark for text in TOYS]
            for model in ("GPT-4o", "GPT-3-Turbo", "Llama-3-70B"):
                files[f"{folder}/{model}.json"] = [f"{model}: {text}{mark}" for text in TOYS]
            # two of four are missing
            files[f"{folder}/Gemini-1.5-Pro.json"] = [text + mark for text in self.REWRITES]
        return by_text(l2r.read(toy_archive("ranhli/l2r_data", files)))

    def test_pairs_by_index(self) -> None:
        record = self.read()[f"GPT-3-Turbo: {TOYS[2]}"]
        assert (record.label, record.generator, record.operation) == (
            "rewritten",
            "gpt-3.5",
            "rewrite",
        )
        assert record.original == TOYS[2]
        assert record.story == "ranhli/l2r_data:NewsArticle/human.json#2"
        assert (record.source, record.domain) == ("bbc", "news")

    def test_aligns_a_list_with_gaps_by_words(self) -> None:
        found = self.read()
        assert [found[text].original for text in self.REWRITES] == [TOYS[1], TOYS[3]]
        assert found[self.REWRITES[1]].story == found[TOYS[3]].story

    def test_alignment_keeps_the_order(self) -> None:
        assert l2r.align(["c", "a b"], ["a b", "c", "a b", "d"]) == [1, 2]
        assert l2r.align([], ["a"]) == []

    def test_leaves_out_the_copied_domain_and_code(self) -> None:
        found = self.read(TravelTourism=" t", Code=" c", Sports=" s")
        assert {record.domain for record in found.values()} == {"news", "sports"}
        assert not found[f"{TOYS[0]} s"].source

    def test_drops_rewrites_that_changed_nothing(self) -> None:
        files = {"Sports/human.json": TOYS[:1]}
        files |= {f"Sports/{model}.json": [TOYS[0] + " "] for model in l2r.GENERATORS}
        assert list(by_text(l2r.read(toy_archive("ranhli/l2r_data", files)))) == TOYS[:1]


class TestDetectrl:
    FOLDER = "Benchmark/Benchmark_Data/"
    KINDS = ("abstract", "document", "story", "content")

    def rows(self, first: str, second: str, mark: str = "") -> list[dict[str, str]]:
        """A file in the fixed order: four domains of two rows, one LLM."""
        rows = []
        for domain in self.KINDS:
            for label, kind in (("human", first), ("llm", second)):
                kind_here = domain if kind == "human" else kind
                text = f"{domain} {label} {TOYS[0]}" + (mark if kind_here != domain else "")
                rows.append(
                    {"text": text, "label": label, "data_type": kind_here, "llm_type": "ChatGPT"}
                )
        return rows

    def archive(self, **extra: Any) -> Archive:
        files: dict[str, Any] = {
            "Direct_Prompt/direct_prompt_test.json": self.rows("human", "direct_prompt"),
            "Paraphrase_Attacks/paraphrase_dipper_llm_test.json": self.rows(
                "human", "paraphrase_dipper_llm", " dipped"
            ),
            "Paraphrase_Attacks_Human/paraphrase_polish_human_test.json": self.rows(
                "paraphrase_polish_human", "direct_prompt", " polished"
            ),
            "Paraphrase_Attacks_Human/paraphrase_back_translation_human_test.json": self.rows(
                "paraphrase_back_translation_human", "direct_prompt", " translated"
            ),
        }
        files |= extra
        named = {self.FOLDER + path: value for path, value in files.items()}
        return toy_archive("NLP2CT/DetectRL", named | {"README.md": b"#"})

    def test_rows_labelled_human_in_human_folders_are_the_machine_s(self) -> None:
        found = by_text(detectrl.read(self.archive()))
        human = found[f"document human {TOYS[0]}"]
        polish = found[f"document human {TOYS[0]} polished"]
        translated = found[f"document human {TOYS[0]} translated"]
        assert human.label == "human"
        assert (polish.label, polish.operation, polish.generator) == (
            "rewritten",
            "polish",
            "gpt-3.5",
        )
        assert (translated.label, translated.operation) == ("spun", "backtranslate")
        assert polish.original == translated.original == human.text
        assert human.story == polish.story == translated.story

    def test_machine_texts_of_one_row_share_a_story_of_their_own(self) -> None:
        found = by_text(detectrl.read(self.archive()))
        direct, dipped = (
            found[f"document llm {TOYS[0]}"],
            found[f"document llm {TOYS[0]} dipped"],
        )
        assert (direct.label, direct.operation) == ("generated", "generate")
        assert (dipped.label, dipped.generator) == ("spun", "dipper")
        assert direct.story == dipped.story != found[f"document human {TOYS[0]}"].story
        assert not dipped.original

    def test_domains_are_read_from_the_quarters(self) -> None:
        found = by_text(detectrl.read(self.archive()))
        assert found[f"document llm {TOYS[0]}"].source == "bbc"
        assert found[f"story llm {TOYS[0]}"].domain == "fiction"
        assert found[f"story human {TOYS[0]} polished"].domain == "fiction"

    def test_a_changed_layout_is_an_error(self) -> None:
        rows = self.rows("human", "direct_prompt")[::-1]
        broken = self.archive(**{"Direct_Prompt/direct_prompt_test.json": rows})
        with pytest.raises(CorpusError, match="layout has changed"):
            list(detectrl.read(broken))

    def test_unordered_files_join_a_story_by_text_or_rare_words(self) -> None:
        mixed = [
            {"text": text, "label": label, "data_type": kind, "llm_type": "Google-PaLM"}
            for text, label, kind in (
                (f"document human {TOYS[0]}", "human", "document"),
                (TOYS[1], "human", "document"),
                ("Letters of wartime in a tin behind the oven of a baker", "llm", "prompt_SICO"),
                (TOYS[2], "llm", "adversarial_word_llm"),
            )
        ]
        path = "Multi_Domain/multi_domains_xsum_test.json"
        found = by_text(detectrl.read(self.archive(**{path: mixed})))
        baker, spun = found[mixed[2]["text"]], found[TOYS[2]]
        assert baker.story == found[TOYS[1]].story
        assert (baker.label, baker.operation, baker.generator) == ("generated", "evade", "palm")
        assert spun.story.endswith(f"{path}#3")
        assert (spun.label, spun.operation) == ("spun", "perturb")


class TestF3:
    LLM = "F3_Dataset/LLM_Disinformation/pre-GPT/dataset_source/CoAID/test.csv"
    HUMAN = "F3_Dataset/Human_Disinformation /pre-GPT/dataset_source/x/test.csv"

    def human(self, text: str, **changes: str) -> dict[str, str]:
        row = {
            "content": text,
            "article_type": "news article",
            "pre_post_GPT": "pre-GPT",
            "dataset_source": "FakeNewsNet_Gossipcop",
        }
        return row | changes

    def machine(self, text: str, human: str, label: str) -> dict[str, str]:
        return {
            "ai_content": text,
            "human_content": human,
            "ai_generated_label": label,
            "article_type": "news article",
            "pre_post_GPT": "pre-GPT",
            "dataset_source": "CoAID",
        }

    def test_labels_pairs_and_what_is_dropped(self) -> None:
        files = {
            self.HUMAN: csv_bytes(
                [
                    self.human(TOYS[0]),
                    self.human(TOYS[1], article_type="twitter post"),
                    self.human(TOYS[2], pre_post_GPT="post-GPT", dataset_source="x-Gen"),
                    self.human(TOYS[3].lower(), dataset_source="CoAID"),
                ]
            ),
            self.HUMAN.replace("test", "validation"): csv_bytes([self.human(TOYS[0])]),
            self.LLM: csv_bytes(
                [
                    self.machine("A paraphrase.", TOYS[0], "real"),
                    self.machine("A falsehood.", TOYS[3].lower(), "fake"),
                ]
            ),
        }
        found = by_text(f3.read(toy_archive("mickeymst/F3", files)))
        assert set(found) == {TOYS[0], "A paraphrase.", "A falsehood."}
        paraphrase, falsehood = found["A paraphrase."], found["A falsehood."]
        assert (paraphrase.label, paraphrase.operation) == ("rewritten", "paraphrase")
        assert (falsehood.label, falsehood.operation) == ("rewritten", "perturb")
        assert paraphrase.story == found[TOYS[0]].story != falsehood.story
        assert paraphrase.original == TOYS[0]
        assert (found[TOYS[0]].source, falsehood.source) == ("gossipcop", "coaid")


class TestSheepdog:
    def archive(self) -> Archive:
        def pickled(key: str, texts: list[str]) -> bytes:
            return pickle.dumps({key: texts, "labels": [0] * len(texts)})

        return toy_archive(
            "jiayingwu19/SheepDog",
            {
                "data/news_articles/politifact_train.pkl": pickled("news", TOYS[:2]),
                "data/news_articles/politifact_test.pkl": pickled("news", [TOYS[2], TOYS[0]]),
                "data/reframings/politifact_train_emotionally_triggering.pkl": pickled(
                    "rewritten", ["Dredged!", "Letters!"]
                ),
                "data/adversarial_test/lun_test_adv_A.pkl": pickled("news", ["one", "two"]),
                "data/adversarial_test/lun_test_adv_B.pkl": pickled("news", ["one", "three"]),
                "data/veracity_attributions/x.pkl": pickle.dumps(print),
            },
        )

    def test_pairs_by_index_and_yields_a_text_once(self) -> None:
        found = by_text(sheepdog.read(self.archive()))
        letters = found["Letters!"]
        assert (letters.label, letters.operation, letters.generator) == (
            "rewritten",
            "restyle",
            "gpt-3.5",
        )
        assert (letters.original, letters.story) == (TOYS[1], found[TOYS[1]].story)
        assert found["two"].story == found["three"].story != found["one"].story
        assert (found["one"].source, found["one"].original) == ("lun", "")

    def test_an_article_in_train_and_test_is_one_story(self) -> None:
        found = by_text(sheepdog.read(self.archive()))
        assert found["Dredged!"].story == found[TOYS[0]].story
        assert found["Dredged!"].story.endswith("politifact_test#1")

    def test_the_unpickler_refuses_every_global(self) -> None:
        for evil in (print, json.JSONDecoder, CorpusError("x")):
            with pytest.raises(CorpusError, match="a pickle asks for"):
                sheepdog.plain(pickle.dumps(evil))
        assert sheepdog.plain(pickle.dumps({"news": ["a"], "labels": [1]}))["labels"] == [1]


class TestLlmdetect:
    EVAL = "DetectEval/"

    def test_cross_cultural_pairs_by_article(self) -> None:
        def row(role: str, text: str, share: float) -> dict[str, Any]:
            flags = {name: int(name == role) for name in ("human", "draft", "revise", "continue")}
            return {"article_id": 5, "Text": text, "source": "cnn", "PR": share} | flags

        path = self.EVAL + "cross-context/cross-cultural/test_China.json"
        rows = [
            row("human", TOYS[0], 0.0),
            row("draft", "draft", 1.0),
            row("revise", "revised", 0.4),
            row("continue", "The harbour board and more", 0.6),
        ]
        found = by_text(llmdetect.read(toy_archive("a/LLMDetect", {path: rows})))
        assert {record.story for record in found.values()} == {"a/LLMDetect:cnn/5"}
        assert {record.source for record in found.values()} == {"cnn"}
        assert (found["draft"].label, found["draft"].operation) == ("generated", "generate")
        assert (found["revised"].label, found["revised"].degree) == ("rewritten", 0.4)
        continued = found["The harbour board and more"]
        assert (continued.label, continued.operation) == ("generated", "continue")
        assert continued.original == TOYS[0]
        assert continued.degree is None

    def test_continuations_know_their_human_prefix(self) -> None:
        path = self.EVAL + "multi-intensity/variable-length extension/short text/test_low.json"
        text = "Human  words came\nfirst. Then a machine went on."
        rows = [{"ID": 3, "Text": text, "PR": 5 / 9}]
        record = by_text(llmdetect.read(toy_archive("a/LLMDetect", {path: rows})))[text]
        assert record.original == "Human  words came\nfirst."
        assert llmdetect.human_prefix("all of it", 1.0) == ""

    def test_late_polish_rounds_are_left_out(self) -> None:
        folder = self.EVAL + "multi-intensity/multi-staged polish/test_polish_"
        rounds = ("one", "two", "three", "four", "five", "six")
        files = {f"{folder}{n}.json": [{"ID": 3, "Text": n, "PR": 0.7}] for n in rounds}
        found = by_text(llmdetect.read(toy_archive("a/LLMDetect", files)))
        assert set(found) == {"one", "two", "three"}
        assert {record.story for record in found.values()} == {"a/LLMDetect:3"}
        assert found["one"].degree == 0.7


class TestLlmMisinformation:
    FOLDER = "experiment/data/"

    def row(self, news_id: str, human: str, label: str, machine: str) -> dict[str, str]:
        return {
            "news_id": news_id,
            "news_text": human,
            "label": label,
            "synthetic_misinformation": machine,
        }

    def read(self, **files: list[dict[str, str]]) -> dict[str, Record]:
        named = {
            f"{self.FOLDER}{path}_processed.csv": csv_bytes(rows) for path, rows in files.items()
        }
        return by_text(llm_misinformation.read(toy_archive("llm/m", named)))

    def test_repeated_rows_are_not_the_machine_s(self) -> None:
        found = self.read(
            **{
                "vicuna-v1.3_13b_generation/gossipcop/s_paraphrase_generation": [
                    self.row("gossipcop-1", TOYS[0], "1", "Paraphrased."),
                    self.row("gossipcop-2", TOYS[1], "0", TOYS[1] + " cut"),
                    self.row("gossipcop-3", TOYS[2], "1", f" {TOYS[2]}\n"),
                    self.row("gossipcop-4", TOYS[3], "1", " "),
                ]
            }
        )
        assert set(found) == {*TOYS, "Paraphrased."}
        record = found["Paraphrased."]
        assert (record.label, record.generator) == ("rewritten", "vicuna-13b")
        assert (record.story, record.original) == ("fakenewsnet:gossipcop-1", TOYS[0])

    def test_manipulations_start_from_real_news(self) -> None:
        found = self.read(
            **{
                "chatgpt_3.5_generation/politifact/s_information_manipulation_False_Context": [
                    self.row("politifact1", TOYS[0], "0", "Twisted."),
                    self.row("politifact2", TOYS[1], "1", TOYS[1] + " again"),
                ]
            }
        )
        assert set(found) == {TOYS[0], TOYS[1], "Twisted."}
        assert (found["Twisted."].label, found["Twisted."].operation) == ("rewritten", "manipulate")

    def test_invented_news_has_no_original(self) -> None:
        row = {"label": "1", "prompt": "Write.", "synthetic misinformation": "Invented."}
        found = self.read(
            **{"chatgpt_3.5_generation/politifact/s_totally_arbitrary_generation": [row]}
        )
        record = found["Invented."]
        assert (record.label, record.generator, record.original) == ("generated", "gpt-3.5", "")

    def test_coaid_humans_are_left_out_and_a_human_text_comes_once(self) -> None:
        rows = [self.row("7", TOYS[0], "1", "Opened.")]
        folder = "llama2_7b_generation/"
        found = self.read(
            **{
                f"{folder}coaid/s_open_ended_generation": rows,
                f"{folder}gossipcop/s_open_ended_generation": [
                    self.row("gossipcop-1", TOYS[1], "1", "Two.")
                ],
                f"{folder}gossipcop/s_rewrite_generation": [
                    self.row("gossipcop-1", TOYS[1], "1", "Three.")
                ],
            }
        )
        assert set(found) == {"Opened.", "Two.", "Three.", TOYS[1]}
        assert (found["Opened."].label, found["Opened."].original) == ("generated", TOYS[0])
        assert found["Opened."].generator == "llama-2-7b"
        assert found["Opened."].story == "llm/m:coaid/7"

    def test_an_unknown_method_is_an_error(self) -> None:
        with pytest.raises(CorpusError, match="unknown method"):
            self.read(**{"chatgpt_3.5_generation/coaid/s_other": [self.row("1", "a", "1", "b")]})


class TestFakenewsPlus:
    def test_pairs_by_id(self) -> None:
        def rows(*texts: tuple[str, str]) -> dict[str, dict[str, str]]:
            return {str(n): {"id": i, "text": text} for n, (i, text) in enumerate(texts)}

        files = {
            "Dataset/PolitiFact++/HR.json": rows(("politifact1", TOYS[0])),
            "Dataset/PolitiFact++/HF.json": rows(("politifact2", TOYS[1])),
            "Dataset/PolitiFact++/MR.json": rows(("politifact1", "Paraphrased.")),
            "Dataset/PolitiFact++/MF.json": rows(("politifact2", "Retold.")),
        }
        found = by_text(fakenews_plus.read(toy_archive("m/F", files)))
        assert found[TOYS[0]].label == found[TOYS[1]].label == "human"
        assert (found["Paraphrased."].label, found["Paraphrased."].original) == (
            "rewritten",
            TOYS[0],
        )
        assert (found["Retold."].label, found["Retold."].original) == ("generated", TOYS[1])
        assert found["Retold."].story == found[TOYS[1]].story == "fakenewsnet:politifact2"


class TestMixset:
    def test_skips_what_starts_from_machine_text(self) -> None:
        def rows(column: str, text: str, start: str = "HWT_sentence") -> list[dict[str, Any]]:
            return [{"category": "game_review", "id": 9, start: TOYS[0], column: text}]

        folder = "data/MixSet/separated_files/"
        files = {
            "data/selected_pure_data/HWT_original_data.json": [
                {"category": "game_review", "id": 9, "HWT_sentence": TOYS[0]}
            ],
            folder + "gpt4_rewrite.json": rows("gpt4_rewrite_output", "rewritten"),
            folder + "2llama_polish_token.json": rows("llama_polish_token_output", "polished"),
            folder + "2llama_complete.json": rows("llama_complete_output", TOYS[0] + " More."),
            folder + "gpt4_humanize.json": rows("gpt4_humanize_output", "x", "MGT_sentence"),
            folder + "MGT_polish_token.json": rows("polish_token_output", "y", "MGT_sentence"),
            "data/MixSet/Mixset_test.json": [{"revised": "z"}],
        }
        found = by_text(mixset.read(toy_archive("d/MixSet", files)))
        assert set(found) == {TOYS[0], "rewritten", "polished", TOYS[0] + " More."}
        assert (found["rewritten"].label, found["rewritten"].generator) == ("rewritten", "gpt-4")
        completed = found[TOYS[0] + " More."]
        assert (completed.label, completed.original) == ("generated", TOYS[0])
        assert completed.generator == "llama-2-70b"
        assert {record.story for record in found.values()} == {"mixset:9"}
        assert {record.domain for record in found.values()} == {"game-review"}


class TestPolished:
    def test_degrees_and_unchanged_texts(self) -> None:
        def rows(*texts: str) -> bytes:
            return csv_bytes(
                [
                    {"id": str(n), "domain": "news", "generation": text}
                    for n, text in enumerate(texts, 9)
                ]
            )

        folder = "data/polished/polished_texts_"
        files = {
            "data/HWT_original_data.csv": rows(*TOYS[:2]),
            folder + "35_gpt.csv": rows("a third", TOYS[1] + "\n"),
            folder + "extreme_minor_llama70b.csv": rows("a little", "a bit"),
            folder + "major_deepseek.csv": rows("much"),
        }
        found = by_text(polished.read(toy_archive("s/p", files)))
        assert set(found) == {*TOYS[:2], "a third", "a little", "a bit", "much"}
        third, little, much = found["a third"], found["a little"], found["much"]
        assert (third.degree, third.generator, third.original) == (0.35, "gpt-4o", TOYS[0])
        assert little.generator == "llama-3.1-70b"
        assert much.generator == "deepseek-v3"
        assert little.degree is not None
        assert much.degree is not None
        assert little.degree < much.degree
        assert found[TOYS[0]].degree is None
        assert found["a bit"].story == found[TOYS[1]].story == "mixset:10"


class TestRaidar:
    def test_file_names_are_not_believed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(raidar, "FIRST_MACHINE_ROW", {raidar.HUMANS: 1, raidar.MACHINES: 1})

        def row(text: str) -> dict[str, str]:
            return {"input": text} | {prompt: f"{text} {prompt}" for prompt in raidar.OPERATIONS}

        rows = [row(text) for text in TOYS]
        rows[0]["Help me polish this"] = TOYS[0]
        files = {raidar.HUMANS: rows[:2], raidar.MACHINES: rows[2:]}
        records = list(raidar.read(toy_archive("c/R", files)))
        found = by_text(records)
        assert [record.text for record in records if record.label == "human"] == TOYS[:1]
        assert found[TOYS[1]].label == found[TOYS[3]].label == "generated"
        assert TOYS[2] not in found
        rewrites = [record for record in records if record.label == "rewritten"]
        assert len(rewrites) == len(raidar.OPERATIONS) - 1
        assert {record.original for record in rewrites} == {TOYS[0]}
        assert len({record.story for record in records}) == 1


class TestTheseus:
    def test_pairs_by_key_and_reads_only_news(self) -> None:
        rows = [
            {"source": "Human", "key": "tldr-1", "text": TOYS[0]},
            {"source": "OpenAI", "key": "tldr-1", "text": "The harbour board said more."},
            {"source": "PaLM", "key": "tldr-1", "text": TOYS[0]},
            {"source": "Tsinghua", "key": "tldr-2", "text": "Unpaired."},
        ]
        files = {
            "train_datasets/tldr_train.csv": csv_bytes(rows),
            "train_datasets/yelp_train.csv": csv_bytes(rows),
        }
        found = by_text(theseus.read(toy_archive("t/S", files)))
        assert set(found) == {TOYS[0], rows[1]["text"], "Unpaired."}
        record = found[rows[1]["text"]]
        assert (record.label, record.operation, record.generator) == (
            "generated",
            "continue",
            "gpt-3.5",
        )
        assert (record.original, record.story) == (TOYS[0], found[TOYS[0]].story)
        assert found["Unpaired."].original == ""
