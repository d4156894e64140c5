/** Four equal bands (critical, low, normal, over): the current band full, bands passed pale. */
import type { ProductRow, StatusThresholds } from "@/api/types";
import { Figure } from "@/components/ui/Figure";
import { useI18n } from "@/i18n";

const band = 25;
const gap = 2;

/** How far into the bar a quantity reaches: index of its band, and the share of that band, 0 to 1. */
export function bandOf(available: number, { critical_max, low_max, normal_max }: StatusThresholds): [number, number] {
  const edges = [0, critical_max, low_max, normal_max];
  let index = 0;
  while (index < 3 && available > (edges[index + 1] ?? Infinity)) index += 1;
  const from = edges[index] ?? 0;
  // The last band has no edge; it is full at four times its start.
  const to = edges[index + 1] ?? from * 4;
  return [index, Math.min(1, Math.max(0, (available - from) / Math.max(1, to - from)))];
}

interface Props {
  available: number | null;
  status: ProductRow["status"];
  thresholds: StatusThresholds;
}

export function StockBar({ available, status, thresholds }: Props) {
  const { t, f } = useI18n();
  const text = f.number(available);
  const [index, share] = available === null ? [-1, 0] : bandOf(available, thresholds);
  return (
    <div className="stock">
      <svg
        className={`bar ${status}`}
        viewBox="0 0 106 8"
        preserveAspectRatio="none"
        role="img"
        aria-label={t.table.availableLabel(text)}
      >
        {[0, 1, 2, 3].map((one) => (
          <rect key={one} className="t" x={one * (band + gap)} width={band} height="8" rx="1" />
        ))}
        {[0, 1, 2, 3].map((one) => {
          if (one > index) return null;
          // A last unit must still be seen.
          const width = one < index ? band : share > 0 ? Math.max(2, share * band) : 0;
          return (
            <rect
              key={one}
              className={one < index ? "p" : "f"}
              x={one * (band + gap)}
              width={width}
              height="8"
              rx="1"
            />
          );
        })}
      </svg>
      <b>
        <Figure>{text}</Figure>
      </b>
    </div>
  );
}
