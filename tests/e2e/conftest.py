"""The browser of the journeys: the machine's Chromium, one per worker, and a fresh page for every test."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, sync_playwright

from tests.support.chromium import launch_options
from tests.support.running import RunningShop, running_shop

DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without its own network chatter; ends with the run."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**launch_options())
        yield chromium
        chromium.close()


class Witness:
    """Keeps what a page must never do: complain on its console, raise, or ask a foreign host for something."""

    def __init__(self, page: Page, complaints: list[str], expected: list[str]) -> None:
        self.complaints = complaints
        self.expected = expected
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"raised: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(words in message.text for words in self.expected):
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname != "127.0.0.1":
            self.complaints.append(f"asked a foreign host: {request.url}")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """micore over a living shop of 150 products, three days watched; all journeys of a worker share it."""
    with running_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def viewport() -> ViewportSize:
    """The size of the window; a test parametrises it with DESKTOP and PHONE where both matter."""
    return DESKTOP


@pytest.fixture
def expected() -> list[str]:
    """Words of what the page may complain of: a test adds those of a refusal that it provokes."""
    return []


@pytest.fixture
def page(browser: Browser, viewport: ViewportSize, expected: list[str]) -> Iterator[Page]:
    """A page with no memory of others. The test fails when the page complained of anything else while it ran."""
    complaints: list[str] = []
    context = browser.new_context(
        viewport=viewport, locale="en-GB", timezone_id="Europe/Moscow", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    Witness(page, complaints, expected)
    yield page
    context.close()
    assert not complaints
