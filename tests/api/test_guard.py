"""Only this machine's own pages: foreign names and foreign pages are refused before any work."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api, fill

OWN_HOSTS = ("127.0.0.1:8083", "localhost", "LOCALHOST:80", "[::1]:8083", "127.0.0.1")
FOREIGN_HOSTS = (
    *("evil.example", "127.0.0.1.evil.example", "evil.example:8083", "localhost.evil.example", "", "127.0.0.1:80:80"),
    *("[::2]", "10.0.0.1", "127.0.0.1@evil.example", "127.0.0.1:x", "localhost,evil.example", "2130706433", "[::1"),
)
FOREIGN_ORIGINS = (
    *("http://evil.example", "https://127.0.0.1.evil.example", "null", "http://localhost@evil.example"),
    *("file://", "chrome-extension://abc", "http://evil.example:8083", "//localhost", "http://[::1", "localhost"),
)
PATHS = ("/api/v1/dashboard", "/health", "/", "/api/v1/nothing", "/metrics")


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_this_machine_is_welcome(api: Api, host: str) -> None:
    assert api.get("/api/v1/dashboard", {"host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_other_names_are_refused(api: Api, host: str) -> None:
    for path in PATHS:
        answer = api.get(path, {"host": host})
        assert (answer.status_code, answer.json()["type"]) == (403, "https://micore.invalid/problems/forbidden")
        assert "127.0.0.1" in answer.json()["detail"]


@pytest.mark.parametrize("origin", ["http://127.0.0.1:5173", "http://localhost:8083", "https://[::1]:1"])
def test_own_pages_may_ask(api: Api, origin: str) -> None:
    assert api.ask("POST", "/api/v1/sync/runs", headers={"origin": origin}).status_code == 202


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_foreign_pages_may_not(api: Api, origin: str) -> None:
    for path in PATHS:
        assert api.get(path, {"origin": origin}).status_code == 403
    assert api.ask("POST", "/api/v1/sync/runs", headers={"origin": origin}).status_code == 403
    assert api.desk.asked == []


def test_a_refusal_stays_after_a_welcome(api: Api) -> None:
    """What is remembered of an allowed pair says nothing of its halves."""
    assert api.get("/livez", {"origin": "http://localhost"}).status_code == 200
    assert api.get("/livez", {"origin": "http://evil.example"}).status_code == 403
    assert api.get("/livez", {"host": "evil.example", "origin": "http://localhost"}).status_code == 403


def test_nothing_is_shared_across_origins(api: Api) -> None:
    fill(api)
    for path in ("/api/v1/dashboard", "/api/v1/sync", "/", "/api/v1/nothing", "/health"):
        headers = api.get(path, {"origin": "http://localhost:1"}).headers
        assert not [name for name in headers if name.startswith("access-control-")]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
