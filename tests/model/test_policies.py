from __future__ import annotations

import pytest

from model.errors import ConfigError
from model.policies import Threshold, choose_threshold, decide, parse_choice

THRESHOLDS = {
    "fpr-5pct": Threshold(0.3, 100, 5, (0.01, 0.1)),
    "fpr-1pct": Threshold(0.6, 100, 1, (0.0, 0.05)),
}


def test_a_policy_or_a_number_is_a_threshold():
    assert choose_threshold(THRESHOLDS, "fpr-1pct") == ("fpr-1pct", 0.6)
    assert choose_threshold(THRESHOLDS, 0.25) == ("fixed", 0.25)
    assert choose_threshold(THRESHOLDS, "0.25") == ("fixed", 0.25)


@pytest.mark.parametrize("choice", ["fpr-2pct", "-0.1", "1.1", "nan", "", 7])
def test_anything_else_is_refused(choice):
    with pytest.raises(ConfigError, match="use one of"):
        parse_choice(choice)


def test_a_policy_that_the_bundle_lacks_is_refused():
    with pytest.raises(ConfigError, match="not in this bundle"):
        choose_threshold(THRESHOLDS, "fpr-0.1pct")


def test_between_the_thresholds_lies_uncertain():
    assert decide(0.6, 0.6, 0.3) == "machine"
    assert decide(0.59, 0.6, 0.3) == "uncertain"
    assert decide(0.29, 0.6, 0.3) == "human"
    assert decide(0.25, 0.2, 0.3) == "machine"
    assert decide(0.19, 0.2, 0.3) == "human"
