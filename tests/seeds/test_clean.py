"""Cleaning takes the format away, leaves the writing, and refuses what is no article.

All texts are toys, written for these tests.
"""

from __future__ import annotations

import pytest

from seeds.clean import STEPS, bare_words, clean, cut_copied_prefix, ngrams, overlap, refuse

ARTICLE = (
    "The council of Toytown met on Tuesday to decide what to do about the old bridge. It has "
    "stood for ninety years, and the engineers say that it will not stand for ten more.\n\n"
    "Mayor Ann Toy said that the town could not wait. “We have been patient,” she said. "
    "“Patience does not hold up a bridge.” The vote is due next week, and few expect it to fail."
)

PROSE = {
    "an article": ARTICLE,
    "straight quotes and numbers": (
        'He said that it was over.\n\n"It isn\'t," she replied, and a toy e-mail to AT&T shows '
        "(see page 5) that 3 * 4 = 12. The S&P 500 fell 2.5%; the Dow [an index] rose… It fell."
    ),
    "dashes and abbreviations": (
        "Prices rose – by 3% – in March. The bank's governor, J. P. Toy Jr., said: ‘No comment.’ "
        "It was a U.S. record, 17 years after the last."
    ),
    "single line breaks": "Three things changed:\nthe price, which rose.\nthe date, which moved.",
    "a quotation that speaks like a chatbot": (
        'The shop was shut. "Sure, here is what I think: nothing has changed," the owner said.\n\n'
        "Few of the neighbours agreed with him when they were asked on Monday."
    ),
    "an opening in capitals": "NATO said on Monday that it would wait. IBM and the BBC did not.",
    "an opening with a hyphen": "COVID-19 cases rose on Monday. AFL-CIO leaders were not amazed.",
    "one line that opens like furniture": (
        "Related companies of the toy maker will close next week, its owner said on Monday, as "
        "orders fell and debts rose. Copyright on the old designs goes to the town museum, which "
        "paid nothing for it."
    ),
    "a line by and by": "By then all of them had left,\nfrom one day to the next.",
}

# What was given, and the steps that take it away, around ARTICLE.
DIRT = {
    "mojibake": (ARTICLE.replace("“", "â€œ").replace("”", "â€\x9d"), ["mojibake"]),
    "Mac Roman quotes": (ARTICLE.replace("“", "Ò").replace("”", "Ó"), ["mojibake"]),
    "tags and entities": (
        "<div><p>" + ARTICLE.replace("\n\n", "</p>\n\n<p>").replace(" and ", "&#32;and ", 1),
        ["markup"],
    ),
    "escaped quotes": (ARTICLE.replace("“", '\\"').replace("”", '\\"'), ["markup"]),
    "markdown": (
        "**" + ARTICLE.replace("the old bridge", "[the old bridge](https://example.org/a)", 1)
        .replace("\n\n", "\n\n***\n\n* ", 1)
        .replace("Tuesday", "Tuesday**"),
        ["markdown"],
    ),
    "sentences that a scraper joined": (
        ARTICLE.replace("bridge. It", "bridge.It"),
        ["joined sentences"],
    ),
    "an assistant's opening": (
        "Sure! Here is the rewritten article:\n\n" + ARTICLE,
        ["prompt residue"],
    ),
    "field names": ("Rewritten article: Text: " + ARTICLE, ["prompt residue"]),
    "an assistant's closing": (
        ARTICLE + "\n\nI hope this helps! Let me know if you need more.",
        ["prompt residue"],
    ),
    "a note to the reader": (
        ARTICLE + "\n\nNote: I kept the quotations as they were.",
        ["prompt residue"],
    ),
    "a placeholder": (ARTICLE.replace("on Tuesday", "[Insert date]"), ["prompt residue"]),
    "page furniture": (
        ARTICLE.replace("\n\n", "\n\nAdvertisement\n\nRead more: ten bridges to see\n\n"),
        ["page furniture"],
    ),
    "an address": (ARTICLE + " https://example.org/bridge?id=1", ["page furniture"]),
    "a headline": ("Old Bridge Will Go\n\n" + ARTICLE, ["headline"]),
    "a headline and a place": ("Old Bridge Will Go\nToytown\n" + ARTICLE, ["headline"]),
    "a wire's dateline": ("TOYTOWN, Nov. 3 (Reuters) - " + ARTICLE, ["datelines"]),
    "a broadcaster's dateline": ("New Toytown (CNN) -- " + ARTICLE, ["datelines"]),
    "a dateline with a dash": ("TOYTOWN — " + ARTICLE, ["datelines"]),
    "an agency's tail": (
        ARTICLE + " (Reporting by Bob Toy; Editing by Eve Toy)",
        ["agency tails"],
    ),
    "a tail of several parts": (
        ARTICLE + " (Additional reporting by Bob Toy) (Writing by Eve Toy)",
        ["agency tails"],
    ),
    "a copyright line": (ARTICLE + "\n\nCopyright 2011 Toy Press.", ["page furniture"]),
    "a clipped first sentence": ("which few had expected. " + ARTICLE, ["clipped start"]),
    "an unfinished last sentence": (ARTICLE + " The mayor also said that the", ["truncated end"]),
}  # fmt: skip


def plain(text: str) -> str:
    """A text without what typography and placeholders leave behind."""
    return " ".join(text.replace("“", '"').replace("”", '"').split())


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_prose_is_left_as_it_is(text: str) -> None:
    assert clean(text) == (text, [])


@pytest.mark.parametrize(("text", "steps"), DIRT.values(), ids=DIRT)
def test_format_goes_and_the_article_stays(text: str, steps: list[str]) -> None:
    cleaned, changed = clean(text)
    assert changed == steps
    if "Insert" in text:
        assert cleaned == ARTICLE.replace("on Tuesday ", "")
    else:
        assert plain(cleaned) == plain(ARTICLE)


def test_every_step_is_seen_at_work() -> None:
    assert {step for _, steps in DIRT.values() for step in steps} == {name for name, _ in STEPS}


@pytest.mark.parametrize("text", [*PROSE.values(), *(text for text, _ in DIRT.values())])
def test_cleaning_twice_equals_once(text: str) -> None:
    cleaned, _ = clean(text)
    assert clean(cleaned) == (cleaned, [])


def test_layers_of_dirt_come_off_together() -> None:
    text = (
        "Sure! Here is the article:\n\n**Old Bridge Will Go**\n\nTOYTOWN, Nov. 3 (Reuters) - "
        f"{ARTICLE}\n\nAdvertisement\n\n(Editing by Eve Toy)"
    )
    cleaned, changed = clean(text)
    assert cleaned == ARTICLE
    order = [name for name, _ in STEPS]
    assert changed == sorted(changed, key=order.index)
    assert {"prompt residue", "headline", "datelines", "agency tails"} <= set(changed)


def test_white_space_is_made_even_without_being_counted() -> None:
    ragged = "  " + ARTICLE.replace("\n\n", " \r\n\r\n \r\n").replace(" met ", " \t met\u00a0")
    assert clean(ragged) == (ARTICLE, [])


def test_nothing_is_nothing() -> None:
    assert clean("") == ("", [])
    assert clean(" \n\t ") == ("", [])


# --- refusals ----------------------------------------------------------------------------

GERMAN = (
    "Der Rat von Spielstadt hat am Dienstag darüber beraten, was mit der alten Brücke geschehen "
    "soll. Sie steht seit neunzig Jahren, und die Fachleute sagen, dass sie keine zehn weiteren "
    "stehen wird. Die Bürgermeisterin sagte, die Stadt könne nicht länger warten, denn mit Geduld "
    "allein halte man keine Brücke aufrecht."
)

REFUSED = {
    "too short": "The council met on Tuesday. It will vote next week.",
    "refusal or prompt echo": "I'm sorry, but I cannot help to rewrite that. " + ARTICLE,
    "table of results": "Toy Inc quarter ended June 30\nShr 12 cts vs 11 cts\n" + ARTICLE,
    "spliced headlines": ARTICLE + " Toy bridge votesTown hall to close over summer MORE and on.",
    "transcript": "THIS IS A RUSH TRANSCRIPT. " + ARTICLE,
    "not prose": "1,204 | 33.10 | +2.5% | 9/10 | 44-17 | Toy 7 | 8.125 | 1/2 | " * 8,
    "lower-cased": ARTICLE.lower(),
    "upper-cased": ARTICLE.upper(),
    "tokenised": ARTICLE.replace(",", " ,").replace("“", "`` ").replace("”", " ''"),
    "not English": GERMAN,
}


@pytest.mark.parametrize(("reason", "text"), REFUSED.items(), ids=REFUSED)
def test_what_is_no_article_is_refused(reason: str, text: str) -> None:
    assert refuse(text, minimum_words=40) == reason


def test_an_echo_of_the_prompt_is_refused_wherever_it_stands() -> None:
    echo = ARTICLE + " As an AI language model, I have no view on bridges."
    assert refuse(echo, minimum_words=40) == "refusal or prompt echo"


def test_articles_are_not_refused() -> None:
    assert refuse(ARTICLE, minimum_words=40) is None
    quoted = ARTICLE + ' "I am sorry that I could not help," the engineer said.'
    assert refuse(quoted, minimum_words=40) is None


def test_the_least_number_of_words_is_the_callers() -> None:
    words = len(ARTICLE.split())
    assert refuse(ARTICLE, minimum_words=words) is None
    assert refuse(ARTICLE, minimum_words=words + 1) == "too short"


# --- pairs -------------------------------------------------------------------------------


def test_a_copied_prefix_is_cut_to_the_end_of_its_sentence() -> None:
    copied = "The council of Toytown met on Tuesday to decide"
    continuation = f"{copied} whom to blame. Nobody was blamed."
    cut = cut_copied_prefix(continuation, ARTICLE)
    assert cut.text == "Nobody was blamed."
    assert cut.words == len(f"{copied} whom to blame.".split())


def test_punctuation_and_case_do_not_hide_a_copy() -> None:
    continuation = "the council of toytown, met on tuesday; to decide. Nobody was blamed."
    assert cut_copied_prefix(continuation, ARTICLE).text == "Nobody was blamed."


def test_a_common_start_of_a_few_words_is_chance() -> None:
    text = "The council of Toytown met again. Nobody was blamed."
    assert cut_copied_prefix(text, ARTICLE).text == text
    assert cut_copied_prefix(text, ARTICLE).words == 0
    assert cut_copied_prefix(text, ARTICLE, minimum_words=5).text == "Nobody was blamed."


def test_a_copy_of_the_whole_leaves_nothing() -> None:
    cut = cut_copied_prefix(ARTICLE, ARTICLE)
    assert cut.text == ""
    assert cut.words == len(ARTICLE.split())


def test_overlap_is_the_share_of_the_machines_n_grams() -> None:
    half = "one two three four five six seven"  # three 5-grams
    assert overlap(half, half) == 1
    assert overlap("One, two; three: four – five 'six' SEVEN!", half) == 1
    assert overlap(half + " eight nine ten", half) == pytest.approx(3 / 6)
    assert overlap(half, "seven six five four three two one") == 0
    assert overlap("", half) == overlap("too short", half) == 0


def test_n_grams_and_words_ignore_case_and_punctuation() -> None:
    assert bare_words("The Mayor's “No” – ﬁnal.") == ["the", "mayor", "s", "no", "final"]
    assert ngrams("A toy, a TOY; a toy.", 2) == {("a", "toy"), ("toy", "a")}
    assert ngrams("one", 2) == set()
