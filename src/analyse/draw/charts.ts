import { shownTime } from "#log";
import { html, type Markup } from "./markup.ts";
import { countText } from "./words.ts";

/** Sizes in the picture's own units; the page stretches it to its width. */
const width = 860;
const height = 220;
const left = 64;
const right = 8;
const top = 12;
const bottom = 26;
const plotWidth = width - left - right;
const plotHeight = height - top - bottom;

/** Which colour of the style sheet a series has. */
export type Ink = "good" | "late" | "bad" | "calm";
export type Series = { readonly name: string; readonly ink: Ink; readonly values: readonly number[] };

const at = (value: number): number => Math.round(value * 10) / 10;

/** A scale's upper end that is easy to read: 1, 2 or 5 times a power of ten, at least `max`. */
export function niceMax(max: number): number {
  if (max <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return ([1, 2, 5, 10].find((step) => step * power >= max * 0.999) ?? 10) * power;
}

/** Numbers of an axis, as few characters as possible. */
function axisText(value: number): string {
  if (value >= 1e9) return `${value / 1e9}G`;
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e4) return `${value / 1e3}k`;
  return String(Number(value.toPrecision(3)));
}

function frame(
  title: string,
  max: number,
  times: readonly number[],
  cellSeconds: number,
  drawn: readonly Markup[],
): Markup {
  const lines = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = at(top + plotHeight * (1 - share));
    return html`<line class="grid" x1="${left}" x2="${width - right}" y1="${y}" y2="${y}"/><text class="axis" text-anchor="end" x="${left - 6}" y="${y + 4}">${axisText(max * share)}</text>`;
  });
  const marks = times.length === 0 ? [] : [0, Math.floor(times.length / 2), times.length - 1];
  const anchors = ["start", "middle", "end"] as const;
  const labels = [...new Set(marks)].map((index, n) => {
    const x = at(left + (plotWidth * (index + 0.5)) / times.length);
    const moment = shownTime(new Date(times[index]! * 1000));
    return html`<text class="axis" text-anchor="${anchors[n] ?? "end"}" x="${x}" y="${height - 8}">${cellSeconds >= 86_400 ? moment.slice(0, 10) : moment.slice(0, 16)}</text>`;
  });
  return html`<svg role="img" viewBox="0 0 ${width} ${height}" aria-label="${title}"><title>${title}</title>${lines}${labels}${drawn}</svg>`;
}

export type TimeChart = {
  readonly title: string;
  /** When each cell begins, seconds since 1970. */
  readonly times: readonly number[];
  readonly cellSeconds: number;
  readonly series: readonly Series[];
};

/** Bars over time, one series on top of the other. */
export function stackedBars({ title, times, cellSeconds, series }: TimeChart): Markup {
  const sums = times.map((_, cell) => series.reduce((sum, { values }) => sum + (values[cell] ?? 0), 0));
  const max = niceMax(Math.max(0, ...sums));
  const step = plotWidth / Math.max(1, times.length);
  const bars = times.map((time, cell) => {
    let y = top + plotHeight;
    const parts = series.map(({ ink, values }) => {
      const tall = (plotHeight * (values[cell] ?? 0)) / max;
      y -= tall;
      if (tall === 0) return html``;
      return html`<rect class="${ink}" x="${at(left + cell * step)}" y="${at(y)}" width="${at(Math.max(0.6, step - (step > 4 ? 1 : 0)))}" height="${at(Math.max(tall, 0.4))}"/>`;
    });
    const told = series.map(({ name, values }) => `${name} ${countText(values[cell] ?? 0)}`).join(", ");
    return html`<g><title>${shownTime(new Date(time * 1000))}: ${told}</title>${parts}</g>`;
  });
  return frame(title, max, times, cellSeconds, bars);
}

/** A line over time; cells without a value (NaN) leave a gap. */
export function lineOverTime({ title, times, cellSeconds, series }: TimeChart): Markup {
  const known = series.flatMap(({ values }) => values.filter((value) => !Number.isNaN(value)));
  const max = niceMax(Math.max(0, ...known));
  const step = plotWidth / Math.max(1, times.length);
  const lines = series.map(({ ink, values }) => {
    let path = "";
    values.forEach((value, cell) => {
      if (Number.isNaN(value)) return;
      const isFirst = cell === 0 || Number.isNaN(values[cell - 1]);
      const isAlone = isFirst && (cell === values.length - 1 || Number.isNaN(values[cell + 1]));
      const point = `${at(left + (cell + 0.5) * step)} ${at(top + plotHeight * (1 - value / max))}`;
      path += `${isFirst ? "M" : "L"}${point}${isAlone ? "h1" : ""}`;
    });
    return html`<path class="line ${ink}" d="${path}"/>`;
  });
  return frame(title, max, times, cellSeconds, lines);
}

const rowHeight = 22;
const labelWidth = 300;
const numberWidth = 90;
/** Longer labels are cut; the table below the chart has them whole. */
const labelChars = 44;

export type BarRow = { readonly name: string; readonly parts: readonly (readonly [Ink, number])[] };

/** Lying bars with their names to the left and their sums to the right. */
export function lyingBars(title: string, rows: readonly BarRow[]): Markup {
  const sums = rows.map(({ parts }) => parts.reduce((sum, [, value]) => sum + value, 0));
  const max = Math.max(1, ...sums);
  const room = width - labelWidth - numberWidth;
  const drawn = rows.map(({ name, parts }, row) => {
    let x = labelWidth;
    const y = row * rowHeight;
    const bars = parts.map(([ink, value]) => {
      const wide = (room * value) / max;
      const bar = html`<rect class="${ink}" x="${at(x)}" y="${y + 4}" width="${at(value > 0 ? Math.max(wide, 0.8) : 0)}" height="${rowHeight - 8}"/>`;
      x += wide;
      return bar;
    });
    const label = name.length > labelChars ? `${name.slice(0, labelChars - 1)}…` : name;
    return html`<g><title>${name}: ${countText(sums[row]!)}</title><text class="label" text-anchor="end" x="${labelWidth - 8}" y="${y + 15}">${label}</text>${bars}<text class="label" x="${at(x + 6)}" y="${y + 15}">${countText(sums[row]!)}</text></g>`;
  });
  const tall = Math.max(1, rows.length) * rowHeight;
  return html`<svg role="img" viewBox="0 0 ${width} ${tall}" aria-label="${title}"><title>${title}</title>${drawn}</svg>`;
}
