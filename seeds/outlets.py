"""One name per outlet, whatever a corpus calls it.

Splits hold whole outlets out, so that `CNN (Web News)`, `money.cnn.com` and `cnn` must be
the same outlet. Rules shorten what they can, and a table names the few big outlets whose
name and domain differ; a rarer one that slips through only makes a split less strict.
"""

from __future__ import annotations

import re

_SUFFIXES = frozenset({"com", "org", "net", "gov", "edu", "info", "int", "news"})

_ALIASES = {
    "abcgo": "abc",
    "ap": "associatedpress",
    "apnews": "associatedpress",
    "bbci": "bbc",
    "csmonitor": "christiansciencemonitor",
    "hpo": "huffpost",
    "huffingtonpost": "huffpost",
    "huffingtonpostuk": "huffpost",
    "ibtimes": "internationalbusinesstimes",
    "indiatimes": "timesofindia",
    "latimes": "losangelestimes",
    "newyorkdailynews": "nydailynews",
    "newyorkmag": "newyorkmagazine",
    "newyorkpost": "nypost",
    "newyorktimes": "nytimes",
    "nyt": "nytimes",
    "nymag": "newyorkmagazine",
    "sfgate": "sanfranciscochronicle",
    "sfchronicle": "sanfranciscochronicle",
    "thesun": "sun",
    "suntimes": "chicagosuntimes",
    "upi": "unitedpressinternational",
    "wallstreetjournal": "wsj",
    "wapo": "washingtonpost",
    "washtimes": "washingtontimes",
}

# what an outlet's name may end in without becoming another outlet
_SECTIONS = re.compile(r"(online|webnews|news|opinion|editorial|politics|magazine)$")
_KEEP_WHOLE = frozenset({"newyorkmagazine", "nydailynews", "newyorkdailynews", "usnews"})


def outlet(name_or_url: str) -> str:
    """The canonical name: lower-case letters and digits; empty if nothing is left."""
    text = name_or_url.strip().lower()
    if "://" in text or re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", text):
        text = _domain_name(text)
    else:
        text = re.split(r"\s[-|]\s", re.sub(r"\(.*?\)", " ", text))[0]
    key = re.sub(r"[^a-z0-9]", "", re.sub(r"^\s*the\b", "", text))
    if key.startswith("the") and len(key) >= 7:
        key = key[3:]
    while (shorter := _SECTIONS.sub("", key)) != key and len(shorter) >= 2:
        if key in _ALIASES or key in _KEEP_WHOLE:
            break
        key = shorter
    return _ALIASES.get(key, key)


def _domain_name(url: str) -> str:
    """The label that an outlet registered: `nytimes` in https://www.nytimes.com/x."""
    host = url.split("://")[-1].split("/")[0].split(":")[0]
    labels = [label for label in host.removeprefix("www.").split(".") if label]
    # a country code, and what stands before it (`co.uk`, `go.com`), is no name either
    while len(labels) > 1 and (labels[-1] in _SUFFIXES or len(labels[-1]) == 2):
        labels.pop()
    return labels[-1] if labels else ""
