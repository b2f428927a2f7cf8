/** Bars and sparklines of block characters: each character is one cell of a terminal wide. */

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;
const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** A bar of exactly `cells` cells: blocks for `value` of `max`, blanks for the rest. What is not nothing shows. */
export function bar(value: number, max: number, cells: number): string {
  if (max <= 0 || value <= 0) return " ".repeat(cells);
  const length = Math.max(1, Math.min(cells * 8, Math.round((value / max) * cells * 8)));
  const drawn = "█".repeat(length >> 3) + eighths[length & 7]!;
  return drawn + " ".repeat(cells - drawn.length);
}

/** A line of exactly as many cells as there are values; nothing is a blank, and what is not nothing shows. */
export function sparkline(values: readonly number[], max: number): string {
  return values
    .map((value) => (value <= 0 || max <= 0 ? " " : heights[Math.min(7, Math.floor((value / max) * 8))]!))
    .join("");
}

/** Values summed up into at most `cells` groups of equal length (the last may be shorter). */
export function grouped(values: readonly number[], cells: number): readonly number[] {
  const size = Math.max(1, Math.ceil(values.length / cells));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, at) =>
    values.slice(at * size, (at + 1) * size).reduce((sum, value) => sum + value, 0),
  );
}
