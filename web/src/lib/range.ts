/** How many days a chart shows when nobody asked: fewer on a phone rather than smaller text. */
import type { Range } from "@/lib/url-state";

export const usualRange = (): Range => (window.matchMedia("(max-width: 720px)").matches ? 30 : 90);
