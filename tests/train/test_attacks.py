"""Attacks: each changes its share of a real article, the same every time, and nothing else."""

from __future__ import annotations

import html
import random
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import ConfigError
from model.labels import HUMAN, MACHINE_LABELS
from model.passages import sentences
from train import attacks
from train.attacks import ATTACKS, attack, augmented, label_keeping

_DOCUMENTS = Path(__file__).parents[2] / "seeds" / "documents"
ARTICLE = (_DOCUMENTS / "003_443dd833fefe247e.txt").read_text(encoding="utf-8")
OTHER = "The pool opens soon. Volunteers paint the fences. Nobody minds. The mayor is glad."
GLUED = ("human_before", "human_after")
RAID_RATES = {
    "alternative_spelling": 1.0,
    "article_deletion": 0.5,
    "homoglyph": 1.0,
    "paragraph_insertion": 0.5,
    "number_change": 0.5,
    "misspelling": 0.2,
    "synonym": 0.5,
    "upper_lower": 0.05,
    "whitespace": 0.2,
    "zero_width_space": 1.0,
}
GOLDEN = {
    "article_deletion": "Ten of the 48 boats left, and others stayed in the harbour.",
    "number_change": "Ten of the 60 boats left, and the others stayed in the harbour.",
    "upper_lower": "ten Of The 48 boats Left, and The others stayed in The harbour.",
    "homoglyph": "Τen օf tհe 48 boαtѕ left, and tհе otһеrs stαyеԁ іո the harbоսr.",
    "whitespace": "Ten  of the 48  boats left,  and  the others stayed in  the  harbour.",
}
"""Of what hangs on no word list, whose next release may differ."""

every_attack = pytest.mark.parametrize("name", ATTACKS)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


# --- All attacks --------------------------------------------------------------------------


@every_attack
def test_the_standard_strength_changes_a_real_article(name):
    assert attack(ARTICLE, name, ATTACKS[name].strengths[0], 1, OTHER) != ARTICLE


@every_attack
def test_strength_0_does_nothing(name):
    assert attack(ARTICLE, name, 0, 1, OTHER) == ARTICLE


@every_attack
def test_the_same_arguments_give_the_same_text(name):
    strength = ATTACKS[name].strengths[-1]
    random.seed(1)
    first = attack(ARTICLE, name, strength, "a", OTHER)
    random.seed(2)  # the module's own generator has no say
    assert attack(ARTICLE, name, strength, "a", OTHER) == first


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in GLUED])
def test_another_seed_gives_another_text(name):
    assert len({attack(ARTICLE, name, 0.5, seed) for seed in range(8)}) > 1


@every_attack
@pytest.mark.parametrize("text", ["", " ", "\n\n", "a", "“", ".", "1", "\ud800"])
def test_a_text_of_next_to_nothing_is_survived(name, text):
    for strength in (*ATTACKS[name].strengths, 0.5):
        changed = attack(text, name, strength, 1, OTHER)
        assert bool(changed.strip()) >= bool(text.strip())


def test_the_result_is_the_same_on_every_machine():
    # Written down, so that a generator salted per process or a reordered draw shows.
    text = "Ten of the 48 boats left, and the others stayed in the harbour."
    assert {name: attack(text, name, 0.5, 7) for name in GOLDEN} == GOLDEN


def test_the_standard_strengths_are_raids_rates():
    assert {name: ATTACKS[name].strengths[0] for name in RAID_RATES} == RAID_RATES


@every_attack
def test_strengths_are_distinct_shares(name):
    strengths = ATTACKS[name].strengths
    assert len(set(strengths)) == len(strengths) > 1
    assert all(0 < strength <= 1 for strength in strengths)


@pytest.mark.parametrize(
    ("name", "strength", "message"),
    [
        ("paraphrase", 1.0, "unknown attack 'paraphrase'; use one of alternative_spelling, "),
        ("homoglyph", 1.5, "strength of homoglyph is 1.5; use 0 to 1"),
        ("homoglyph", -0.1, "strength of homoglyph is -0.1; use 0 to 1"),
        ("human_after", 1.0, "attack human_after glues on another text"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(name, strength, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        attack(ARTICLE, name, strength, 1)
    assert "\n" not in str(caught.value)


# --- Shares -------------------------------------------------------------------------------


def test_half_of_the_articles_go():
    articles = re.compile(r"(?<= )(?:a|an|the) ")
    before = len(articles.findall(ARTICLE))
    after = len(articles.findall(attack(ARTICLE, "article_deletion", 0.5, 1)))
    assert before > 40
    assert after == pytest.approx(before / 2, abs=1)
    assert not articles.search(attack(ARTICLE, "article_deletion", 1, 1))


@pytest.mark.parametrize("strength", [0.05, 0.25, 1])
def test_a_share_of_the_characters_is_followed_by_a_zero_width_space(strength):
    changed = attack(ARTICLE, "zero_width_space", strength, 1)
    assert changed.count("\u200b") == pytest.approx(len(ARTICLE) * strength, abs=1)
    assert changed.replace("\u200b", "") == ARTICLE


@pytest.mark.parametrize("strength", [0.2, 1])
def test_a_share_of_the_spaces_is_doubled(strength):
    changed = attack(ARTICLE, "whitespace", strength, 1)
    assert len(changed) - len(ARTICLE) == pytest.approx(ARTICLE.count(" ") * strength, abs=1)
    assert changed.split() == ARTICLE.split()


@pytest.mark.parametrize("strength", [0.05, 0.2])
def test_a_share_of_the_words_changes_the_case_of_its_first_letter(strength):
    changed = attack(ARTICLE, "upper_lower", strength, 1)
    pairs = [(a, b) for a, b in zip(ARTICLE, changed, strict=True) if a != b]
    words = len(re.findall(r"[^\W\d_]+", ARTICLE))
    assert all(b == a.swapcase() for a, b in pairs)
    assert len(pairs) == pytest.approx(words * strength, abs=1)


@pytest.mark.parametrize("strength", [0.25, 1])
def test_a_share_of_the_letters_turns_into_lookalikes(strength):
    letters = [a for a in ARTICLE if a in "aceopxyiABEKMHOPCTXINZ"]
    changed = attack("".join(letters), "homoglyph", strength, 1)
    new = [b for a, b in zip(letters, changed, strict=True) if a != b]
    assert len(new) == pytest.approx(len(letters) * strength, abs=1)
    scripts = {unicodedata.name(letter).split()[0] for letter in new}
    assert scripts == {"CYRILLIC", "GREEK", "ARMENIAN"}


def test_a_share_of_the_misspellable_words_is_misspelled():
    changed = [
        sum(
            a != b
            for a, b in zip(
                ARTICLE.split(), attack(ARTICLE, "misspelling", s, 1).split(), strict=True
            )
        )
        for s in (0.2, 1)
    ]
    assert changed[1] > 200
    assert changed[0] == pytest.approx(changed[1] * 0.2, abs=2)


def test_half_of_the_sentence_gaps_of_a_line_become_empty_lines():
    text = " ".join(f"Sentence number {number} is here." for number in range(21))
    changed = attack(text, "paragraph_insertion", 0.5, 1)
    assert changed.count("\n\n") == 10
    assert changed.split() == text.split()


# --- What each changes, and what it keeps -------------------------------------------------


def test_spelling_changes_side_in_the_case_of_the_word():
    text = "COLOUR Colour colour, and they organize a theory."
    expected = "COLOR Color color, and they organise a theory."
    assert attack(text, "alternative_spelling", 1, 1) == expected


def test_misspellings_are_codespells():
    changed = {attack("Government", "misspelling", 1, seed) for seed in range(60)}
    assert "Goverment" in changed
    assert "Government" not in changed
    assert all(word == word.capitalize() for word in changed)


def test_numbers_become_others_of_as_many_digits():
    text = "In 2014 some 4.5 percent of 1,200 left."
    changed = attack(text, "number_change", 1, 1)
    assert re.sub(r"\d", "0", changed) == re.sub(r"\d", "0", text)
    numbers = re.compile(r"\d+")
    pairs = zip(numbers.findall(text)[:2], numbers.findall(changed)[:2], strict=True)
    assert all(a != b for a, b in pairs)


def test_synonyms_are_the_spinners():
    changed = attack("Officials were discussing it.", "synonym", 1, 1)
    assert changed.startswith("Officials were ")
    assert changed != "Officials were discussing it."


def test_sentences_change_places_and_paragraphs_keep_their_length():
    changed = attack(ARTICLE, "sentence_shuffle", 1, 1)
    assert cut(changed) != cut(ARTICLE)
    assert sorted(cut(changed)) == sorted(cut(ARTICLE))

    text = "One is here. Two is there.\n\nThree is here. Four is there. Five is gone.\n"
    moved = attack(text, "sentence_shuffle", 1, 1)
    assert moved != text
    assert re.sub(r"[A-Z]\w+ is \w+", "_", moved) == "_. _.\n\n_. _. _.\n"


@pytest.mark.parametrize("seed", range(6))
def test_two_sentences_always_change_places(seed):
    assert attack("One is here. Two is there.", "sentence_shuffle", 1, seed) == (
        "Two is there. One is here."
    )


def test_sentences_that_quote_go_and_no_other():
    text = (
        "He came on Monday. “We are glad to see him. We are very glad,” said Ms. Pell.\n"
        'A ‘term’ of art stays. "Nobody knows what it\'s about," she said.\n'
        "It’s the farmers’ pool. ‘It isn’t anyone else’s pool, is it?’ he asked. They left."
    )
    assert attack(text, "quotation_stripping", 1, 1) == (
        "He came on Monday.\nA ‘term’ of art stays.\nIt’s the farmers’ pool. They left."
    )


def test_a_text_of_nothing_but_quotations_stays():
    text = "“We are glad to see him today,” she said."
    assert attack(text, "quotation_stripping", 1, 1) == text


def test_a_headline_in_the_texts_words_and_a_dateline_come_first():
    for seed in range(20):
        headline, body = attack(ARTICLE, "title_and_dateline", 1, seed).split("\n\n", 1)
        words = headline.lower().split()
        assert words == ARTICLE.lower().split()[: len(words)]
        assert 5 <= len(words) <= 11
        dateline = body.removesuffix(ARTICLE)
        assert re.fullmatch(r"[A-Z]{2}[A-Za-z0-9.,() ]+ (-|--|—) ", dateline)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\"It's 'so' late,\" he said.", "“It’s ‘so’ late,” he said."),
        ("“It’s ‘so’ late,” he said.", "\"It's 'so' late,\" he said."),
        ("A well-known man – tall — came - late.", "A well‑known man - tall - came — late."),
    ],
)
def test_marks_become_the_other_kind(text, expected):
    assert attack(text, "quotes_and_dashes", 1, 1) == expected


def test_html_residue_keeps_the_words():
    for seed in range(5):
        changed = attack(ARTICLE, "html_residue", 1, seed)
        assert re.search(r"<(p|br ?/?|/div)>", changed)
        assert "&nbsp;" in changed
        assert html.unescape(re.sub(r"<[^>]+>", " ", changed)).split() == ARTICLE.split()


def test_markup_of_the_text_itself_is_escaped():
    assert attack("R&D <b>", "html_residue", 1, 1) == "R&amp;D &lt;b&gt;"


def test_a_human_paragraph_is_glued_on():
    assert attack(ARTICLE, "human_before", 1, 1, OTHER) == f"{OTHER}\n\n{ARTICLE}"
    assert attack("One.\n", "human_after", 1, 1, OTHER) == f"One.\n\n{OTHER}"
    half = "The pool opens soon. Volunteers paint the fences."
    assert attack("One.", "human_after", 0.5, 1, OTHER) == f"One.\n\n{half}"
    assert attack("One.", "human_after", 0.05, 1, OTHER) == "One.\n\nThe pool opens soon."


# --- Augmentation -------------------------------------------------------------------------


def test_a_human_text_keeps_its_words_and_no_text_is_glued_to_another():
    machine = [name for name in ATTACKS if name not in GLUED]
    assert list(label_keeping("rewritten")) == machine
    assert list(label_keeping(HUMAN)) == [name for name in machine if name != "synonym"]


@pytest.mark.parametrize("label", [HUMAN, *MACHINE_LABELS])
def test_augmentation_applies_every_attack_that_keeps_the_label(label, monkeypatch):
    applied = set()

    def recorder(name):
        def apply(text, chance, strength):
            applied.add((name, strength))
            return text

        return apply

    recorders = {
        name: replace(entry, apply=recorder(name)) for name, entry in attacks.ATTACKS.items()
    }
    monkeypatch.setattr(attacks, "ATTACKS", recorders)
    for seed in range(1000):
        augmented(ARTICLE, label, seed)
    assert applied == {
        (name, strength) for name in label_keeping(label) for strength in ATTACKS[name].strengths
    }


def test_augmentation_hangs_on_text_label_and_seed():
    texts = [augmented(ARTICLE, HUMAN, seed) for seed in range(30)]
    assert texts == [augmented(ARTICLE, HUMAN, seed) for seed in range(30)]
    assert len(set(texts)) > 20
    assert augmented("", HUMAN, 1) == ""


def test_an_unknown_label_is_named():
    with pytest.raises(ConfigError, match="unknown label 'robot'; use one of human, "):
        augmented(ARTICLE, "robot", 1)
