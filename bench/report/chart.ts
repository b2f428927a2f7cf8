/** `results.svg`: messages a second and CPU per message as bars, drawn without any library. */
import type { Cell } from "../cells.ts";
import type { ContenderName } from "../peers/server.ts";
import type { CellRuns } from "../run-cells.ts";
import { bareRate, cpuOf } from "./cells-table.ts";
import { figure, median } from "./statistics.ts";

/** One bar: the median, and how far single runs were from it. */
type Bar = { readonly name: ContenderName; readonly middle: number; readonly least: number; readonly most: number };
type Group = { readonly title: string; readonly rate: readonly Bar[]; readonly cpu: readonly Bar[] };

const drawn: readonly ContenderName[] = ["Quail", "Postfix", "OpenSMTPD", "Exim"];

const width = 980;
const margin = 16;
const headHeight = 84;
const footHeight = 16;
const barHeight = 13;
const barGap = 3;
const titleHeight = 20;
const groupGap = 12;
const nameWidth = 76;
/** Room right of the longest bar for its figure. */
const figureWidth = 52;
const panels = { rate: { x: margin + nameWidth, width: 480 }, cpu: { x: 600, width: 364 } } as const;

/** Middle tones, readable on white and on black; words and lines follow the reader's colour scheme. */
const style = `
  text { font: 12px system-ui, sans-serif; fill: #222 }
  .title { font-weight: 600; font-size: 16px } .group { font-weight: 600 } .quiet { fill: #666 }
  .axis { stroke: #999; stroke-width: 1 } .spread { stroke: #222; stroke-width: 1.2; opacity: .6 }
  .Quail { fill: #2f81d6 } .Postfix { fill: #d9822b } .OpenSMTPD { fill: #7a9a3f } .Exim { fill: #a071c4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6 } .quiet { fill: #a8a8a8 } .axis { stroke: #777 } .spread { stroke: #fff }
  }
`;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function titleOf({ flow, sizeKb, sessions, perConnection }: Cell, ceiling: number | null): string {
  const where = flow === "maildir" ? "into Maildir" : "relayed to a sink";
  const who = `${sessions} session${sessions === 1 ? "" : "s"}`;
  const bare = ceiling === null ? "" : `  (a server that does nothing: ${figure(ceiling)}/s)`;
  return `${where}, ${sizeKb} KB, ${who}, ${perConnection} per connection${bare}`;
}

function groupsOf(rows: readonly CellRuns[]): readonly Group[] {
  return rows.flatMap((row) => {
    const bars = (of: (run: NonNullable<CellRuns["runs"]["Quail"]>[number]) => number): readonly Bar[] =>
      drawn.flatMap((name) => {
        const values = (row.runs[name] ?? []).map(of);
        if (values.length === 0) return [];
        return [{ name, middle: median(values), least: Math.min(...values), most: Math.max(...values) }];
      });
    const rate = bars((run) => run.rate);
    if (rate.length === 0) return [];
    return [{ title: titleOf(row.cell, bareRate(rows, row.cell)), rate, cpu: bars(cpuOf) }];
  });
}

/** A bar with its name, figure and spread; names stand in the left panel only. */
function barLine(bar: Bar, y: number, panel: { readonly x: number; readonly width: number }, scale: number): string {
  const long = (value: number): string => (panel.x + value * scale).toFixed(1);
  const centre = y + barHeight / 2;
  const text = y + barHeight - 2.5;
  return [
    `<rect class="${bar.name}" x="${panel.x}" y="${y}" width="${Math.max(1, bar.middle * scale).toFixed(1)}" height="${barHeight}" rx="2"/>`,
    bar.most > bar.least
      ? `<line class="spread" x1="${long(bar.least)}" x2="${long(bar.most)}" y1="${centre}" y2="${centre}"/>`
      : "",
    `<text x="${(panel.x + Math.max(bar.middle, bar.most) * scale + 5).toFixed(1)}" y="${text}">${figure(bar.middle)}</text>`,
  ].join("");
}

function groupLines(group: Group, top: number, scales: { readonly rate: number; readonly cpu: number }): string {
  const first = top + titleHeight;
  const y = (at: number): number => first + at * (barHeight + barGap);
  const end = y(group.rate.length) - barGap;
  const axis = (x: number): string => `<line class="axis" x1="${x}" x2="${x}" y1="${first - 2}" y2="${end + 2}"/>`;
  return [
    `<text class="group" x="${margin}" y="${top + 13}">${escaped(group.title)}</text>`,
    ...group.rate.map(
      ({ name }, at) =>
        `<text x="${panels.rate.x - 6}" y="${y(at) + barHeight - 2.5}" text-anchor="end">${name}</text>`,
    ),
    ...group.rate.map((bar, at) => barLine(bar, y(at), panels.rate, scales.rate)),
    ...group.cpu.map((bar, at) => barLine(bar, y(at), panels.cpu, scales.cpu)),
    axis(panels.rate.x),
    axis(panels.cpu.x),
  ].join("\n");
}

const heightOf = (group: Group): number => titleHeight + group.rate.length * (barHeight + barGap) + groupGap;

/** The picture, or null if there is nothing to draw. `machine` is one line that says where this was measured. */
export function chart(rows: readonly CellRuns[], machine: string): string | null {
  const groups = groupsOf(rows);
  if (groups.length === 0) return null;
  const longest = (bars: readonly Bar[]): number => Math.max(...bars.map((bar) => bar.most), 0);
  const scales = {
    rate: (panels.rate.width - figureWidth) / longest(groups.flatMap((group) => group.rate)),
    cpu: (panels.cpu.width - figureWidth) / longest(groups.flatMap((group) => group.cpu)),
  };
  let top = headHeight;
  const bodies = groups.map((group) => {
    const lines = groupLines(group, top, scales);
    top += heightOf(group);
    return lines;
  });
  const height = top + margin + footHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Messages per second and CPU time per message of mail servers">
<style>${style}</style>
<text class="title" x="${margin}" y="26">Quail beside other mail servers</text>
<text class="quiet" x="${margin}" y="44">${escaped(machine)}</text>
<text class="group" x="${panels.rate.x}" y="${headHeight - 12}">messages per second, more is better</text>
<text class="group" x="${panels.cpu.x}" y="${headHeight - 12}">CPU seconds per 1,000 messages, less is better</text>
${bodies.join("\n")}
<text class="quiet" x="${margin}" y="${height - margin}">Thin lines: slowest to fastest run. All but OpenSMTPD have the message on disk before they say 250.</text>
</svg>
`;
}
