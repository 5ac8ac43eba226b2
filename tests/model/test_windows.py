from __future__ import annotations

import pytest

from model.windows import cut_windows, frame


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 99, 100, 101, 1234])
@pytest.mark.parametrize("most", [1, 10, 158])
def test_windows_cover_every_token_once_and_evenly(count, most):
    windows = cut_windows(count, most)
    assert [token for start, end in windows for token in range(start, end)] == list(range(count))
    lengths = [end - start for start, end in windows]
    assert all(length <= most for length in lengths)
    assert not lengths or max(lengths) - min(lengths) <= 1


def test_a_frame_stands_around_the_tokens():
    assert frame([5, 6], cls_id=1, sep_id=2) == [1, 5, 6, 2]
