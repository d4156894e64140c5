/** What every test needs before it starts: matchers, the parts of a browser that jsdom lacks, the fake API. */
import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll } from "vitest";
import { server } from "@/testing/server";

// Whether each element is hidden costs jsdom a style computation; toBeVisible asks it where it matters.
configure({ defaultHidden: true, asyncUtilTimeout: 8000 });

/** The width that media queries see. */
export const screenSize = { width: 1440, dark: false };

function matches(query: string): boolean {
  if (query.includes("prefers-color-scheme: dark")) return screenSize.dark;
  const edge = /max-width: (\d+)px/.exec(query)?.[1];
  return edge !== undefined && screenSize.width <= Number(edge);
}

window.matchMedia = (query) => {
  const media = new EventTarget() as MediaQueryList;
  Object.defineProperties(media, { matches: { get: () => matches(query) }, media: { value: query } });
  return media;
};

class QuietObserver {
  observe() {
    // Nothing is laid out, so nothing is ever seen or resized.
  }
  unobserve() {
    // See above.
  }
  disconnect() {
    // See above.
  }
}
Object.assign(globalThis, { ResizeObserver: QuietObserver, IntersectionObserver: QuietObserver });
window.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;

HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
  this.querySelector<HTMLElement>("button, input")?.focus();
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
};

beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => {
  cleanup();
  server.resetHandlers();
  localStorage.clear();
  screenSize.width = 1440;
  screenSize.dark = false;
  delete document.documentElement.dataset.theme;
});
afterAll(() => server.close());
