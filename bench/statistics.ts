/** The middle value; the mean of the two middle ones of an even number. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = Math.floor(sorted.length / 2);
  const lower = sorted.length % 2 === 0 ? upper - 1 : upper;
  return ((sorted[lower] ?? NaN) + (sorted[upper] ?? NaN)) / 2;
}

/** Three significant digits, no exponent: `512`, `3.30`, `0.0410`, `5310`. */
export function figure(value: number): string {
  if (value === 0) return "0";
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
