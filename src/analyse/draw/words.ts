import { shownSize, shownSpan } from "#log";

/** `12ms`, `3.4s`, `2m05s`: a span in seconds, short. */
export function spanText(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  return shownSpan(seconds * 1000);
}

/** `12.3%`; nothing of nothing is `-`. */
export function shareText(part: number, all: number): string {
  return all === 0 ? "-" : `${((100 * part) / all).toFixed(1)}%`;
}

/** `1 234 567`: thousands apart, for people. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:[0-9]{3})+$)/g, " ");
}

export const sizeText = shownSize;

/** `up to 0.3s`; the last one is `longer`. */
export function edgeText(upTo: number | null): string {
  return upTo === null ? "longer" : `up to ${edgeWords.get(upTo) ?? `${upTo}s`}`;
}

const edgeWords: ReadonlyMap<number, string> = new Map([
  [60, "1m"],
  [300, "5m"],
  [1800, "30m"],
  [3600, "1h"],
  [21_600, "6h"],
  [86_400, "1d"],
]);
