"""What a seller does in the browser, on a living shop: read the page, narrow it, open a product, sync."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.support import axe
from tests.support.running import RunningShop

BOTH_WIDTHS = pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
PAGES = pytest.mark.parametrize("path", ["/", "/products", "/sync", "product"])


def row_of(shop: RunningShop, **query: str | int) -> dict[str, Any]:
    """The first product of a listing."""
    rows = shop.get("/api/v1/products", limit=1, **query)["items"]
    assert rows
    first: dict[str, Any] = rows[0]
    return first


def address(shop: RunningShop, path: str) -> str:
    return f"{shop.url}/products/{row_of(shop)['id']}" if path == "product" else shop.url + path


def settled(page: Page, url: str) -> None:
    """Open a page and wait until its figures are there."""
    page.goto(url)
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)


@PAGES
@BOTH_WIDTHS
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    page: Page, shop: RunningShop, viewport: ViewportSize, path: str, colours: str
) -> None:
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    settled(page, address(shop, path))
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], "the page scrolls sideways"


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "What needs a decision"), ("ru", "Что требует решения"), ("fr", None)],
)
def test_every_language_speaks(page: Page, shop: RunningShop, language: str, title: str | None) -> None:
    settled(page, f"{shop.url}/?lang={language}")
    expect(page.locator("html")).to_have_attribute("lang", language)
    if title is not None:
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert axe.violations(page) == []


@BOTH_WIDTHS
def test_home_shows_the_counts_of_the_api(page: Page, shop: RunningShop, viewport: ViewportSize) -> None:
    settled(page, shop.url)
    dashboard = shop.get("/api/v1/dashboard")
    assert {"critical", "low", "overstock"} <= {category["status"] for category in dashboard["categories"]}
    for category in dashboard["categories"]:
        panel = page.locator(f"section.cat.{category['status']}")
        if category["status"] in {"critical", "low", "overstock"}:
            expect(panel.locator(".cat-n .big")).to_have_text(f"{category['products']:,}")
    expect(page.locator(".asof")).to_contain_text(re.compile(r"\d\d:\d\d"))


def test_show_all_shows_all_and_top_10_ten(page: Page, shop: RunningShop) -> None:
    dashboard = shop.get("/api/v1/dashboard")
    category = max(dashboard["categories"], key=lambda each: each["products"] * (each["status"] != "normal"))
    status, count = category["status"], category["products"]
    assert count > 10, "the shop is too small for this test"
    settled(page, f"{shop.url}/?status={status}")
    rows = page.locator("#exceptions tbody tr[data-id], #exceptions tbody tr:has(a)")
    expect(rows).to_have_count(10)
    panel = page.locator(f"section.cat.{status}")
    panel.get_by_text("Show all", exact=True).click()
    expect(rows).to_have_count(min(count, 300))
    page.reload()
    expect(rows).to_have_count(min(count, 300))
    panel.get_by_text("Top 10", exact=True).click()
    expect(rows).to_have_count(10)


@pytest.mark.parametrize("by", ["name", "code", "barcode"])
def test_search_finds_and_opens_a_product(page: Page, shop: RunningShop, by: str) -> None:
    row = row_of(shop, sort="-sold")
    detail = shop.get(f"/api/v1/products/{row['id']}")
    barcodes = [code for listing in detail["listings"] for code in listing["barcodes"]]
    text = {"name": row["name"][:14].upper(), "code": row["code"], "barcode": barcodes[0]}[by]
    settled(page, shop.url)
    page.keyboard.press("/")
    page.keyboard.type(text)
    expect(page).to_have_url(re.compile(r"/products\?.*q="))
    page.get_by_role("link", name=row["name"]).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(row["name"])


@BOTH_WIDTHS
def test_stock_by_place_adds_up(page: Page, shop: RunningShop, viewport: ViewportSize) -> None:
    row = row_of(shop, sort="-sold")
    detail = shop.get(f"/api/v1/products/{row['id']}")
    known = [place["available"] for place in detail["places"] if place["available"] is not None]
    assert sum(known) == detail["product"]["available"]
    settled(page, f"{shop.url}/products/{row['id']}")
    for place in detail["places"]:
        expect(page.get_by_text(place["place"]).first).to_be_attached()


def test_why_leads_to_the_stored_answer(page: Page, shop: RunningShop) -> None:
    row = row_of(shop, sort="-available")
    why = shop.get(f"/api/v1/products/{row['id']}/why")
    assert why["value"] == row["available"] == sum(part["value"] or 0 for part in why["parts"])
    settled(page, f"{shop.url}/products/{row['id']}")
    page.keyboard.press("w")
    expect(page).to_have_url(re.compile(r"why"))
    endpoint = next(part["endpoint"] for part in why["parts"] if part["endpoint"])
    expect(page.get_by_text(endpoint).first).to_be_visible()


def test_filters_live_in_the_address(page: Page, shop: RunningShop) -> None:
    low = shop.get("/api/v1/products", status="low", limit=1)
    settled(page, f"{shop.url}/products?status=low")
    expect(page.locator("main")).to_contain_text(f"{low['total']:,} of")
    page.get_by_role("link", name=low["items"][0]["name"]).first.wait_for()
    page.go_back()
    page.go_forward()
    expect(page.locator("main")).to_contain_text(f"{low['total']:,} of")


def test_nothing_found_says_so(page: Page, shop: RunningShop) -> None:
    settled(page, f"{shop.url}/products?q=zzzzzz")
    expect(page.get_by_text("Nothing found for “zzzzzz”")).to_be_visible()


def test_unknown_address_leads_home(page: Page, shop: RunningShop) -> None:
    page.goto(f"{shop.url}/no/such/page")
    page.locator("main").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


WRONG_VALUES = [
    "/?sort=foo",
    "/?status=foo&place=abc",
    "/products?status=foo",
    "/products?status=[]&place=abc",
    "/products?sort=bar&state=foo",
    "product?range=abc&view=foo&why=foo",
    "/sync?findings=foo",
]


@pytest.mark.parametrize("path", WRONG_VALUES)
def test_wrong_values_in_the_address_fall_back(page: Page, shop: RunningShop, path: str) -> None:
    way, _, query = path.partition("?")
    settled(page, f"{address(shop, way)}?{query}")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("NaN")


def test_an_id_that_is_none_is_no_product(page: Page, shop: RunningShop, expected: list[str]) -> None:
    # The browser tells of every refusal on its console, at a moment of its own.
    expected.append("status of 422")
    page.goto(f"{shop.url}/products/foo")
    expect(page.get_by_role("heading", name="There is no such product")).to_be_visible()


def test_sync_by_button_updates_an_open_dashboard_by_itself(page: Page, shop: RunningShop) -> None:
    """One window watches the dashboard, another presses the button; the first one changes without a reload."""
    settled(page, shop.url)
    before = shop.get("/api/v1/dashboard")["generation"]
    page.evaluate("window.notReloaded = true")
    other = page.context.new_page()
    other.goto(f"{shop.url}/sync")
    with page.expect_response(lambda answer: answer.url.endswith("/api/v1/dashboard"), timeout=60_000):
        other.get_by_role("button", name="Sync now", exact=True).click()
    assert shop.get("/api/v1/dashboard")["generation"] > before
    assert page.evaluate("window.notReloaded") is True
    expect(other.get_by_role("button", name="Sync now", exact=True)).to_be_enabled(timeout=60_000)


@pytest.mark.parametrize(("keys", "path"), [("gi", "/products"), ("gs", "/sync"), ("gd", "/")])
def test_keys_move_between_pages(page: Page, shop: RunningShop, keys: str, path: str) -> None:
    settled(page, shop.url + ("/sync" if path == "/" else "/"))
    for key in keys:
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(re.escape(shop.url + path) + r"($|\?)"))


def test_first_route_is_light(page: Page, shop: RunningShop) -> None:
    """What a first visit carries over the wire, compressed, script and style together: below 200 kB."""
    sizes: dict[str, int] = {}
    page.on(
        "response",
        lambda answer: (
            sizes.update({answer.url: answer.request.sizes()["responseBodySize"]})
            if answer.request.resource_type in {"script", "stylesheet"}
            else None
        ),
    )
    settled(page, shop.url)
    assert sizes
    assert sum(sizes.values()) < 200_000
