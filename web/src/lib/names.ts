/** Names that stay as the seller knows them, in every language. */

const titles: Record<string, string> = { ozon: "Ozon", wildberries: "Wildberries" };
const badges: Record<string, string> = { ozon: "Ozon", wildberries: "WB" };

const capital = (source: string) => source.charAt(0).toUpperCase() + source.slice(1);

/** "ozon-2", the slot of a second account, as what it is of and its number. */
function parts(source: string): [string, string] {
  const found = /^(.+)-([2-9]|[1-9][0-9])$/.exec(source);
  return found ? [found[1] ?? source, ` ${found[2]}`] : [source, ""];
}

/** "wildberries" as "Wildberries", "ozon-2" as "Ozon 2". */
export function sourceTitle(source: string): string {
  const [plugin, number] = parts(source);
  return (titles[plugin] ?? capital(plugin)) + number;
}

/** "wildberries" as "WB", where there is little room. */
export const sourceBadge = (source: string) => badges[source] ?? capital(source);

interface Account {
  source: string;
  /** The account as the seller knows it. */
  name: string;
}

/** "Ozon"; with the account behind it only where a marketplace has several. */
export function accountTitle(one: Account, all: readonly Account[]): string {
  const several = all.filter(({ source }) => source === one.source).length > 1;
  return several ? `${sourceTitle(one.source)} · ${one.name}` : sourceTitle(one.source);
}

/** One or two letters that stand for a product that has no picture. */
export function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  return (words[0]?.slice(0, 1) ?? "") + (words[1]?.slice(0, 1) ?? "");
}
