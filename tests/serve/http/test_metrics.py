from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families


def families(url):
    text = httpx.get(f"{url}/metrics").text
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(family, **labels):
    return sum(
        sample.value
        for sample in family.samples
        if labels.items() <= sample.labels.items() and not sample.name.endswith("_created")
    )


def test_what_happens_is_counted(serve, toy_article):
    url = serve()
    httpx.post(f"{url}/v1/score", json={"texts": [toy_article, "too short"]})
    httpx.get(f"{url}/v1/score?key=secret")
    httpx.get(f"{url}/nowhere/secret")
    httpx.request("SECRET", f"{url}/v1/model")
    answer = httpx.get(f"{url}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "secret" not in answer.text.lower()
    found = families(url)
    requests = found["respun_requests"]
    assert value(requests, route="/v1/score", method="POST", status="200") == 1
    assert value(requests, route="unmatched", status="404") == 1
    assert value(requests, method="other", status="405") == 1
    assert value(found["respun_verdicts"], verdict="machine") == 1
    assert value(found["respun_verdicts"], verdict="too_short") == 1
    assert value(found["respun_rejected"], kind="not_found") == 1
    assert value(found["respun_rejected"], kind="wrong_method") == 2
    texts = {s.name: s.value for s in found["respun_batch_texts"].samples if not s.labels}
    assert texts == {"respun_batch_texts_count": 1, "respun_batch_texts_sum": 2}
    for name in ("respun_request_seconds", "respun_scoring_seconds", "respun_queue_characters"):
        assert name in found
