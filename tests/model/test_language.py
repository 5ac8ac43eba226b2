from __future__ import annotations

import pytest

from model.language import detect_language

# Toys, written for this test.
FOREIGN = {
    "de": "Die Gemeinde hat am Dienstag beschlossen, das alte Freibad noch einen Sommer lang "
    "offen zu halten. Der Ingenieur warnte, dass die Pumpen nicht mehr lange durchhalten.",
    "fr": "La commune a décidé mardi de garder la vieille piscine ouverte un été de plus. "
    "L'ingénieur a prévenu que les pompes ne tiendraient plus très longtemps.",
    "es": "El ayuntamiento decidió el martes mantener abierta la vieja piscina un verano más. "
    "El ingeniero advirtió que las bombas no durarían mucho tiempo.",
    "nl": "De gemeente besloot dinsdag het oude zwembad nog een zomer open te houden. De "
    "ingenieur waarschuwde dat de pompen het niet lang meer zouden uithouden.",
    "ru": "Городской совет решил во вторник оставить старый бассейн открытым ещё на одно лето. "
    "Инженер предупредил, что насосы долго не прослужат.",
}


@pytest.mark.parametrize("language", FOREIGN)
def test_other_languages_are_told(language):
    assert detect_language(FOREIGN[language]) == language


def test_english_is_english_however_short(toy_article):
    words = toy_article.split()
    for start in range(0, len(words) - 20, 10):
        assert detect_language(" ".join(words[start : start + 20])) == "en"
    assert detect_language(toy_article.upper()) == "en"


def test_noise_is_not_taken_for_a_language():
    assert detect_language("") == "en"
    assert detect_language("12 34 56 || 78 :: 90") == "en"
