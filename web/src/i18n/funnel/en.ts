/** The sales funnel in English, and the shape that the other languages fill. */
import type { Formats } from "@/lib/format";

export const funnel = (f: Formats) => ({
  title: "From opening to purchase",
  asOf: (at: string) => `as of ${at}`,
  step: "Step",
  now: "Last 28 days",
  before: "28 days before",
  days: (told: number, all: number) => `${f.number(told)} of ${f.number(all)} days told`,
  none: "not told",
  opened: "Card opened",
  carted: "Put into cart",
  ordered: "Ordered",
  bought: "Bought",
  cancelled: "Cancelled or returned",
  wished: "To wish list",
  ofOpened: (share: string) => `${share} of openings`,
  ofCarted: (share: string) => `${share} of carts`,
  ofOrdered: (share: string) => `${share} of ended orders`,
  aboveOpened: "several pieces from one opening",
  aboveCarted: "some carts are from earlier days",
  told: "Newest response",
  toldOf: (what: string) => `Newest response: ${what}`,
  note: "Counted by the marketplace, all sizes of the card together. Carts and orders are pieces. What became of an order stands on the day of the order; the share bought is of those that have ended, from days at least 14 days old when last read.",
  nothing: "The marketplace has told of no day in these eight weeks.",
  unknown:
    "No marketplace has told how this product is looked at. Wildberries tells it; Ozon tells it only with a paid subscription.",
});
