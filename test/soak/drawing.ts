/** Lines over time as an SVG, without any library. */

/** One line: its name and a value for each sample. */
export type Line = { readonly name: string; readonly values: readonly number[] };

/** A panel of lines that share a scale. */
export type Panel = { readonly title: string; readonly unit: string; readonly lines: readonly Line[] };

const width = 960;
const panelHeight = 190;
const left = 60;
const right = 170;
const top = 50;
const colours = ["#2f81d6", "#d9822b", "#7a9a3f", "#a071c4", "#c0392b", "#16a085", "#7f8c8d"] as const;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #222 } .title { font-weight: 600; font-size: 16px } .quiet { fill: #666 }
  .axis { stroke: #999 } .grid { stroke: #ddd } polyline { fill: none; stroke-width: 1.4 }
  @media (prefers-color-scheme: dark) { text { fill: #e6e6e6 } .quiet { fill: #a8a8a8 } .grid { stroke: #444 } }
`;

/** The next round number above. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((round) => round >= value) ?? 10 * power;
}

function drawPanel({ title, unit, lines }: Panel, y: number, seconds: number): string {
  const most = ceiling(Math.max(1, ...lines.flatMap(({ values }) => values.reduce((a, b) => Math.max(a, b), 0))));
  const bottom = y + panelHeight - 40;
  const x = (at: number, count: number): number => left + ((width - left - right) * at) / Math.max(1, count - 1);
  const height = (value: number): number => bottom - ((bottom - y) * value) / most;
  const grid = [0, 0.5, 1].map((part) => {
    const level = height(most * part).toFixed(1);
    return `<line class="grid" x1="${left}" x2="${width - right}" y1="${level}" y2="${level}"/><text class="quiet" x="${left - 6}" y="${Number(level) + 4}" text-anchor="end">${most * part}</text>`;
  });
  const drawn = lines.map(({ name, values }, n) => {
    const colour = colours[n % colours.length];
    const points = values
      .map((value, at) => `${x(at, values.length).toFixed(1)},${height(value).toFixed(1)}`)
      .join(" ");
    const last = values.at(-1) ?? 0;
    return `<polyline points="${points}" stroke="${colour}"/><text x="${width - right + 10}" y="${y + 12 + 16 * n}" style="fill:${colour}">${name} ${last.toFixed(last < 10 ? 1 : 0)}</text>`;
  });
  return `<text x="${left}" y="${y - 8}" font-weight="600">${title}, ${unit}</text>${grid.join("")}${drawn.join("")}
<text class="quiet" x="${width - right}" y="${bottom + 16}" text-anchor="end">${(seconds / 60).toFixed(1)} minutes</text>`;
}

/** The whole picture. */
export function drawing(title: string, panels: readonly Panel[], seconds: number): string {
  const height = top + panels.length * panelHeight + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>${style}</style><text class="title" x="16" y="24">${title}</text>
${panels.map((panel, n) => drawPanel(panel, top + 12 + n * panelHeight, seconds)).join("\n")}
</svg>
`;
}
