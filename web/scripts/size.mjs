/** Fails when the first route's JavaScript and CSS, gzipped, exceed the budget. Prints what every file weighs. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budgetBytes = 200_000;
const out = new URL("../../src/micore/web/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", out), "utf8"));

const weigh = (file) => gzipSync(readFileSync(new URL(file, out)), { level: 9 }).length;

/** The files a chunk brings with it, its static imports included. */
function filesOf(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const sheet of chunk.css ?? []) seen.add(sheet);
  for (const next of chunk.imports ?? []) filesOf(next, seen);
  return seen;
}

// The dictionary of one language and the page itself are loaded beside the entry; the heaviest language counts.
const heaviest = (keys) => keys.sort((a, b) => weigh(manifest[b].file) - weigh(manifest[a].file)).slice(0, 1);
const languages = heaviest(Object.keys(manifest).filter((key) => /src\/i18n\/(en|ru|fr)\.ts$/.test(key)));
const first = new Set(
  ["index.html", "src/features/dashboard/DashboardPage.tsx", ...languages].flatMap((key) => [...filesOf(key)]),
);

let total = 0;
for (const file of first) {
  const bytes = weigh(file);
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(8)} kB  ${file}`);
}
console.log(
  `${(total / 1000).toFixed(1).padStart(8)} kB  first route, gzip, of at most ${(budgetBytes / 1000).toFixed(0)} kB`,
);
if (total > budgetBytes) {
  console.error("The first route is too heavy: load what it does not need later, or find a lighter part.");
  process.exit(1);
}
