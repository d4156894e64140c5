/** Opens the real app at an address, against the fake API, with a live line that the test holds. */
import { createMemoryHistory } from "@tanstack/react-router";
import { act, render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { HttpHandler } from "msw";
import { vi } from "vitest";
import { LiveFeed, type EventStream } from "@/api/live";
import { createQueryClient } from "@/api/queries";
import { App } from "@/app/App";
import { createAppRouter } from "@/app/router";
import { loadDictionary, type Dictionary } from "@/i18n";
import type { Locale } from "@/lib/format";
import { startTheme } from "@/lib/theme";
import { createApi, handlersOf, server, type FakeApi } from "@/testing/server";
import { now } from "@/testing/shop";

/** A line that the test speaks into. */
export class FakeStream implements EventStream {
  readyState = 1;
  private readonly listeners = new Map<string, ((event: MessageEvent<string>) => void)[]>();

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }

  close(): void {
    this.readyState = 2;
  }

  say(type: string, data: unknown = {}): void {
    const event = new MessageEvent<string>(type, { data: JSON.stringify(data) });
    for (const listener of this.listeners.get(type) ?? []) listener(event);
  }
}

interface Options {
  api?: Partial<FakeApi>;
  locale?: Locale;
  dictionary?: Dictionary;
  /** Handlers that win over those of the fake API. */
  instead?: HttpHandler[];
}

export async function openApp(path: string, { api: part = {}, locale = "en", dictionary, instead = [] }: Options = {}) {
  // The clock stands at the moment the shop's data is two minutes old; timers run as they always do.
  vi.useFakeTimers({ now, toFake: ["Date"] });
  const api = createApi(part);
  server.use(...instead, ...handlersOf(api));
  const cache = createQueryClient();
  const streams: FakeStream[] = [];
  const feed = new LiveFeed(cache, () => {
    const stream = new FakeStream();
    streams.push(stream);
    return stream;
  });
  startTheme();
  feed.start();
  const history = createMemoryHistory({ initialEntries: [path] });
  const router = createAppRouter(cache, history);
  const words = dictionary ?? (await loadDictionary(locale));
  const view = render(<App cache={cache} feed={feed} router={router} locale={locale} dictionary={words} />);
  const line = streams[0];
  if (!line) throw new Error("the feed opened no line");
  act(() => line.say("hello", { generation: 7 }));
  return {
    ...view,
    api,
    feed,
    router,
    line,
    streams,
    user: userEvent.setup({ delay: null }),
    /** The address as the reader would see it. */
    address: () => router.history.location.href,
  };
}
