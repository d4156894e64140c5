/** Light, dark, or as the system says; kept in the browser, written on the root element. */
import { useSyncExternalStore } from "react";
import { recall, remember } from "@/lib/memory";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const dark = () => window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function chosenTheme(): Theme {
  const kept = recall("theme");
  return themes.find((theme) => theme === kept) ?? "system";
}

/** What is seen: never "system". */
export function shownTheme(): "light" | "dark" {
  const chosen = chosenTheme();
  if (chosen !== "system") return chosen;
  return dark().matches ? "dark" : "light";
}

function apply() {
  document.documentElement.dataset.theme = shownTheme();
  for (const listener of listeners) listener();
}

export function chooseTheme(theme: Theme): void {
  remember("theme", theme === "system" ? null : theme);
  apply();
}

/** Called once, before the first paint of the app. */
export function startTheme(): void {
  apply();
  dark().addEventListener("change", apply);
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, chosenTheme);
}
