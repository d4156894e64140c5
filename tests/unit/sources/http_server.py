"""The product's own small HTTP server, under the name that tests of clients know."""

from __future__ import annotations

from micore.sources.checking.server import Answering as Answering
from micore.sources.checking.server import Asked as Asked
from micore.sources.checking.server import Says as Says
from micore.sources.checking.server import Server as Server
from micore.sources.checking.server import serving as serving
