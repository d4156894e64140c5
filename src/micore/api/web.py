"""The built web app, served from memory: hashed files for ever, pages asked for again each time."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from micore.api.guard import PAGE_HEADERS, Headers
from micore.cache import Answer, etag_of

IMMUTABLE = b"public, max-age=31536000, immutable"
ASK_AGAIN = b"no-cache"
HASHED_FOLDER = "assets"
INDEX = "index.html"

NOT_BUILT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>micore</title></head>
<body><h1>The web app has not been built</h1>
<p>micore is running, but the files of its dashboard are missing. In the checkout, run <code>make install</code>,
then reload this page. The API answers under <a href="/api/v1/dashboard">/api/v1/dashboard</a>,
the state of the program under <a href="/health">/health</a>.</p></body></html>
"""

# The machine's own table may lack these or name them otherwise.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of the web app, ready to send."""

    answer: Answer
    headers: Headers
    status: int = 200


class WebApp:
    """The files of one build. A new build is noticed by its index; without one, a page says what to do."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, WebFile] = {}
        self._read_at: int | None = None

    def file(self, path: str) -> WebFile | None:
        """What lies at a path; client routes (no file ending) get the index. None: there is nothing."""
        if not self._is_read():
            return WebFile(_answer(NOT_BUILT, ".html"), _headers(ASK_AGAIN), 503)
        found = self._files.get(path)
        if found is not None:
            return found
        if "." in path.rpartition("/")[2] or path.startswith(f"/{HASHED_FOLDER}/"):
            return None
        return self._files[f"/{INDEX}"]

    def _is_read(self) -> bool:
        """Bring the files into memory when there is a build other than the one we know."""
        if self._folder is None:
            return False
        try:
            built_at = (self._folder / INDEX).stat().st_mtime_ns
        except OSError:
            return False
        if built_at != self._read_at:
            self._files = dict(self._read(self._folder))
            self._read_at = built_at
        return True

    def _read(self, folder: Path) -> list[tuple[str, WebFile]]:
        found = []
        # Only what lies there now can ever be asked for: no path from outside touches the disk.
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                name = each.relative_to(folder).as_posix()
                control = IMMUTABLE if name.startswith(f"{HASHED_FOLDER}/") else ASK_AGAIN
                found.append((f"/{name}", WebFile(_answer(each.read_bytes(), each.suffix), _headers(control))))
        return found


def _answer(body: bytes, suffix: str) -> Answer:
    content_type = _TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
    return Answer(body, content_type, etag_of(body), lasting=True)


def _headers(cache_control: bytes) -> Headers:
    return [(b"cache-control", cache_control), *PAGE_HEADERS]
