"""Coral's external moderation phase: requests as Coral writes and signs them."""

from __future__ import annotations

import hashlib
import hmac
import json

import httpx
import pytest

from model.text import normalize
from serve import Scorer
from serve.http.adapters.coral import html_to_text

SECRET = "7d6b1c2ad1f5a5d2"


def _body(html):
    """The request as Coral's server has it: JSON.stringify(request, null, 2)."""
    request = {
        "action": "NEW",
        "comment": {"body": html, "parentID": None},
        "author": {"id": "baf4e943-3594-4fcc-b2ba-3e8de7a76352", "role": "COMMENTER"},
        "story": {"id": "245b3856-b0a0-4d2f-a6bb-58c71f18d6a6", "url": "http://localhost/a/"},
        "site": {"id": "a4bede88-2d2c-4424-bc18-4322a9e285a6"},
        "tenantID": "19ba5794-7eeb-4d46-a81b-c00c61672501",
        "tenantDomain": "localhost",
    }
    return json.dumps(request, indent=2, ensure_ascii=False).encode()


def _sign(body, *secrets):
    digests = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join(f"sha256={digest}" for digest in digests)


def _post(url, body, signature):
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["X-Coral-Signature"] = signature
    return httpx.post(f"{url}/coral", content=body, headers=headers)


def _moderate(url, html, *secrets):
    body = _body(html)
    return _post(url, body, _sign(body, *(secrets or (SECRET,))))


@pytest.fixture
def comment(toy_article):
    """An article as a comment, as Coral's editor writes it."""
    paragraphs = toy_article.strip().replace("&", "&amp;").split("\n\n")
    return "".join(f"<div>{paragraph}</div><div><br></div>" for paragraph in paragraphs)


def test_a_comment_is_held_back_from_the_score_of_its_text_on(serve, tiny_bundle, comment):
    [result] = Scorer.load(tiny_bundle).score([html_to_text(comment)])
    assert result.score is not None
    below = serve(coral_secrets=(SECRET,), threshold=result.score - 1e-6)
    answer = _moderate(below, comment)
    assert (answer.status_code, answer.json()) == (200, {"status": "PREMOD"})
    above = serve(coral_secrets=(SECRET,), threshold=result.score + 1e-6)
    answer = _moderate(above, comment)
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_status_is_a_setting(serve, comment):
    url = serve(coral_secrets=(SECRET,), coral_status="SYSTEM_WITHHELD", threshold=0.0)
    assert _moderate(url, comment).json() == {"status": "SYSTEM_WITHHELD"}


def test_short_empty_and_foreign_comments_are_left_alone(serve, german_article):
    url = serve(coral_secrets=(SECRET,), threshold=0.0)
    for html in ("Here's a comment!", "", "<div><br></div>", f"<div>{german_article}</div>"):
        assert _moderate(url, html).status_code == 204


def test_while_secrets_rotate_any_of_them_may_have_signed(serve, comment):
    url = serve(coral_secrets=("old", "new"), threshold=0.0)
    for signing in (("old",), ("new",), ("old", "new"), ("elsewhere", "new")):
        assert _moderate(url, comment, *signing).status_code == 200


def test_what_no_secret_signed_is_refused_before_it_is_read(serve, comment):
    url = serve(coral_secrets=(SECRET,), threshold=0.0)
    body = _body(comment)
    right = _sign(body, SECRET)
    wrong = [None, "", "sha256=", _sign(body, "another"), right[:-1], right.replace("256", "1")]
    wrong += [right.removeprefix("sha256="), "sha256=é".encode("latin-1"), f"sha1=,{right}0"]
    for signature in wrong:
        answer = _post(url, body, signature)
        assert answer.status_code == 401, signature
        assert "X-Coral-Signature" in answer.json()["error"]
    assert _post(url, body.replace(b"pool", b"tool"), right).status_code == 401
    assert _post(url, b"{", right).status_code == 401
    assert _post(url, b"{", _sign(b"{", SECRET)).status_code == 400


def test_signatures_replace_keys(serve, comment):
    url = serve(coral_secrets=(SECRET,), api_keys=("key",), threshold=0.0)
    assert _moderate(url, comment).status_code == 200
    assert _moderate(url, comment, "another").status_code == 401


def test_without_a_secret_nothing_is_answered_and_the_setting_named(served, comment):
    for secrets in (("",), (SECRET,)):
        answer = _moderate(served, comment, *secrets)
        assert answer.status_code == 404
        assert "RESPUN_HTTP_CORAL_SECRETS" in answer.json()["error"]


def test_what_is_not_scored_in_time_is_left_alone_and_counted(serve, comment):
    url = serve(coral_secrets=(SECRET,), coral_deadline_s=1e-9, threshold=0.0)
    assert _moderate(url, comment).status_code == 204
    assert 'respun_rejected_total{kind="deadline"} 1.0' in httpx.get(f"{url}/metrics").text


def test_what_does_not_fit_is_left_alone_and_counted(serve, comment):
    url = serve(coral_secrets=(SECRET,), queue_characters=10, threshold=0.0)
    assert _moderate(url, comment).status_code == 204
    assert 'respun_rejected_total{kind="too_large"} 1.0' in httpx.get(f"{url}/metrics").text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("A comment", "A comment"),
        ("<div>One</div><div>Two</div>", "One\n\nTwo"),
        ("<p>One<br>Two</p>", "One\nTwo"),
        ("<b>Je</b>rry was <s>not</s> <i>there</i>", "Jerry was not there"),
        ('<a href="https://example.org/?a=1&amp;b=2">a link</a>', "a link"),
        ('<span class="coral-rte-spoiler">seen</span>', "seen"),
        ("<UL><LI>One</LI><LI>Two</LI></UL>", "One\n\nTwo"),
        ("<blockquote><div>Quoted</div></blockquote>Mine", "Quoted\n\nMine"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("if a <b then c", "if a <b then c"),
    ],
)
def test_html_becomes_the_text_that_a_reader_sees(html, text):
    assert html_to_text(html) == text


def test_entities_are_left_to_normalisation():
    text = html_to_text("<p>Tom &amp; Jerry,<br>3&nbsp;km</p>")
    assert normalize(text).text == "Tom & Jerry, 3 km"


def test_hostile_html_takes_no_longer_than_other_html():
    for piece in ("<", "<a", "</a ", '<a b="', "&", "<!--", "<a<b>"):
        html_to_text(piece * 200_000)  # quadratic, this would take minutes
