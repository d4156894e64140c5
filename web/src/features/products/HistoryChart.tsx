/** Sales and stock as two lanes on one time axis; where stock was out is hatched, with its length in words. */
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { area, curveStepAfter, line } from "d3-shape";
import { useId, useState } from "react";
import type { HistoryDay } from "@/api/types";
import { bars, firstReading, isOut, stretches, ticks, totals, weekly, type Stretch } from "@/features/products/series";
import { useI18n } from "@/i18n";
import { useWidth } from "@/lib/hooks";

const left = 34;
const right = 8;
const salesTop = 38;
const salesHeight = 146;
const stockTop = 220;
const stockHeight = 90;
const stockBottom = stockTop + stockHeight;
const height = stockBottom + 22;
const letterPx = 6.4;

type Scale = ScaleLinear<number, number>;

interface Frame {
  days: readonly HistoryDay[];
  width: number;
  /** Left edge of a day by its index. */
  x: Scale;
  sales: Scale;
  stock: Scale;
}

const salesBottom = salesTop + salesHeight;

function frameOf(days: readonly HistoryDay[], width: number): Frame {
  const most = Math.max(4, ...bars(days).map((bar) => bar.sold));
  const full = Math.max(4, ...days.map((day) => day.stock_end ?? 0));
  return {
    days,
    width,
    x: scaleLinear([0, days.length], [left, width - right]),
    sales: scaleLinear([0, most], [salesBottom, salesTop]).nice(4),
    stock: scaleLinear([0, full], [stockBottom, stockTop]).nice(2),
  };
}

/** Whole numbers only: half a unit is not sold. */
const whole = (scale: Scale, count: number) => scale.ticks(count).filter((value) => Number.isInteger(value));

function Grid({ scale, count, width }: { scale: Scale; count: number; width: number }) {
  const { f } = useI18n();
  return whole(scale, count).map((value) => (
    <g key={value}>
      <path className={value === 0 ? "axis" : "grid"} d={`M${left} ${scale(value)}H${width - right}`} />
      <text x={left - 8} y={scale(value) + 4} textAnchor="end">
        {f.number(value)}
      </text>
    </g>
  ));
}

function Outages({ frame, pattern }: { frame: Frame; pattern: string }) {
  const { t } = useI18n();
  const found = stretches(frame.days);
  const label = (stretch: Stretch) => t.product.outDays(stretch.days);
  // The longest first; a label that would touch another one is told on hover instead.
  const edge = frame.width - right - t.product.today.length * letterPx - 12;
  const taken: [number, number][] = [];
  const middles = new Map<Stretch, number>();
  for (const stretch of [...found].sort((a, b) => b.days - a.days)) {
    const half = (label(stretch).length * letterPx) / 2 + 4;
    const wished = (frame.x(stretch.from) + frame.x(stretch.to + 1)) / 2;
    const middle = Math.max(left + half, Math.min(wished, edge - half));
    const [from, to] = [middle - half, middle + half];
    if (taken.some(([a, b]) => from < b && to > a)) continue;
    taken.push([from, to]);
    middles.set(stretch, middle);
  }
  return found.map((stretch) => {
    const x = frame.x(stretch.from);
    const width = Math.max(1, frame.x(stretch.to + 1) - x);
    return (
      <g key={stretch.from}>
        <title>{label(stretch)}</title>
        <rect className="out" x={x} y={salesTop} width={width} height={stockBottom - salesTop} />
        <rect fill={`url(#${pattern})`} x={x} y={salesTop} width={width} height={stockBottom - salesTop} />
        {middles.has(stretch) && (
          <text x={middles.get(stretch)} y={salesTop - 6} textAnchor="middle">
            {label(stretch)}
          </text>
        )}
      </g>
    );
  });
}

function Sales({ frame: { days, x, sales } }: { frame: Frame }) {
  const drawn = bars(days).filter((bar) => bar.sold > 0);
  const shape = (incomplete: boolean) =>
    drawn
      .filter((bar) => bar.incomplete === incomplete)
      .map((bar) => {
        const from = x(bar.from);
        const to = x(bar.to + 1);
        const gap = Math.min(2, (to - from) * 0.2);
        return `M${(from + gap / 2).toFixed(1)} ${salesBottom}V${sales(bar.sold).toFixed(1)}H${(to - gap / 2).toFixed(1)}V${salesBottom}z`;
      })
      .join("");
  return (
    <>
      <path className="ac" d={shape(false)} />
      <path className="ac part" d={shape(true)} />
    </>
  );
}

function Stock({ frame: { days, x, stock, width } }: { frame: Frame }) {
  const { t } = useI18n();
  const first = firstReading(days);
  if (first < 0) {
    return (
      <text x={(left + width) / 2} y={stockTop + stockHeight / 2 + 4} textAnchor="middle">
        {t.product.noReadings}
      </text>
    );
  }
  // A day's level holds to its end, so the last one gets an edge of its own.
  const steps = days.flatMap((day, index) => (day.stock_end === null ? [] : [{ at: index, level: day.stock_end }]));
  const last = steps.at(-1);
  if (last) steps.push({ at: days.length, level: last.level });
  const shape = area<{ at: number; level: number }>()
    .x((step) => x(step.at))
    .y0(stockBottom)
    .y1((step) => stock(Math.max(0, step.level)))
    .curve(curveStepAfter);
  const edge = line<{ at: number; level: number }>()
    .x((step) => x(step.at))
    .y((step) => stock(Math.max(0, step.level)))
    .curve(curveStepAfter);
  const start = x(first);
  return (
    <>
      <path className="stkf" d={shape(steps) ?? ""} />
      <path className="stk" d={edge(steps) ?? ""} />
      {first > 0 && (
        <>
          <path className="first" d={`M${start} ${stockTop - 4}V${stockBottom}`} />
          {start - left > t.product.noReadings.length * letterPx + 8 && (
            <text x={(left + start) / 2} y={stockTop + stockHeight / 2 + 4} textAnchor="middle">
              {t.product.noReadings}
            </text>
          )}
        </>
      )}
    </>
  );
}

function Axis({ frame: { days, x, width } }: { frame: Frame }) {
  const { t, f } = useI18n();
  const today = x(days.length - 1);
  const most = Math.max(2, Math.floor((width - left - right) / 76));
  return (
    <>
      {ticks(days.length, most).map((index) => {
        const day = days[index]?.day ?? "";
        const at = (x(index) + x(index + 1)) / 2;
        return (
          <g key={index}>
            <path className="axis" d={`M${at} ${stockBottom}v4`} />
            <text x={at} y={stockBottom + 17} textAnchor={at < left + 24 ? "start" : "middle"}>
              {f.day(day)}
            </text>
          </g>
        );
      })}
      <path className="today" d={`M${(today + x(days.length)) / 2} ${salesTop - 4}V${stockBottom}`} />
      <text className="mark halo" x={width - right} y={salesTop - 8} textAnchor="end">
        {t.product.today}
      </text>
    </>
  );
}

/** A day in words: what the pointer or the arrow keys rest on. */
function useDayWords() {
  const { t, f } = useI18n();
  return (day: HistoryDay) => {
    const stock = isOut(day) ? t.product.legendOut : `${t.product.legendStock} ${f.number(day.stock_end)}`;
    const sold = `${t.product.legendSold} ${f.number(day.ordered)}`;
    return [f.day(day.day, true), sold, ...(day.incomplete ? [t.product.incomplete] : []), stock].join(" · ");
  };
}

function Cursor({ frame: { days, x, width }, index }: { frame: Frame; index: number }) {
  const words = useDayWords();
  const day = days[index];
  if (!day) return null;
  const at = (x(index) + x(index + 1)) / 2;
  const text = words(day);
  const half = (text.length * letterPx) / 2 + 8;
  const middle = Math.min(width - right - half, Math.max(left + half, at));
  return (
    <g pointerEvents="none">
      <path className="cursor" d={`M${at} ${salesTop}V${stockBottom}`} />
      <rect className="tip" x={middle - half} y={salesBottom + 6} width={half * 2} height="22" rx="4" />
      <text className="mark" x={middle} y={salesBottom + 21} textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

export function HistoryChart({ days }: { days: readonly HistoryDay[] }) {
  const { t, f } = useI18n();
  const words = useDayWords();
  const [box, width] = useWidth<HTMLDivElement>(760);
  const [cursor, setCursor] = useState<number | null>(null);
  const pattern = useId();
  const frame = frameOf(days, width);
  const { sold, incomplete, out, stock } = totals(days);
  const last = days.length - 1;
  const focus = cursor === null ? last : Math.min(cursor, last);
  const summary = t.product.chartSummary(
    f.day(days[0]?.day ?? ""),
    f.day(days[last]?.day ?? ""),
    sold,
    out,
    f.number(stock),
  );
  const lane = weekly(days.length) ? t.product.salesLaneWeek : t.product.salesLane;
  const day = days[focus];

  const onKeyDown = (event: React.KeyboardEvent) => {
    const step: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      PageUp: -7,
      PageDown: 7,
      Home: -last,
      End: last,
    };
    const by = step[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setCursor(Math.min(last, Math.max(0, focus + by)));
  };
  const onPointer = (event: React.PointerEvent) => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const index = Math.floor(frame.x.invert(at));
    setCursor(index >= 0 && index <= last ? index : null);
  };

  return (
    <>
      <p className="sr">{summary}</p>
      <div
        className="chart"
        ref={box}
        role="slider"
        tabIndex={0}
        aria-label={t.product.cursor}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={focus}
        aria-valuetext={day && words(day)}
        onKeyDown={onKeyDown}
        onBlur={() => setCursor(null)}
        onPointerMove={onPointer}
        onPointerLeave={() => setCursor(null)}
      >
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          <defs>
            <pattern id={pattern} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect className="hatch" width="1.2" height="6" />
            </pattern>
          </defs>
          <Outages frame={frame} pattern={pattern} />
          <Grid scale={frame.sales} count={4} width={width} />
          <Grid scale={frame.stock} count={2} width={width} />
          <Sales frame={frame} />
          <Stock frame={frame} />
          <Axis frame={frame} />
          <text className="lane" x={left} y="14">
            {lane}
          </text>
          <text className="lane" x={left} y={stockTop - 12}>
            {t.product.stockLane}
          </text>
          {cursor !== null && <Cursor frame={frame} index={focus} />}
        </svg>
      </div>
      <p className="legend" aria-hidden="true">
        <span>
          <svg viewBox="0 0 18 12">
            <rect x="3" y="2" width="4" height="10" fill="var(--actual-soft)" />
            <rect x="9" y="5" width="4" height="7" fill="var(--actual-soft)" />
          </svg>
          {t.product.legendSold}
        </span>
        <span>
          <svg viewBox="0 0 18 12">
            <path d="M0 4h9v5h9" fill="none" stroke="var(--actual)" strokeWidth="1.5" />
          </svg>
          {t.product.legendStock}
        </span>
        {incomplete > 0 && (
          <span>
            <svg viewBox="0 0 18 12">
              <rect className="part" x="3" y="2" width="10" height="10" fill="var(--actual-soft)" />
            </svg>
            {t.product.legendIncomplete(incomplete)}
          </span>
        )}
        {out > 0 && (
          <span>
            <svg viewBox="0 0 18 12">
              <rect width="18" height="12" fill="var(--stockout)" />
              <rect width="18" height="12" fill={`url(#${pattern})`} />
            </svg>
            {t.product.legendOut}
          </span>
        )}
      </p>
    </>
  );
}

export default HistoryChart;
