from __future__ import annotations

import json

import httpx

from serve.http.__main__ import OPENAPI_FILE


def test_the_document_that_is_checked_in_is_the_services_own(served):
    found = httpx.get(f"{served}/openapi.json").json()
    expected = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
    assert found == expected, "run `python -m serve.http --write-openapi`"


def test_the_document_names_the_keys_and_no_error_that_is_never_answered(served):
    document = httpx.get(f"{served}/openapi.json").json()
    schemes = set(document["components"]["securitySchemes"])
    assert schemes == {"bearer", "header", "query", "HTTPBasic"}  # the last is Label Studio's pair
    assert "HTTPValidationError" not in json.dumps(document)
    score = document["paths"]["/v1/score"]["post"]["responses"]
    assert set(score) == {"200", "4XX", "5XX"}
