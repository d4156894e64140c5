/** Live events: what a publish or a run's progress does to what is shown, and whether the line is up. */
import type { QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useSyncExternalStore } from "react";
import { dataKey, quarantineKey, queries, syncKey } from "@/api/queries";
import type { Run, SyncOverview } from "@/api/types";

export type LiveState = "connecting" | "open" | "lost";

/** The part of EventSource that is used; tests bring their own. */
export interface EventStream {
  readonly readyState: number;
  close(): void;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;
/** A restart of the server is over in less; only then is the reader told. */
const patienceMs = 2_500;
/** The server pings every 15 s, but a ping is no event for us; the browser notices a dead line by itself. */
const closed = 2;

const ended = new Set(["done", "gaps", "failed", "stopped"]);

export const hasEnded = (run: Pick<Run, "state">) => ended.has(run.state);

function withRun(overview: SyncOverview, run: Run): SyncOverview {
  const others = overview.running.filter(({ id }) => id !== run.id);
  const running = hasEnded(run) ? others : [...others, run].sort((a, b) => a.id - b.id);
  return { ...overview, running };
}

/** Listens to `/api/v1/events` and keeps the query cache true. */
export class LiveFeed {
  private stream: EventStream | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private grace: ReturnType<typeof setTimeout> | undefined;
  private attempts = 0;
  private generation: number | null = null;
  private listeners = new Set<() => void>();
  state: LiveState = "connecting";

  constructor(
    private readonly cache: QueryClient,
    private readonly open: () => EventStream = () => new EventSource("/api/v1/events"),
  ) {}

  start(): void {
    // "offline" is not listened to: a server on this machine stays reachable without a network.
    window.addEventListener("online", this.retryNow);
    this.connect();
  }

  stop(): void {
    window.removeEventListener("online", this.retryNow);
    clearTimeout(this.timer);
    clearTimeout(this.grace);
    this.stream?.close();
    this.stream = null;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  retryNow = (): void => {
    if (this.state === "open") return;
    clearTimeout(this.timer);
    this.stream?.close();
    this.connect();
  };

  private connect(): void {
    const stream = this.open();
    this.stream = stream;
    stream.addEventListener("hello", (event) => this.onHello(event));
    stream.addEventListener("publish", (event) => this.onPublish(event));
    stream.addEventListener("run", (event) => this.onRun(event));
    stream.addEventListener("error", () => this.onError(stream));
  }

  private set(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private onHello(event: MessageEvent<string>): void {
    const { generation } = JSON.parse(event.data) as { generation: number };
    clearTimeout(this.grace);
    this.grace = undefined;
    const wasLost = this.attempts > 0 || this.state === "lost";
    this.attempts = 0;
    this.set("open");
    // Events of the time without a line are lost, so a look is due.
    if (wasLost || (this.generation !== null && this.generation !== generation)) {
      void this.cache.invalidateQueries({ queryKey: dataKey });
      void this.cache.invalidateQueries({ queryKey: syncKey });
      void this.cache.invalidateQueries({ queryKey: quarantineKey });
    }
    this.generation = generation;
  }

  private onPublish(event: MessageEvent<string>): void {
    this.generation = (JSON.parse(event.data) as { generation: number }).generation;
    void this.cache.invalidateQueries({ queryKey: dataKey });
    void this.cache.invalidateQueries({ queryKey: queries.sync().queryKey });
  }

  private onRun(event: MessageEvent<string>): void {
    const run = JSON.parse(event.data) as Run;
    this.cache.setQueryData(queries.sync().queryKey, (overview) => overview && withRun(overview, run));
    if (!hasEnded(run)) return;
    void this.cache.invalidateQueries({ queryKey: syncKey });
    // What a run could not believe, or believes by now, waits or has been settled there.
    void this.cache.invalidateQueries({ queryKey: quarantineKey });
  }

  private onError(stream: EventStream): void {
    if (stream !== this.stream) return;
    this.attempts += 1;
    this.grace ??= setTimeout(this.lose, patienceMs);
    // The browser tries again by itself unless the server's answer was no stream at all.
    if (stream.readyState !== closed) return;
    stream.close();
    clearTimeout(this.timer);
    const wait = Math.min(firstRetryMs * 2 ** (this.attempts - 1), longestRetryMs);
    // Spread out, or every open tab knocks at the same instant.
    this.timer = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2));
  }

  private lose = (): void => this.set("lost");
}

export function useLiveState(feed: LiveFeed): LiveState {
  return useSyncExternalStore(feed.subscribe, () => feed.state);
}

const LiveContext = createContext<LiveFeed | null>(null);
export const LiveProvider = LiveContext.Provider;

/** The feed of this page. */
export function useLiveFeed(): LiveFeed {
  const feed = useContext(LiveContext);
  if (!feed) throw new Error("useLiveFeed needs a LiveProvider above it");
  return feed;
}
