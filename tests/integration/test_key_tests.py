"""Testing a key: what it is, what each missing right costs, and how near the estimate of the first sync comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from micore.app import App, build_app
from micore.config import Settings
from micore.domain.key_views import KeyReport
from micore.domain.run_views import RunState, Trigger
from micore.errors import ConflictError, InvalidRequestError, MicoreError
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.simulator.wildberries.tokens import (
    ANALYTICS,
    CONTENT,
    FINANCE,
    MARKETPLACE,
    PRICES,
    SERVICE,
    STATISTICS,
    SUPPLIES,
    make_token,
)
from micore.sources.keys import seconds_within
from micore.sources.limits import TokenBucket
from micore.storage import runs
from tests.integration.test_two_simulators import NoWaiting
from tests.unit.sources.clocks import HandClock

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
RIGHTS = (CONTENT, ANALYTICS, PRICES, MARKETPLACE, STATISTICS, SUPPLIES, FINANCE)
CANARY = "canary-5d1c8e40-of-a-tested-key"
FACTOR = 2.0
"""How far the estimate may be from what the first sync then takes, at most."""


@pytest.fixture(scope="module")
def market() -> Iterator[Running]:
    shop = Shop(seed=7, products=150, days=200, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


class Installed:
    """micore beside the simulator, without a key; waiting costs the hand clock's time only."""

    def __init__(self, market: Running, url: str, root: Path, **settings: str) -> None:
        self.hand = HandClock()
        lines = {
            "MICORE_OZON_BASE_URL": market.ozon_url,
            "MICORE_OZON_HISTORY_DAYS": "90",
            "MICORE_WILDBERRIES_BASE_URL": market.wildberries_url,
            **settings,
        }
        (root / ".env").write_text("\n".join(f"{name}={value}" for name, value in lines.items()))
        self.ready: App = build_app(
            Settings(home=root, database_url=url),
            now=lambda: NOW,
            monotonic=self.hand.monotonic,
            env_file=root / ".env",
        )
        self.ready.sync.stopping = self.ready.sync.tool_box.stopping = NoWaiting(self.hand)

    def test(self, source: str, **values: str) -> KeyReport:
        return self.ready.key_tests.test(source, values or None)


@pytest.fixture
def installed(market: Running, migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Installed]:
    made = Installed(market, migrated_sqlite_url, tmp_path)
    yield made
    made.ready.close()


def missing(report: KeyReport) -> dict[str, list[str]]:
    return {each.stream: each.missing for each in report.streams if each.missing}


class TestWhatAKeyIs:
    def test_ozon(self, installed: Installed) -> None:
        report = installed.test("ozon", client_id="1001", api_key=f"{CANARY}+expires:9")
        assert (report.accepted, report.kind, report.account_id) == (True, "Seller API key", "1001")
        assert (report.rights, report.read_only) == (["Admin read only"], True)
        assert report.days_left == 9
        assert missing(report) == {}

    def test_ozon_without_finances(self, installed: Installed) -> None:
        report = installed.test("ozon", client_id="1001", api_key=f"{CANARY}+lacks:finance+lacks:returns")
        assert missing(report) == {
            "finance": ["/v1/finance/accrual/by-day", "/v1/finance/accrual/types"],
            "returns": ["/v1/returns/list", "/v2/returns/rfbs/list"],
        }
        told = {each.stream: each.seconds for each in report.streams}
        assert told["finance"] is None
        assert told["orders"] is not None

    def test_wildberries(self, installed: Installed) -> None:
        ends = int((NOW + timedelta(days=20, hours=1)).timestamp())
        report = installed.test("wildberries", api_token=make_token(CONTENT, PRICES, STATISTICS, expires_s=ends))
        assert (report.accepted, report.kind, report.read_only, report.sandbox) == (True, "Personal token", True, False)
        assert report.rights == ["Content", "Prices and discounts", "Statistics"]
        assert report.days_left == 20
        assert missing(report) == {
            "warehouses": ["Marketplace"],
            "stock": ["Analytics", "Marketplace"],
            "orders": ["Marketplace"],
            "returns": ["Analytics"],
            "supplies": ["Supplies"],
            "finance": ["Finance"],
            "storage_cost": ["Analytics"],
            "funnel": ["Analytics"],
        }

    def test_a_service_token_that_may_write(self, installed: Installed) -> None:
        report = installed.test("wildberries", api_token=make_token(*RIGHTS, kind=SERVICE, read_only=False))
        assert (report.kind, report.read_only) == ("Service token", False)

    def test_a_token_of_the_sandbox_says_so_although_it_is_refused(self, installed: Installed) -> None:
        report = installed.test("wildberries", api_token=make_token(*RIGHTS, test=True))
        assert (report.accepted, report.sandbox) == (False, True)
        assert "test environment" in (report.problem or "")

    def test_an_expired_one(self, installed: Installed) -> None:
        ended = int((NOW - timedelta(days=1)).timestamp())
        report = installed.test("wildberries", api_token=make_token(*RIGHTS, expires_s=ended))
        assert report.accepted is False
        assert "expired" in (report.problem or "")
        assert "Make a new key" in (report.remedy or "")

    def test_a_refused_one_says_what_to_do(self, installed: Installed) -> None:
        report = installed.test("ozon", client_id="1001", api_key="invalid")
        assert (report.accepted, report.streams) == (False, [])
        assert "Make a new key" in (report.remedy or "")

    def test_a_marketplace_that_does_not_answer_has_refused_nothing(
        self, market: Running, migrated_sqlite_url: str, tmp_path: Path
    ) -> None:
        nobody = {"MICORE_OZON_BASE_URL": "http://127.0.0.1:9"}
        made = Installed(market, migrated_sqlite_url, tmp_path, **nobody)
        report = made.test("ozon", client_id="1001", api_key="good")
        made.ready.close()
        assert (report.accepted, report.account) == (None, None)
        assert "the key itself may be good" in (report.remedy or "")


class TestWhatIsLeftOfIt:
    def test_nothing(self, installed: Installed, tmp_path: Path) -> None:
        installed.test("ozon", client_id="1001", api_key=CANARY)
        report = installed.test("ozon", client_id="1001", api_key=CANARY + "+lacks:stock")
        assert CANARY not in repr(report)
        with installed.ready.database.read() as connection:
            assert not list(connection.exec_driver_sql("SELECT * FROM account"))
            assert not list(connection.exec_driver_sql("SELECT * FROM source_key"))
            assert not list(connection.exec_driver_sql("SELECT * FROM raw_page"))
        for file in tmp_path.rglob("*"):
            assert file.is_dir() or CANARY.encode() not in file.read_bytes(), file

    @pytest.mark.parametrize(
        "values", [{"api_key": CANARY}, {"client_id": CANARY, "api_key": "х" + CANARY}, {"password": CANARY}]
    )
    def test_errors_do_not_show_it(self, installed: Installed, values: dict[str, str]) -> None:
        with pytest.raises(MicoreError) as caught:
            installed.test("ozon", **values)
        assert CANARY not in str(caught.value) + repr(caught.value)

    def test_none_beside_a_sync_of_the_same_marketplace(
        self, market: Running, migrated_sqlite_url: str, tmp_path: Path
    ) -> None:
        made = Installed(
            market, migrated_sqlite_url, tmp_path, MICORE_OZON_CLIENT_ID="1001", MICORE_OZON_API_KEY="key-in-force"
        )
        made.ready.sync.request(trigger=Trigger.COMMAND, source="ozon")
        with made.ready.database.write() as connection:
            runs.claim(connection, owner="other", now=int(NOW.timestamp()) * 1_000_000)
        with pytest.raises(ConflictError, match="A sync of ozon is running"):
            made.test("ozon")
        made.ready.close()

    def test_without_a_key_in_the_settings_there_is_nothing_to_test(self, installed: Installed) -> None:
        with pytest.raises(InvalidRequestError, match="a source with a key"):
            installed.test("ozon")


@pytest.mark.parametrize("source", ["ozon", "wildberries"])
def test_the_estimate_is_near_what_the_first_sync_takes(
    source: str, market: Running, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    """Requests of each stream, and the waiting for the limits, which is most of the time at Wildberries."""
    made = Installed(
        market,
        migrated_sqlite_url,
        tmp_path,
        MICORE_OZON_CLIENT_ID="1001",
        MICORE_OZON_API_KEY="key-in-force",
        MICORE_WILDBERRIES_API_TOKEN=make_token(*RIGHTS),
    )
    report = made.test(source)
    assert report.accepted
    assert report.problem is None
    assert report.requests_made < 60
    began = made.hand.seconds
    # Reports on order are made in the marketplace's time, which stands still here.
    streams = [each for each in report.streams if each.stream != "storage_cost"]
    (run,) = made.ready.sync.request(trigger=Trigger.COMMAND, source=source, streams=[each.stream for each in streams])
    assert made.ready.sync.work_once() is not None
    ended = made.ready.sync.run(run.id)
    assert ended.state == RunState.DONE
    waited = made.hand.seconds - began
    with made.ready.database.read() as connection:
        cards = connection.exec_driver_sql("SELECT count(*) FROM listing WHERE archived = false").scalar_one()
        everything = connection.exec_driver_sql("SELECT count(*) FROM listing").scalar_one()
        pages = {
            row.stream: row.pages
            for row in connection.exec_driver_sql("SELECT run_id, stream, pages FROM run_stream")
            if row.run_id == run.id
        }
    assert report.products in (cards, everything)
    for each in streams:
        assert each.requests is not None
        assert pages[each.stream] / FACTOR - 3 <= each.requests <= pages[each.stream] * FACTOR + 12, each
    assert report.seconds is not None
    if source == "wildberries":
        reckoned = sum(each.seconds or 0 for each in streams)
        assert waited / FACTOR <= reckoned <= waited * FACTOR, (waited, reckoned)
    made.ready.close()


def test_the_limits_themselves_are_asked() -> None:
    bucket = TokenBucket(10, 2.0)
    assert seconds_within([bucket], 10, 0.1) == pytest.approx(1.0)
    assert seconds_within([TokenBucket(10, 2.0)], 40, 0.1) == pytest.approx(63, rel=0.05)
    assert seconds_within([TokenBucket(10, 2.0)], 4_000, 0.1) == pytest.approx(4_000 * 2.1, rel=0.05)
