import { screen, waitFor, within } from "@testing-library/react";
import { http } from "msw";
import { describe, expect, it } from "vitest";
import { violations } from "@/testing/axe";
import { someBackups, status } from "@/testing/backups";
import { openApp } from "@/testing/render";
import { problem, server } from "@/testing/server";

describe("the backups", () => {
  it("are shown with what came of each, the newest first, and the page is accessible", async () => {
    const { container } = await openApp("/backups", { api: { backups: someBackups() } });
    const history = await screen.findByRole("region", { name: "History" });
    const rows = within(history).getAllByRole("listitem");
    expect(rows.map((row) => row.querySelector(".status")?.textContent)).toEqual([
      "Failed",
      "Good",
      "File missing",
      "Deleted by age",
      "Not checked",
    ]);
    expect(rows[0]).toHaveTextContent("No backup was made: no room.");
    expect(rows[1]).toHaveTextContent("by schedule12.3 MB123,456 rows2 s");
    expect(rows[1]).toHaveTextContent("micore-backup-20261121-230005Z-1f2e3d4c.tar");
    expect(rows[3]).not.toHaveTextContent(".tar");
    expect(await violations(container)).toEqual([]);
  });

  it("say how they are, what comes next, and where the recovery key is", async () => {
    await openApp("/backups", { api: { backups: someBackups() } });
    const state = await screen.findByRole("region", { name: "State" });
    expect(state).toHaveTextContent("Newest good one12 h 37 min ago");
    expect(state).toHaveTextContent(/Next23 Nov, 02:00/);
    expect(state).toHaveTextContent("30 days, and always the last three");
    const key = screen.getByRole("region", { name: "Recovery key" });
    expect(key).toHaveTextContent("micore backup key");
    expect(key).toHaveTextContent("/srv/micore/recovery.key");
  });

  it("are none at first: the page says what the first one makes", async () => {
    const { container } = await openApp("/backups");
    expect(await screen.findByText("There is no backup yet")).toBeVisible();
    expect(screen.getByRole("region", { name: "Recovery key" })).toHaveTextContent("The first backup makes it.");
    expect(screen.getByRole("region", { name: "State" })).toHaveTextContent("Newest good onenone");
    expect(await violations(container)).toEqual([]);
  });

  it("can be asked for, once at a time, from a page that the syncs lead to", async () => {
    const { user, api } = await openApp("/sync");
    await user.click(await screen.findByRole("link", { name: "Backups" }));
    await user.click(await screen.findByRole("button", { name: "Back up now" }));
    expect(await screen.findByText(/^A backup is being made, since/)).toBeVisible();
    const button = screen.getByRole("button", { name: "Back up now" });
    expect(button).toHaveAttribute("aria-disabled", "true");
    await user.click(button);
    expect(api.started).toEqual(["backup"]);
  });

  it.each([
    ["failed" as const, "The last backup failed"],
    ["late" as const, "A backup is missing"],
  ])("say above all when they %s", async (alarm, title) => {
    await openApp("/backups", { api: { backups: someBackups({ alarm, problem: "Make room." }) } });
    const told = await screen.findByText(title);
    expect(told.closest(".notice")).toHaveTextContent("Make room.");
  });

  it("say that no schedule is set", async () => {
    await openApp("/backups", { api: { backups: { status: status({ schedule: null, next_at: null }), list: [] } } });
    expect(await screen.findByText("No schedule is set")).toBeVisible();
  });

  it("say why one could not be asked for", async () => {
    const refused = http.post("*/api/backup/create", () =>
      problem(409, "Something else is under way", "A backup is being made already; wait for its end."),
    );
    const { user } = await openApp("/backups", { instead: [refused] });
    await user.click(await screen.findByRole("button", { name: "Back up now" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("A backup is being made already");
  });

  it("say what is wrong when they cannot be read, and try again", async () => {
    const broken = http.get("*/api/backup/list", () =>
      problem(503, "The backups cannot be used", "Not a directory", "Set BACKUP_LOCAL_PATH."),
    );
    const { user } = await openApp("/backups", { instead: [broken] });
    const alert = await screen.findByRole("alert", {}, { timeout: 10_000 });
    expect(alert).toHaveTextContent("Set BACKUP_LOCAL_PATH.");
    server.resetHandlers();
    expect(within(alert).getByRole("button", { name: "Try again" })).toBeVisible();
    await user.click(within(alert).getByRole("button", { name: "Try again" }));
  });

  it("stay on the page, said to be old, while the server is away", async () => {
    const { user } = await openApp("/backups", { api: { backups: someBackups() } });
    await screen.findByRole("region", { name: "History" });
    const away = () => problem(409, "Away", "Away");
    server.use(http.get("*/api/backup/status", away), http.post("*/api/backup/create", away));
    await user.click(screen.getByRole("button", { name: "Back up now" }));
    await waitFor(() => expect(screen.getByText(/the server does not answer now/)).toBeVisible());
    expect(screen.getByRole("region", { name: "History" })).toBeVisible();
  });

  it.each([
    ["ru" as const, "История", "Исправна"],
    ["fr" as const, "Historique", "Bonne"],
  ])("speak %s", async (locale, history, good) => {
    await openApp("/backups", { locale, api: { backups: someBackups() } });
    expect(await screen.findByRole("region", { name: history })).toHaveTextContent(good);
  });
});
