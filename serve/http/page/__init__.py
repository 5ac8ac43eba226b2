"""The page at `/`, for people: paste an article, read the verdict, see which sentences say so.

Plain HTML, CSS and JavaScript modules, served as they lie in this folder: no build step, and
nothing is asked of any other host. The page scores through `/v1/score` like any client; what
it must know beforehand, the limits and where the lines are, is in `/page/facts.json`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from model.policies import UNCERTAIN_POLICY
from serve.http.errors import ServiceError

if TYPE_CHECKING:
    from serve.http.service import Service

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FRESH = {"Cache-Control": "no-cache"}


def router(service: Service) -> APIRouter:
    """The page, its assets and its facts; none of them needs a key, and none holds a text."""
    routes = APIRouter(include_in_schema=False)
    folder = files(__package__)
    index = folder.joinpath("index.html").read_text(encoding="utf-8")
    # When first asked for: a worker's start need not wait for every line to be drawn.
    facts = cache(lambda: _facts(service))
    # Read once and found by name: no path of a request ever reaches the file system.
    assets = {
        asset.name: (asset.read_bytes(), media_type)
        for asset in folder.iterdir()
        for suffix, media_type in _MEDIA_TYPES.items()
        if asset.name.endswith(suffix)
    }

    @routes.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(index, headers=_FRESH)

    @routes.get("/page/facts.json")
    def page_facts() -> JSONResponse:
        return JSONResponse(facts(), headers=_FRESH)

    @routes.get("/page/{name}")
    def asset(name: str) -> Response:
        if name not in assets:
            raise ServiceError("not_found", "no such file; the page is at /")
        content, media_type = assets[name]
        return Response(content, media_type=media_type, headers=_FRESH)

    return routes


def _facts(service: Service) -> dict[str, Any]:
    """What the page tells before anything is sent, and draws its lines by.

    `lines` holds the score from which a text is uncertain, by the words it has at least.
    """
    settings, manifest = service.settings, service.scorer.manifest
    return {
        "model": f"{manifest.name} {manifest.version}",
        "limits": {
            "characters": settings.text_characters,
            "texts": settings.request_texts,
            "minimum_words": manifest.minimum_words,
        },
        "lines": [
            {"from_words": words, "uncertain_from": line}
            for words, line in manifest.lines(UNCERTAIN_POLICY)
        ],
    }
