"""How the browser tests start the machine's own Chromium: no download, no network of its own."""

from __future__ import annotations

import os
from typing import TypedDict

from tests.support.programs import browser

# Without these the browser calls home, at every start, through whatever network there is.
QUIET_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-color-profile=srgb",
)


class LaunchOptions(TypedDict):
    """Keyword arguments of Playwright's `BrowserType.launch`."""

    executable_path: str
    headless: bool
    args: list[str]


def launch_options() -> LaunchOptions:
    """What to give to `playwright.chromium.launch(**launch_options())`.

    Raises ProgramMissingError when the machine has neither Chromium nor Chrome.
    """
    # Chromium refuses its own sandbox to root, as in containers and in CI.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {"executable_path": str(browser()), "headless": True, "args": [*QUIET_ARGUMENTS, *sandbox]}
