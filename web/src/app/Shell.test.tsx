import { act, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { openApp } from "@/testing/render";
import { createShop, productRow } from "@/testing/shop";

const shop = createShop({ rows: [productRow({ id: "item-1", name: "Steel mug", available: 3 })] });
const open = (path = "/sync") => openApp(path, { api: { shop } });

describe("the frame", () => {
  it("shows the shop, the age of its figures and where the reader is, on every page", async () => {
    await open();
    await screen.findByRole("heading", { name: "Sync" });
    expect(screen.getByText("Дом и уют")).toBeVisible();
    expect(screen.getByText("Demo")).toBeVisible();
    expect(screen.getByText("micore 1.0")).toBeVisible();
    expect(await screen.findByText("14:35")).toBeVisible();
    const main = screen.getByRole("navigation", { name: "Main" });
    expect(within(main).getByRole("link", { name: "Sync" })).toHaveAttribute("aria-current", "page");
    expect(within(main).getByRole("link", { name: "Home" })).not.toHaveAttribute("aria-current");
    expect(document.title).toBe("Sync · micore");
  });

  it("names the shop by its accounts where it has no name", async () => {
    const nameless = createShop();
    nameless.meta = { ...nameless.meta, shop_name: "" };
    await openApp("/sync", { api: { shop: nameless } });
    expect(await screen.findByText("Ozon, Wildberries")).toBeVisible();
  });

  it("is walked with g and a letter", async () => {
    const { user, address } = await open();
    await screen.findByRole("heading", { name: "Sync" });
    await user.keyboard("gi");
    await screen.findByRole("heading", { name: "Products" });
    await user.keyboard("gd");
    await screen.findByRole("heading", { name: "What needs a decision" });
    expect(address()).toBe("/");
    await user.keyboard("gs");
    await screen.findByRole("heading", { name: "Sync" });
  });

  it("moves the focus to the page that comes", async () => {
    const { user } = await open();
    await screen.findByRole("heading", { name: "Sync" });
    await user.click(screen.getAllByRole("link", { name: "Products" })[0]!);
    await screen.findByRole("heading", { name: "Products" });
    await waitFor(() => expect(screen.getByRole("main")).toHaveFocus());
  });

  it("lists the keys, and switches single letters off", async () => {
    const { user, address } = await open();
    await screen.findByRole("heading", { name: "Sync" });
    await user.keyboard("?");
    const help = screen.getByRole("dialog", { name: "Keyboard" });
    expect(help).toHaveTextContent("Next row");
    await user.click(within(help).getByRole("checkbox", { name: "Single letters as commands" }));
    await user.click(within(help).getByRole("button", { name: "Close" }));
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    await user.keyboard("gi");
    expect(address()).toBe("/sync");
  });

  it("answers a wrong address with a way back", async () => {
    await open("/nowhere");
    expect(await screen.findByText("This page does not exist")).toBeVisible();
    expect(screen.getByRole("link", { name: "Back to Home" })).toHaveAttribute("href", "/");
  });
});

describe("without a line", () => {
  it("says so, keeps the figures, and tries again", async () => {
    const { feed, user, streams, line } = await open();
    await screen.findByText("14:35");
    expect(screen.getByText("Live updates are on")).toBeVisible();
    act(() => {
      line.readyState = 0;
      line.say("error");
    });
    const notice = await screen.findByText("No connection.");
    expect(feed.state).toBe("lost");
    expect(notice.parentElement).toHaveTextContent("You see the figures of 14:35.");
    await user.click(screen.getByRole("button", { name: "Try now" }));
    expect(streams).toHaveLength(2);
    act(() => streams[1]!.say("hello", { generation: 7 }));
    await waitFor(() => expect(screen.queryByText("You see the figures of 14:35.")).not.toBeInTheDocument());
    expect(screen.getByText("Live updates are on")).toBeVisible();
  });
});

describe("what the reader chooses", () => {
  it("is the language, at once and for the next time", async () => {
    const { user } = await open();
    await screen.findByRole("heading", { name: "Sync" });
    await user.click(screen.getByRole("button", { name: "RU" }));
    expect(await screen.findByRole("heading", { name: "Синхронизация" })).toBeVisible();
    expect(document.documentElement.lang).toBe("ru");
    expect(localStorage.getItem("micore.language")).toBe("ru");
    await user.click(screen.getByRole("button", { name: "FR" }));
    expect(await screen.findByRole("heading", { name: "Synchronisation" })).toBeVisible();
  });

  it("stays in the address when it came from there", async () => {
    const { user, address } = await open("/sync?lang=fr");
    await screen.findByRole("heading", { name: "Sync" });
    await user.click(screen.getAllByRole("link", { name: "Products" })[0]!);
    await waitFor(() => expect(address()).toBe("/products?lang=fr"));
    await user.click(screen.getByRole("button", { name: "RU" }));
    await waitFor(() => expect(address()).toBe("/products?lang=ru"));
  });

  it("is the theme: as the system, light, dark", async () => {
    const { user } = await open();
    await screen.findByRole("heading", { name: "Sync" });
    expect(document.documentElement.dataset.theme).toBe("light");
    await user.click(screen.getByRole("button", { name: "Theme: as the system" }));
    await user.click(screen.getByRole("button", { name: "Theme: light" }));
    expect(document.documentElement.dataset.theme).toBe("dark");
    expect(localStorage.getItem("micore.theme")).toBe("dark");
    await user.click(screen.getByRole("button", { name: "Theme: dark" }));
    expect(document.documentElement.dataset.theme).toBe("light");
    expect(localStorage.getItem("micore.theme")).toBeNull();
  });
});
