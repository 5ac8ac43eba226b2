"""The readers of human corpora: each format unpacked, each trap of its corpus avoided.

All texts are toys in the format of the archive.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping

import pytest

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.outlets import outlet
from seeds.readers import (
    abc_australia,
    abp,
    deception,
    extraction,
    fnc,
    local_news,
    media_bias,
    reuters21578,
    reuters_financial,
    senate,
    teftst,
    tehran,
    trove,
)
from seeds.readers.dates import is_before_machines, iso_date, url_date
from seeds.records import Record

Reader = Callable[[Archive], Iterator[Record]]


def read(reader: Reader, files: Mapping[str, str | bytes]) -> list[Record]:
    """The reader's records; checks what holds of all human records."""
    contents = {
        path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()
    }
    records = list(reader(Archive("owner/toy", contents)))
    for record in records:
        assert record.label == HUMAN
        assert record.corpus == "owner/toy"
        assert record.story.startswith("owner/toy:")
        assert record.generator == record.operation == ""
        assert record.text == record.text.strip() != ""
    return records


def abp_article(**changes: str) -> str:
    article = {
        "source": "Guest Writer - Right",
        "source_url": "www.foxnews.com",
        "url": "http://www.foxnews.com/2018/03/06/toy",
        "date": "2018-03-06",
        "content": "A toy , tokenised .",
        "content_original": "A toy, as published.\n\nSecond.\n",
    }
    return json.dumps(article | changes)


def test_abp_reads_the_original_content_and_the_domains_outlet() -> None:
    (record,) = read(abp.read, {"data/jsons/x.json": abp_article()})
    assert record.text == "A toy, as published.\n\nSecond."
    assert record.source == "fox"
    assert record.date == "2018-03-06"
    assert record.story == "owner/toy:data/jsons/x.json"
    assert record.reference == "data/jsons/x.json"


def test_abp_drops_what_a_chat_model_may_have_written() -> None:
    files = {
        "a.json": abp_article(date="2022-11-30"),
        "b.json": abp_article(date="2022-12-01"),
        "c.json": abp_article(date="", url="http://x.com/2023/05/01/toy"),
        "d.json": abp_article(date="", url="http://x.com/toy-19002301"),
    }
    assert [record.reference for record in read(abp.read, files)] == ["a.json", "d.json"]


def test_tehran_keeps_ids_before_december_2022() -> None:
    files = {
        "data/_news_479299_Toy.txt": "TEHRAN - Toy. All Content by Mehr News Agency is licensed"
        " under a Creative Commons Attribution 4.0 International License.\n",
        "data/_news_479300_Toy.txt": "TEHRAN - Late.",
    }
    (record,) = read(tehran.read, files)
    assert record.text == "TEHRAN - Toy."
    assert record.source == "tehrantimes"
    assert record.story == "owner/toy:data/_news_479299_Toy.txt"


def test_reuters_financial_drops_header_lines_and_undoes_wrapping() -> None:
    path = "ReutersNews106521/20061021/us-toy-idUSN1"
    files = {
        path: "-- Toy headline\n-- \n-- Sat Oct 21, 2006\n-- http://x\n\n \n\n LIMA (Reuters) - A\n"
        "toy sentence. \n\n  Next -- with dashes.\n",
        "ReutersNews106521/20061021/empty": "-- Toy headline\n\n\n",
    }
    (record,) = read(reuters_financial.read, files)
    assert record.text == "LIMA (Reuters) - A toy sentence.\n\nNext -- with dashes."
    assert record.date == "2006-10-21"
    assert record.reference == path


TEFTST = """---
ID: 1
post_date: 2016-05-27 09:04:07
original_link:
  - {link}
canonical_url:
  - x
---
 [ad_1]
<br><div><script>var x = 1;</script>
<p><span class="articleLocation">CAIRO</span> A <b>toy</b> &amp; more.</p>
<p><span class="articleLocatio&lt;/span&gt;n">First words.</span></p>
<figure><figcaption>A caption.</figcaption></figure>
<p class="wp-caption-text">A caption.</p><span class="credit">Someone</span>
<blockquote class="twitter-tweet"><p>A tweet</p></blockquote>
<blockquote>A quotation<br>in two lines.</blockquote>
<div class="ad">Buy</div><div class="listicle-captions">An entry.</div>
</div>
<br>[ad_2]
<br><a href="x">Source </a>
"""


def test_teftst_keeps_paragraphs_and_drops_furniture() -> None:
    link = "'http://feeds.reuters.com/~r/x'"
    (record,) = read(teftst.read, {"_posts/2016-05-27-toy.md": TEFTST.replace("{link}", link)})
    assert record.text.split("\n\n") == [
        "A toy & more.",
        "First words.",
        "A quotation",
        "in two lines.",
        "An entry.",
    ]
    assert record.source == "reuters"
    assert record.date == "2016-05-27"
    assert record.story == "owner/toy:_posts/2016-05-27-toy.md"


@pytest.mark.parametrize(
    ("link", "source"),
    [
        (">\n    http://feeds.wired.com/c/1/story01.htm", "wired"),
        ("'http://news.google.com/u?sa=t&#038;x=1&#038;url=http://www.cbsnews.com/a/'", "cbs"),
        ("'http://news.google.com/u?sa=t&url=https%3A%2F%2Fwww.nytimes.com%2Fa'", "nytimes"),
    ],
)
def test_teftst_looks_behind_the_aggregator(link: str, source: str) -> None:
    (record,) = read(teftst.read, {"_posts/x.md": TEFTST.replace("{link}", link)})
    assert record.source == source


def test_local_news_counts_the_lists_elements() -> None:
    articles = [
        {"text": " One. ", "publish_date": "2014-01-24"},
        {"text": "Late.", "publish_date": "2023-01-24"},
        {"text": "Three.", "publish_date": None},
    ]
    records = read(local_news.read, {"data/data-train/X_train.json": json.dumps(articles)})
    assert [record.text for record in records] == ["One.", "Three."]
    assert records[1].story == "owner/toy:data/data-train/X_train.json#2"
    assert records[0].date == "2014-01-24"


def test_fnc_reads_quoted_bodies_once() -> None:
    files = {
        "train_bodies.csv": 'Body ID,articleBody\n0,"A ""toy"", really.\r\n\r\nNext."\n4,Two.\n',
        "competition_test_bodies.csv": "Body ID,articleBody\n1,Three.\n",
        "test_bodies.csv": "Body ID,articleBody\n1,Three.\n",
    }
    records = read(fnc.read, files)
    assert [record.reference for record in records] == [
        "train_bodies.csv#0",
        "train_bodies.csv#1",
        "competition_test_bodies.csv#0",
    ]
    assert records[0].text == 'A "toy", really.\r\n\r\nNext.'


def test_reuters21578_reads_bodies_without_headlines() -> None:
    document = (
        "<!DOCTYPE lewis SYSTEM 'lewis.dtd'>\n"
        '<REUTERS NEWID="1"><DATE>26-FEB-1987 15:01:01.79</DATE>\n'
        "<TEXT>&#2;<TITLE>TOY HEADLINE &lt;TOY></TITLE><DATELINE>    SALVADOR, Feb 26 - "
        "</DATELINE><BODY>Toys continued\nall week &lt;TOY.N>.\n    A second\nparagraph.\n Reuter\n"
        "\x03</BODY></TEXT></REUTERS>\n"
        '<REUTERS NEWID="2"><TEXT TYPE="BRIEF"><TITLE>NO BODY</TITLE></TEXT></REUTERS>\n'
        '<REUTERS NEWID="3"><TEXT><BODY>Caf\xe9 toys.</BODY></TEXT></REUTERS>\n'
    )
    records = read(reuters21578.read, {"data/reut2-000.sgm": document.encode("latin-1")})
    assert [record.reference for record in records] == [
        "data/reut2-000.sgm#0",
        "data/reut2-000.sgm#2",
    ]
    assert records[0].text == "Toys continued all week <TOY.N>.\n\nA second paragraph. Reuter"
    assert records[0].date == "1987-02-26"
    assert records[1].text == "Café toys."


def test_abc_joins_sections_and_drops_headings() -> None:
    rural = (
        "A toy headline of many words\nFirst paragraph.\nSecond, he said.\n\n"
        "Grain prices\nThird paragraph.\n\n"
        'Another toy headline of words\n"Quoted," she said. "Yes."\n'
    )
    science = "A caption of a toy picture\r\nScience says so?\r\nIt does.\r\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("abc/rural.txt", rural)
        package.writestr("abc/science.txt", science)
    records = read(abc_australia.read, {"packages/corpora/abc.zip": buffer.getvalue()})
    assert [record.text for record in records] == [
        "First paragraph.\n\nSecond, he said.\n\nThird paragraph.",
        '"Quoted," she said. "Yes."',
        "Science says so?\n\nIt does.",
    ]
    assert records[2].reference == "packages/corpora/abc.zip/science.txt#0"


def test_deception_pairs_are_one_human_story() -> None:
    files = {
        "data/fakeNewsDataset/fake/biz01.fake.txt": "Fake headline\n\nRewritten body.\n",
        "data/fakeNewsDataset/legit/biz01.legit.txt": " Headline\r\n\r\nTrue body.\r\n",
        "data/celebrityDataset/fake/001fake.txt": "Headline\n\n\nA fakery.\n\nMore.",
        "data/celebrityDataset/legit/001legit.txt": "Only a body.",
    }
    records = read(deception.read, files)
    assert [record.text for record in records] == [
        "A fakery.\n\nMore.",
        "Only a body.",
        "Rewritten body.",
        "True body.",
    ]
    assert records[0].story == records[1].story
    assert records[2].story == records[3].story
    assert records[2].story == "owner/toy:data/fakeNewsDataset/legit/biz01.legit.txt"


def test_trove_drops_scans_and_marks_transcripts() -> None:
    speakers = "JOURNALIST: Why?\n\nTOY MINISTER: Because.\n\nJOURNALIST: So?\n\nMINISTER: Yes.\n"
    files = {
        "text/1992-12-31-toy-1.txt": "Scanned t o y.",
        "text/1993-01-01-toy-2.txt": "\n\nMEDIA RELEASE\n\nThe Minister said toys.\n",
        "text/2012-07-23-toy-3.txt": "Topics: toys\n\n" + speakers,
        "text/2013-07-23-toy-4.txt": "E&OE Transcript\n\nI said toys.",
        "text/2022-12-01-toy-5.txt": "Late.",
    }
    records = read(trove.read, files)
    assert [(record.date, record.domain) for record in records] == [
        ("1993-01-01", "press-release"),
        ("2012-07-23", "transcript"),
        ("2013-07-23", "transcript"),
    ]


def test_senate_drops_releases_that_lost_their_punctuation() -> None:
    files = {
        "raw/Toy/7Apr2005Toy58.txt": "  WASHINGTON - The senator said. " + "word " * 100 + "end.",
        "raw/Toy/31Feb2005Toy59.txt": "Toys.",
        "raw/Bare/13Sep2006Bare7.txt": "Washington  D C   Today  Senator " + "word " * 100,
    }
    records = read(senate.read, files)
    assert [(record.date, record.domain) for record in records] == [
        ("", "press-release"),
        ("2005-04-07", "press-release"),
    ]


def test_media_bias_joins_sentences_and_triplets() -> None:
    def article(source: str) -> str:
        body = [["One.", "Two."], ["Three."]]
        return json.dumps({"source": source, "date": "2016-08-31", "body-paragraphs": body})

    files = {f"data/articles/2016/u_{i}.json": article(s) for i, s in enumerate(("nyt", "hpo"))}
    records = read(media_bias.read, files)
    assert [record.text for record in records] == ["One. Two.\n\nThree."] * 2
    assert [record.source for record in records] == ["nytimes", "huffpost"]
    assert records[0].story == records[1].story


def test_extraction_dates_by_address() -> None:
    pages = {
        "a": {"articleBody": "Toy.\n", "url": "https://www.wsj.com/articles/toy-11574168580"},
        "b": {"articleBody": "Toy.", "url": "https://edition.cnn.com/2019/11/04/toy"},
    }
    records = read(extraction.read, {"ground-truth.json": json.dumps(pages)})
    assert [(record.source, record.date) for record in records] == [
        ("wsj", ""),
        ("cnn", "2019-11-04"),
    ]
    assert records[1].story == "owner/toy:ground-truth.json#1"


@pytest.mark.parametrize(
    "names",
    [
        (
            "The New York Times",
            "New York Times - News",
            "nytimes.com",
            "thecaucus.blogs.nytimes.com",
        ),
        ("CNN (Web News)", "cnn", "https://money.cnn.com/2014/x", "edition.cnn.com"),
        ("Fox Online News", "Fox News (Online)", "www.foxnews.com"),
        ("BBC News", "news.bbc.co.uk", "BBC"),
        ("The Guardian", "www.theguardian.com", "guardian"),
        ("ABC News", "abcnews.go.com"),
        ("Associated Press", "apnews.com"),
        ("Los Angeles Times", "latimes.com"),
        ("Christian Science Monitor", "csmonitor.com"),
        ("HuffPost", "huffingtonpost.com", "hpo"),
    ],
)
def test_an_outlet_has_one_name(names: tuple[str, ...]) -> None:
    assert len({outlet(name) for name in names}) == 1


def test_outlet_names_are_plain_and_stable() -> None:
    names = [
        "The Hill",
        "TheBlaze.com",
        "US News",
        "New York Magazine",
        "Time Magazine",
        "",
        "al.com",
    ]
    found = [outlet(name) for name in names]
    assert found == ["hill", "blaze", "usnews", "newyorkmagazine", "time", "", "al"]
    assert [outlet(name) for name in found] == found


def test_dates() -> None:
    assert iso_date("3/8/2013") == "2013-03-08"
    assert iso_date("20061023") == "2006-10-23"
    assert iso_date("2007") == "2007"
    assert iso_date("idUSN1822875920070418") == iso_date("2012-13-44") == ""
    assert url_date("http://x.com/2012/") == ""
    assert is_before_machines("2022-11-30")
    assert is_before_machines("")
    assert not is_before_machines("2022-12-01")
    assert not is_before_machines("2023")
