"""Pages for drivers: plain HTML in German and English, no JavaScript, nothing from third parties."""

from __future__ import annotations

import hashlib
from functools import partial
from importlib import resources
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from eichrecht import locales

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the receipt link is the secret: it must not leak to other sites
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}

API_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every answer of the API: personal data belong into no cache and no index."""

_STYLE_VERSION = hashlib.sha256(
    (resources.files("eichrecht.service") / "static" / "page.css").read_bytes()
).hexdigest()[:12]
"""Part of the stylesheet's address: a browser that keeps an old one must not dress a new page with it."""

_ENVIRONMENT = Environment(
    loader=PackageLoader("eichrecht.service"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_language(request: Request) -> str:
    """Return the language of ``?lang=``, else of ``Accept-Language``, else German."""
    asked = request.query_params.get("lang")
    if asked in locales.LANGUAGES:
        return asked
    return locales.choose_language(request.headers.get("accept-language"))


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page with the headers every page carries."""
    language = page_language(request)
    html = _ENVIRONMENT.get_template(template).render(
        lang=language,
        t=partial(_text, language),
        style_version=_STYLE_VERSION,
        root=request.scope.get("root_path", "").rstrip("/"),
        **values,
    )
    return HTMLResponse(html, status_code=status, headers=PAGE_HEADERS)


def _text(language: str, key: str, **params: object) -> str:
    return locales.text("pages", key, language, **params)


def error_text(code: str, detail: str, language: str) -> str:
    """Return the sentence for a request that cannot be checked."""
    try:
        return locales.text("pages", code, language, cause=detail)
    except KeyError:
        return locales.text("pages", "request_unusable", language, cause=code)
