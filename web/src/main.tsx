/** Starts the web app: theme before the first paint, first questions before the first component. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { LiveFeed } from "@/api/live";
import { createQueryClient, queries } from "@/api/queries";
import { App } from "@/app/App";
import { createAppRouter } from "@/app/router";
import { loadDictionary, preferredLocale } from "@/i18n";
import { startTheme } from "@/lib/theme";
import "@/styles/tokens.css";
import "@/styles/base.css";
import "@/styles/shell.css";
import "@/styles/list.css";

async function start(): Promise<void> {
  startTheme();
  const element = document.getElementById("root");
  if (!element) throw new Error("index.html has no element with the id root");
  const cache = createQueryClient();
  cache.query(queries.meta()).catch(() => undefined);
  const feed = new LiveFeed(cache);
  feed.start();
  const locale = preferredLocale(new URLSearchParams(window.location.search).get("lang"));
  const dictionary = await loadDictionary(locale);
  createRoot(element).render(
    <StrictMode>
      <App cache={cache} feed={feed} router={createAppRouter(cache)} locale={locale} dictionary={dictionary} />
    </StrictMode>,
  );
}

void start();
