import assert from "node:assert/strict";
import { test } from "node:test";
import { mainCells } from "../cells.ts";
import type { Run } from "../measure.ts";
import type { CellRuns } from "../run-cells.ts";
import { chart } from "./chart.ts";

const run = (rate: number, cpu: number): Run => ({
  ...{ messages: 1000, rate, acceptedRate: rate, userPer1000: cpu / 2, systemPer1000: cpu / 2 },
  ...{ peakRssMb: 1, pssMb: 1, processes: 1, noise: 0 },
});

const row: CellRuns = {
  cell: mainCells[0]!,
  runs: { Quail: [run(2000, 0.5), run(3000, 0.7), run(2500, 0.6)], Postfix: [run(500, 3)], bare: [run(9000, 0.1)] },
  failures: { Exim: "did not start" },
};

test("the chart has a bar for each server that was measured, as long as its median, and says what the ceiling was", () => {
  const picture = chart([row], 'a <"machine">') ?? "";
  const bars = [...picture.matchAll(/<rect class="(\w+)" x="\d+" y="\d+" width="([0-9.]+)"/g)].map((bar) => ({
    name: bar[1],
    width: Number(bar[2]),
  }));
  assert.deepEqual(
    bars.map(({ name }) => name),
    ["Quail", "Postfix", "Quail", "Postfix"],
  );
  assert.ok(Math.abs(bars[0]!.width / bars[1]!.width - 2500 / 500) < 0.01);
  assert.ok(Math.abs(bars[3]!.width / bars[2]!.width - 3 / 0.6) < 0.01);
  assert.match(
    picture,
    /into Maildir, 10 KB, 20 sessions, one per connection {2}\(a server that does nothing: 9000\/s\)/,
  );
  assert.match(picture, /a &lt;&quot;machine&quot;&gt;/);
  assert.match(picture, /prefers-color-scheme: dark/);
});

test("without a measurement there is no chart", () => {
  assert.equal(chart([], ""), null);
  assert.equal(chart([{ cell: mainCells[0]!, runs: {}, failures: {} }], ""), null);
});
