"""The interface to try out, at `/docs`, without asking any other host for anything.

FastAPI's own page loads Swagger UI from a content delivery network. Here it comes from the
package fastapi-offline, which carries the files of a release that reads OpenAPI 3.1.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from serve.http.service import Service

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Respun: the interface</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="interface"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
# A script of its own, because the page's policy forbids scripts in place.
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#interface", deepLinking: true});\n'


def router(_: Service) -> APIRouter:
    """The page and its three files."""
    routes = APIRouter(prefix="/docs", include_in_schema=False)
    static = files("fastapi_offline").joinpath("static")
    style = static.joinpath("swagger-ui.css").read_bytes()
    script = static.joinpath("swagger-ui-bundle.js").read_bytes()

    @routes.get("")
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @routes.get("/swagger-ui.css")
    def swagger_style() -> Response:
        return Response(style, media_type="text/css")

    @routes.get("/swagger-ui-bundle.js")
    def swagger_script() -> Response:
        return Response(script, media_type="text/javascript")

    @routes.get("/start.js")
    def start() -> Response:
        return Response(_START, media_type="text/javascript")

    return routes
