"""The web app's files: hashed ones for ever, pages asked for again, and a clear word when there are none."""

from __future__ import annotations

import os

import pytest

from tests.api.conftest import Api


@pytest.fixture
def built(api: Api) -> Api:
    (api.web / "assets").mkdir(parents=True)
    (api.web / "index.html").write_text("<!doctype html><title>micore</title>" + "<p></p>" * 200)
    (api.web / "assets" / "app-1a2b3c.js").write_text("console.log(1);" * 100)
    (api.web / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return api


@pytest.mark.parametrize("path", ["/", "/index.html", "/products", "/products/item-12", "/sync?run=3", "/no/such/page"])
def test_pages_are_the_index(built: Api, path: str) -> None:
    answer = built.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert built.get(path, {"if-none-match": answer.headers["etag"]}).status_code == 304


def test_hashed_files_stay(built: Api) -> None:
    answer = built.get("/assets/app-1a2b3c.js", {"accept-encoding": "br, gzip;q=0.5, zstd;q=0"})
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == "console.log(1);" * 100
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert built.get("/favicon.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path", ["/assets/app-old.js", "/assets/", "/robots.txt", "/../pyproject.toml", "/assets/..%2findex.html", "/.env"]
)
def test_what_is_not_there_is_a_problem(built: Api, path: str) -> None:
    answer = built.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_api_paths_never_get_the_page(built: Api) -> None:
    for path in ("/api/v1/nothing", "/api/", "/healthz", "/metrics/x"):
        assert built.get(path).headers["content-type"] == "application/problem+json"


def test_a_new_build_is_noticed(built: Api) -> None:
    assert built.get("/").text.startswith("<!doctype html><title>micore")
    index = built.web / "index.html"
    index.write_text("<!doctype html><title>newer</title>")
    os.utime(index, ns=(1, 1))
    assert "newer" in built.get("/").text


def test_without_a_build_it_says_so(api: Api) -> None:
    answer = api.get("/")
    assert (answer.status_code, "has not been built" in answer.text) == (503, True)
    assert api.get("/api/v1/dashboard").status_code == 200


def test_head_is_get_without_the_body(built: Api) -> None:
    for path in ("/", "/api/v1/dashboard", "/health"):
        head, get = built.ask("HEAD", path), built.get(path)
        assert head.status_code == get.status_code == 200
        assert head.headers["content-type"] == get.headers["content-type"]
