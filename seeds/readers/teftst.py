"""teftst: a news aggregator's posts of 2016, from Reuters, Wired and 150 other outlets.

One Markdown file a post: YAML front matter that names the original link, then the scraped
page's HTML between `[ad_1]` and `[ad_2]`. Paragraphs become paragraphs; what the page's own
mark-up says is no article text (figures, captions, datelines, embedded posts) is dropped.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.outlets import outlet
from seeds.readers.dates import is_before_machines, iso_date
from seeds.records import Record

# fmt: off
_DROPPED = [
    "script", "style", "noscript", "figure", "figcaption", "iframe", "form", "button",
    "nav", "aside", "footer", "svg", "video", "table",
]
_BLOCKS = [
    "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ul", "ol", "blockquote",
    "section", "article", "br", "hr", "pre",
]
# fmt: on
_FURNITURE = re.compile(
    r"(?:^|\s)(?:articleLocation|dateline|\S*byline|\S*timestamp|\S*credit(?:-wrap)?"
    r"|(?!no-|has-|with-)\S*caption(?:[-_]te?xt)?|cutline|visually-hidden|skip-to-text-link"
    r"|twitter-tweet|instagram-media|interstitial-link|pullquote|wired-author"
    r"|\S*metadata\S*|nocontent|ad|story-ad|ad-placeholder|text-ad)(?:\s|$)",
    re.IGNORECASE,
)
_LINK = re.compile(r"^original_link:\s*-\s*(?:>\s*)?['\"]?(\S+?)['\"]?$", re.MULTILINE)
_POST_DATE = re.compile(r"^post_date: *(\S+)", re.MULTILINE)


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per post that has text."""
    for path in archive.paths():
        _, front, body = archive.read_text(path).split("---\n", 2)
        posted = _POST_DATE.search(front)
        date = iso_date(posted[1] if posted else path)
        text = html_text(_article(body))
        if text and is_before_machines(date):
            yield Record(
                text=text,
                label=HUMAN,
                corpus=archive.repository,
                story=f"{archive.repository}:{path}",
                reference=path,
                source=_outlet(front),
                date=date,
            )


def html_text(html: str) -> str:
    """The text of an HTML fragment, paragraphs parted by a blank line."""
    soup = BeautifulSoup(html, "lxml")
    for element in soup.find_all(_is_furniture):
        element.decompose()
    for element in soup.find_all(_BLOCKS):
        element.insert_before("\v")
        element.insert_after("\v")
    paragraphs = (" ".join(part.split()) for part in soup.get_text().split("\v"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _is_furniture(element: Tag) -> bool:
    if element.name in _DROPPED:
        return True
    classes = element.get("class") or ""
    return bool(_FURNITURE.search(classes if isinstance(classes, str) else " ".join(classes)))


def _article(body: str) -> str:
    """The part between the advertisement marks."""
    return body.split("[ad_1]", 1)[-1].rsplit("[ad_2]", 1)[0]


def _outlet(front: str) -> str:
    """The outlet that the original link leads to, looked up behind Google News."""
    match = _LINK.search(front)
    if match is None:
        return ""
    target = re.search(r"[?&;]url=(https?[^&]+)", match[1])
    return outlet(urllib.parse.unquote(target[1]) if target else match[1])
