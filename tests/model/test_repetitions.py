from __future__ import annotations

from model.repetitions import repeated_runs

RUN = "the quality of the water is a matter for the town"
OTHER = "and then we walked along the old harbour wall until it was dark. "


def _found(text: str) -> list[str]:
    return [text[start:end] for start, end in repeated_runs(text)]


def test_what_comes_three_times_is_found_each_time():
    text = f"{RUN}, they say. {OTHER}{RUN.capitalize()}, she said. {RUN}!"
    assert _found(text) == [RUN, RUN.capitalize(), RUN]


def test_a_loop_is_one_run():
    text = f"So it goes. {(RUN + ' ') * 5}".strip()
    assert _found(text) == [text.removeprefix("So it goes. ")]


def test_what_comes_twice_or_is_little_of_the_text_is_not():
    filler = " ".join(f"word{number} stands here" for number in range(400))
    assert _found(f"{RUN}. {OTHER}{RUN}.") == []
    assert _found(f"{RUN}. {RUN}. {RUN}. {filler}") == []


def test_names_may_be_repeated():
    name = "President of the National Association of Retired Town Water Engineers"
    assert _found(f"{name}. {name}. {name}. {name}.") == []
    assert _found("") == []
