"""Cleaning: the same steps for every class, so that only the writing is left to learn from.

Comes after the readers and before deduplication. Each step is a named function from text to
text; what a step changed or dropped is counted under its name in the data card. The choice
that shaped it: no step looks at the label. Datelines and agency tails stand only on human
texts and "Sure, here is" only on machine texts, so a step that ran on one class alone would
leave a mark of its own.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import ftfy

from model.language import ENGLISH, detect_language

# --- markup and characters ---------------------------------------------------------------

_FTFY = ftfy.TextFixerConfig(
    uncurl_quotes=False, unescape_html=False, fix_latin_ligatures=False, explain=False
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_LINK = re.compile(r"!?\[([^\]\n]{0,200})\]\((?:https?:|/)[^)\s]{0,500}\)")
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_=~][ \t]*){3,}$", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*```[a-zA-Z]*[ \t]*$", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{2,3})(?=\S)([^*\n]{1,300}?)(?<=\S)\1(?![\w*])")
_BULLET = re.compile(r"^[ \t]*(?:[*+•▪►>]|-(?=[ \t]))[ \t]*", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\"'*_#$&`])")


_MAC_ROMAN = re.compile(
    r"(?<=\w)Õ(?=s\b|t\b|re\b|ve\b|ll\b)|(?<![^\s(])Ò(?=\w)|(?<=[\w.,!?])Ó(?=[\s.,]|$)"
)
_MAC_QUOTES = {"Õ": "’", "Ò": "“", "Ó": "”"}
_JOINED = re.compile(r"([a-z0-9]{2}[.!?][\"”’)]?|[a-z]{2}[\"”])(?=[\"“‘(]?[A-Z][a-z])")


def _mojibake(text: str) -> str:
    text = _MAC_ROMAN.sub(lambda match: _MAC_QUOTES[match[0]], text)
    return ftfy.fix_text(text, _FTFY)


def _joined_sentences(text: str) -> str:
    """Put the space back where a scraper joined paragraphs: "end.Next"."""
    return _JOINED.sub(r"\1 ", text)


def _markup(text: str) -> str:
    text = html.unescape(text) if "&" in text else text
    text = _TAG.sub("", text) if "<" in text else text
    text = text.replace("\\n", "\n") if "\\n" in text and "\n" not in text else text
    return _ESCAPED.sub(r"\1", text)


def _markdown(text: str) -> str:
    text = _FENCE.sub("", text)
    text = _LINK.sub(r"\1", text)
    text = _HEADING.sub("", text)
    text = _RULE.sub("", text)
    text = _EMPHASIS.sub(r"\2", text)
    return _BULLET.sub("", text)


# --- what the prompt left behind ---------------------------------------------------------

_OPENING = re.compile(
    r"^\W*(?:assistant\W*:\s*)?(?:(?:sure|certainly|of course|absolutely|okay|ok"
    r"|great)\b[^\n:]{0,160}[:.!]\s*)?"
    r"(?:(?:here(?:'s|’s| is| are)|below is|the following is|this is|based on (?:the"
    r"|your))\b[^\n:]{0,200}"
    r"\b(?:article|version|text|news|rewrit\w+|rewor\w+|paraphras\w+|polish\w+|passage|story|"
    r"content|revis\w+|paragraphs?|summary|piece|report|continuation|response|draft|sentence)"
    r"\b[^\n:]{0,200}:\s*)",
    re.IGNORECASE,
)
_SURE = re.compile(
    r"^\W*(?:sure|certainly|of course|absolutely)\b(?:[!.]|, (?:here|i)\b[^\n]{0,160}[:!])\s*",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"^\W*(?:(?:re-?(?:written|phrased|vised|worded|worked)|polished|paraphrased|enhanced|"
    r"improved|edited|refined|modified|updated|expanded|condensed|final|new|fake|real|the)\s+){0,2}"
    r"(?:(?:news\s+)?(?:article|version|text|passage|story|content|report|body|paragraph|"
    r"message|output|answer|response|summary)|title|headline|news|byline|dateline|date|location|"
    r"(?:mis|dis)information|total fabrication|false context|outdated information|hint|note"
    r"|subject|"
    r"unsubstantiated content|paraphrased?|rewritten|revised|polished|breaking(?: news)?|"
    r"(?:analysis/)?opinion)"
    r"\s*:+\s*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:\n|(?<=[.!?\"”’])\s)\s*\(?\W*(?:(?:please )?note(?: that)?\s*[:,]|note: |disclaimer\s*:|"
    r"(?:please )?note that (?:this|i|the above)|"
    r"i hope (?:this|that|it)|let me know|feel free to|please let me|is there anything|"
    r"this (?:rewritten|revised|polished|rephrased|paraphrased|version|article was rewritten|"
    r"rewrite)|i(?:'ve| have) (?:re\w+|made|tried|polished|maintained|kept|corrected)|"
    r"(?:in|for) this (?:rewritten|revised|polished|version)|changes made|word count|"
    r"(?:explanation|changes|improvements)\s*:)[^\n]*(?:\n.*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_PLACEHOLDER = re.compile(
    r"\[(?:insert|your|name|date|city|state|location|reporter|author|source|link|company|"
    r"organization|publication|news outlet|photo|image)[^\]\n]{0,60}\]",
    re.IGNORECASE,
)


def _prompt_residue(text: str) -> str:
    for _ in range(3):  # "Sure! Here is the article:\nTitle: ..." takes several passes
        before = text
        text = _OPENING.sub("", text, count=1)
        text = _SURE.sub("", text, count=1)
        text = _FIELD.sub("", text, count=1)
        if text == before:
            break
    tail = _CLOSING.search(text, pos=max(0, int(len(text) * 0.6)))
    if tail:
        text = text[: tail.start()]
    return _PLACEHOLDER.sub("", text)


# --- what the publisher added ------------------------------------------------------------

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?"
_DAY = rf"(?:, (?:{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH})(?:, \d{{4}})?)"
# A single hyphen needs white space beside it: "COVID-19 cases" is no dateline.
_BREAK = r"(?:\s+[-‐‑]\s*|\s*[-‐‑]\s+|\s*(?:-{2,}|[‒-―]+|:)\s*)"
_CAPITALS = r"[A-Z][A-Z.'’/ -]{2,40}"
_NAMES = r"(?:, [A-Z][A-Za-z. ]{1,24}){0,2}"
_AGENCY = r"\([A-Z][A-Za-z&.! ]{1,40}\)"
_DATELINE = re.compile(
    rf"^\W{{0,3}}(?:{_CAPITALS}{_NAMES}{_DAY}?\s*(?:{_AGENCY})?{_BREAK}"  # TEHRAN, Nov. 3 (MNA) –
    rf"|[A-Z][A-Za-z.'’ -]{{2,40}}{_NAMES}{_DAY}?\s*{_AGENCY}{_BREAK}"  # New York (CNN) --
    rf"|{_AGENCY}{_BREAK}"  # (Reuters) -
    rf"|\((?:CNN|AP|Reuters|AFP|UPI|CNNMoney|CBS News)\)\s*)(?=[\"'“‘(]?[A-Z0-9])"
)
_TAIL = re.compile(
    r"(?:(?<=[.!?\"”’)\]])|\n|^)\s*(?:\((?:(?:additional |with )?(?:reporting|writing|editing"
    r"|compiled|translated|written|"
    r"graphic|photo)\b[^()]{0,300}(?:\([^()]{0,60}\)[^()]{0,200}){0,3}\)?"
    r"|(?:additional )?(?:reporting|editing|writing) by [A-Z][^\n]{0,300}"
    r"|(?:copyright|©|\(c\))\W[^\n]{0,300}|all rights reserved[^\n]{0,200}"
    r"|this (?:material|article|story|report) (?:may not|was (?:originally|first) published|"
    r"originally appeared|has been)[^\n]{0,300}"
    r"|(?:the )?associated press (?:writers?|contributed)[^\n]{0,300}"
    r"|[^\n.]{0,160} contributed to this (?:report|story|article)\.?"
    r"|(?:for more information|read more|click here|follow (?:us|@|him|her)|sign up"
    r"|subscribe)\b[^\n]{0,200}"
    r"|[A-Z]{2,4}/[A-Z]{2,4}|-{2,}|#{2,}|end(?: item)?|-?\s*30\s*-?|Reuters?)\s*)\Z",
    re.IGNORECASE,
)
_FURNITURE_LINE = re.compile(
    r"^\W*(?:advertisement|sign up for .*|get the monitor .*|enlarge this image.*|toggle caption.*|"
    r"media playback is .*|file photo.*|file - .*|newsletter sign up.*|share this article.*|"
    r"content created by .*|.*click here (?:to get|for) the .* app.*|\d+ years ago|"
    r"support vox.*|.*financial contribution to vox.*|.{0,160}contributed to this (?:report|story|"
    r"article)\.?|\(?advertisement\)? continue reading.*|get our top .*|.*newsletter sign up.*|"
    r"scroll down for .*|\(?ap photo/.*|to reach .{0,80}, call .*|e-?mail us at .*|\d{1,3}|"
    r"e ?& ?o ?e\b.*|eo&e.*|\[?ends?\]?|media (?:contact|enquiries|inquiries|liaison|release)\b.*|"
    r"contacts?:.*\d{3}.*|browse by.*|number site filter.*|dear [^.]{0,60}[:,]|sincerely,?"
    r"|key points:|"
    r"thomson reuters is the world's largest.*|nyse and amex quotes delayed.*|"
    r"this article was funded in part by .*|story continues below\b.*|continue reading\b.*"
    r"|read (?:more|also|next)\b.*|"
    r"related\s*:?.*|(?:see|watch|listen|more)\s*:.*|click here\b.*|sign up\b.*|subscribe\b.*|"
    r"follow (?:us|@|\w+ on)\b.*|share (?:this|on)\b.*|like us\b.*|(?:photo|image|video|caption|"
    r"pictured|picture|file)(?:s)?(?: (?:by|credit|copyright|courtesy|caption))?\s*[:(/].*|"
    r"image copyright.*|media caption.*|image caption.*|.{0,40}getty images.*|"
    r"getty images.*|copyright\b.*|©.*|.{0,80}all rights reserved.*|(?-i:(?:BY|FROM|[Bb]y|[Ff]rom) "
    r"[A-Z][\w.'’-]+(?: [A-Z][\w.'’-]+){1,3})(?:,? .{0,40})?|updated?:? .{0,60}|published:? .{0,60}"
    r"|posted .{0,60}|"
    r"\d{1,2}:\d{2}\s*[ap]\.?m\.?.{0,30}|print this.*|e-?mail this.*|comments?(?: \(\d+\))?|"
    r"contact\s*:.*|for immediate release.*|###|-30-|play video.*|hide caption|toggle caption|"
    r"view (?:photos|gallery|slideshow).*|loading.*|\(?https?://\S+\)?|www\.\S+|"
    r"[\w.+-]+@[\w-]+\.[\w.]+|tags?\s*:.*|source\s*:.*|filed under.*|topics?\s*:.*|"
    r"story highlights.*|press release|transcript|e & o e.*)\W*$",
    re.IGNORECASE,
)
_URL = re.compile(r"\(?(?:https?://|www\.|pic\.twitter\.com/)\S+|\b[\w.+-]+@[\w-]+\.[a-z]{2,}\b")


_HEADLINE = re.compile(r"\A[^\n]{1,200}(?<![.!?\"”’)…:;,])\n+(?=\S)")


def _headline(text: str) -> str:
    """Drop first lines that end like a headline: machines write one, scrapers cut it off."""
    for _ in range(2):
        text = _HEADLINE.sub("", text, count=1)
    return text


def _datelines(text: str) -> str:
    return _DATELINE.sub("", text.lstrip(), count=1)


def _agency_tails(text: str) -> str:
    for _ in range(4):
        shorter = _TAIL.sub("", text.rstrip())
        if shorter == text:
            break
        text = shorter
    return text


_INLINE = re.compile(
    r"copyright (?:©|\(c\))? ?20\d\d .{0,80}?all rights reserved\."
    r"(?: this material may not be published, broadcast, rewritten,? or redistributed\.)?"
    r"|\A(?:please enable javascript to watch this video|\S+\.(?:jpe?g|png)) "
    r"|\((?:photo|ap photo|photo credit|image|file photo)\b[^)]{0,120}\)"
    r"|follow @\w+(?: on twitter)?|\[pullquote\]|\[[nL1-9A-Z]{9,12}\]|alertme\b"
    r"|(?-i:\bAdvertisement(?: Continue reading the main story)?\s+(?=[A-Z]))"
    r"|(?-i: ?\(\s?[.\w]{1,8}\.[A-Z]{1,3}\s?\))"  # a share's ticker: (AAPL.O)
    r"|\(?\b0\d\)? \d{4} \d{4}\b|\b04\d\d \d{3} \d{3}\b",
    re.IGNORECASE,
)


_FURNITURE_WORDS = 25
"""A longer line is no furniture, whatever it starts with: many articles are one line."""


def _furniture(text: str) -> str:
    lines = _INLINE.sub("", text).split("\n")
    return _URL.sub("", "\n".join(line for line in lines if not _is_furniture(line)))


def _is_furniture(line: str) -> bool:
    if not _FURNITURE_LINE.match(line.strip()):
        return False
    return len(line.split()) <= _FURNITURE_WORDS


# --- shape -------------------------------------------------------------------------------

_END = re.compile(r"[.!?…]['\"”’)\]]*(?=\s|$)")
_SPACES = re.compile(r"[ \t\u00a0]+")
_BLANKS = re.compile(r"\n\s*\n+")


_CLIPPED = re.compile(r"\A[a-z][^.!?\n]{0,400}[.!?][\"”’)]*\s+(?=[\"“‘(]?[A-Z])")


def _clipped_start(text: str) -> str:
    """Cut to the next sentence where the first one lost its beginning."""
    return _CLIPPED.sub("", text, count=1)


def _truncated_end(text: str) -> str:
    """Cut an unfinished last sentence: token limits stop machines mid-sentence, not people."""
    stripped = text.rstrip()
    ends = [match.end() for match in _END.finditer(stripped, max(0, len(stripped) - 1500))]
    if not ends or ends[-1] == len(stripped):
        return stripped
    return stripped[: ends[-1]]


def _whitespace(text: str) -> str:
    text = _SPACES.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _BLANKS.sub("\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()


STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("mojibake", _mojibake),
    ("markup", _markup),
    ("markdown", _markdown),
    ("joined sentences", _joined_sentences),
    ("prompt residue", _prompt_residue),
    ("page furniture", _furniture),
    ("headline", _headline),
    ("datelines", _datelines),
    ("agency tails", _agency_tails),
    ("clipped start", _clipped_start),
    ("truncated end", _truncated_end),
)
"""Applied in this order, after white space is made even; each is counted in the data card."""

# --- what is refused ---------------------------------------------------------------------

_REFUSAL = re.compile(
    r"\b(?:as a (?:large )?language model|"
    r"i(?:'m| am) (?:sorry|unable|not able)[^.\n]{0,60}\b(?:assist|help|fulfil|generate|"
    r"create|comply|rewrite)|"
    r"i (?:cannot|can't|can’t|can not|am unable to) (?:fulfill?|assist|generate|comply|rewrite)\b|"
    r"i apologi[sz]e, but i|i do not have (?:access|personal)|"
    r"i cannot provide (?:a|any|you|information)|"
    r"please provide (?:me with )?(?:the|more|a)\b[^.\n]{0,40}\b(?:text|article|passage|"
    r"content|information|context))",
    re.IGNORECASE,
)
_ECHO = re.compile(
    r"\b(?:as an ai(?: language)? (?:model|assistant)|i(?:'m| am) just an ai|"
    r"poe\.com/usage|an error, please send us your|please (?:paraphrase|rewrite|polish) |"
    r"given a ['\"“]?passage|do not generate any other word|the purpose of this exercise)",
    re.IGNORECASE,
)
_TOKENISED = re.compile(r"-LRB-|-RRB-|``|(?<=\w) (?:n't|'s|'re|'ve)\b|(?<=\w) [,.;:](?= )")


_RESULTS = re.compile(r"(?i)\b(?:shr|net|revs|qtly div)\b[^\n]*\bvs\b")
_SPLICED = re.compile(r"[a-z][A-Z][^.!?\n]{10,400} MORE\b")  # The Hill's related headlines
_TRANSCRIPT = re.compile(r"(?i:\brush transcript\b)|^\W*[A-Z .]{3,30}, [A-Z ,]{5,60}: ")


def refuse(text: str, minimum_words: int) -> str | None:
    """Why a cleaned text is not used, in the words of the data card; None where it is."""
    words = text.split()
    if len(words) < minimum_words:
        return "too short"
    if _REFUSAL.search(text[:300]) or _ECHO.search(text):
        return "refusal or prompt echo"
    if _RESULTS.search(text[:400]):
        return "table of results"
    if " MORE" in text and _SPLICED.search(text):
        return "spliced headlines"
    if _TRANSCRIPT.search(text[:200]):
        return "transcript"
    letters = sum(map(str.isalpha, text))
    if letters < 0.6 * len(text):
        return "not prose"
    upper = sum(map(str.isupper, text))
    if upper < 0.004 * letters:
        return "lower-cased"
    if upper > 0.5 * letters:
        return "upper-cased"
    if len(_TOKENISED.findall(text)) > max(3, 0.02 * len(words)):
        return "tokenised"
    if detect_language(" ".join(words)) != ENGLISH:
        return "not English"
    return None


def clean(text: str) -> tuple[str, list[str]]:
    """A text without its format, and the names of the steps that changed it."""
    text = _whitespace(text)
    changed = []
    for name, step in STEPS:
        result = _whitespace(step(text))
        if result != text:
            changed.append(name)
        text = result
    return text, changed


# --- pairs -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prefix:
    """A machine text after the human words that it began with were cut."""

    text: str
    words: int
    """How many copied words were cut; 0 where none."""


def cut_copied_prefix(text: str, original: str, minimum_words: int = 8) -> Prefix:
    """Cut the longest common start with the human original, to the end of that sentence.

    A continuation opens with the human words that it was given. Fewer than `minimum_words`
    in common are taken for chance.
    """
    mine, theirs = text.split(), original.split()
    shared = 0
    for left, right in zip(mine, theirs, strict=False):
        if _bare(left) != _bare(right):
            break
        shared += 1
    if shared < minimum_words:
        return Prefix(text, 0)
    while shared < len(mine) and not _END.search(mine[shared - 1]):
        shared += 1
    return Prefix(" ".join(mine[shared:]), shared)


def overlap(text: str, original: str, size: int = 5) -> float:
    """The share of a text's word n-grams that its original holds too, 0 to 1."""
    mine = ngrams(text, size)
    return len(mine & ngrams(original, size)) / len(mine) if mine else 0.0


def ngrams(text: str, size: int) -> set[tuple[str, ...]]:
    """The word n-grams of a text, lower-cased, without punctuation."""
    words = bare_words(text)
    return set(zip(*(words[start:] for start in range(size)), strict=False))


_WORD = re.compile(r"[^\W_]+")


def bare_words(text: str) -> list[str]:
    """The words of a text, lower-cased, without punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def _bare(word: str) -> str:
    return "".join(_WORD.findall(word.lower()))
