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

/** Stands where there is no figure. */
export const none = "-";

/** A figure, or a dash. */
export const shown = (value: number | null): string => (value === null ? none : figure(value));

/** A whole number, or a dash. */
export const whole = (value: number | null): string => (value === null ? none : String(Math.round(value)));

/** The median of what there is; null for nothing. */
export function middle(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : median(there);
}

/** Median with minimum and maximum: `512 (378-534)`; one value alone stands alone. */
export function spread(values: readonly number[]): string {
  const [first] = values;
  if (first === undefined) return none;
  if (values.length === 1) return figure(first);
  return `${figure(median(values))} (${figure(Math.min(...values))}-${figure(Math.max(...values))})`;
}

/** `upper / lower`; null if either is missing. */
export function quotient(upper: number | null, lower: number | null): number | null {
  return upper === null || lower === null || lower === 0 ? null : upper / lower;
}

/** `1.41x`, or a dash. */
export function times(value: number | null): string {
  return value === null ? none : `${figure(value)}x`;
}
