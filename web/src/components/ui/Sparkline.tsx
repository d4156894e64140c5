/** Small lines without axes: a product's sales, a category's trend. */

/** Points of a line over `values`, equally spaced in a box; y grows downwards. */
function points(values: readonly number[], width: number, height: number, low: number, high: number, pad: number) {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const span = high - low || 1;
  return values.map((value, index): [number, number] => [
    Math.round(index * step * 10) / 10,
    Math.round((height - pad - ((value - low) / span) * (height - 2 * pad)) * 10) / 10,
  ]);
}

const path = (line: readonly [number, number][]) => `M${line.map(([x, y]) => `${x} ${y}`).join("L")}`;

/** Units sold per day, from zero; the dot is today. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const width = 98;
  const height = 28;
  const line = points(values, width, height, 0, Math.max(1, ...values), 2);
  const today = line.at(-1);
  return (
    <svg
      className="spark"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <path className="z" d={`M0 ${height - 1.5}H${width}`} />
      {line.length > 1 && <path className="a" d={path(line)} />}
      {today && <circle className="d" cx={today[0]} cy={today[1]} r="1.75" />}
    </svg>
  );
}

/** A category over the last days, from zero, so that a small change looks small; its ends stand beside it in figures. */
export function Trend({ values }: { values: readonly number[] }) {
  const width = 200;
  const height = 40;
  const line = points(values, width, height, 0, Math.max(1, ...values), 0.5);
  return (
    <svg className="trend" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path className="area" d={`${path(line)}V${height}H0z`} />
      <path className="l" vectorEffect="non-scaling-stroke" d={path(line)} />
      <path className="base" vectorEffect="non-scaling-stroke" d={`M0 ${height - 0.5}H${width}`} />
    </svg>
  );
}
