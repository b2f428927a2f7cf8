import assert from "node:assert/strict";
import { test } from "node:test";
import { mainCells } from "../cells.ts";
import type { Run } from "../measure.ts";
import type { CellRuns } from "../run-cells.ts";
import { costTable, othersTable, speedTable, syncsTable } from "./cells-table.ts";

const run = (rate: number, cpu: number, noise = 0): Run => ({
  ...{ messages: 1000, rate, acceptedRate: rate + 1, userPer1000: cpu / 4, systemPer1000: (cpu * 3) / 4 },
  ...{ peakRssMb: 100, pssMb: null, processes: 1, noise },
});
const into = (flow: string) => mainCells.find((cell) => cell.flow === flow && cell.sessions === 20)!;
const rows: readonly CellRuns[] = [
  {
    cell: into("maildir"),
    runs: {
      Quail: [run(2900, 0.5), run(3000, 0.6), run(3100, 0.4, 0.2)],
      Postfix: [run(500, 3)],
      bare: [run(6000, 0.1)],
    },
    failures: { Exim: "it fell over" },
  },
  { cell: into("sink"), runs: { Quail: [run(1500, 1)] }, failures: { Postfix: "no answer" } },
];

test("a row has medians, the ratio to Postfix, its target, and the ceiling of the same load", () => {
  const [first, second] = speedTable(rows).rows;
  assert.deepEqual(first?.slice(0, 10), [
    ...["maildir", "10", "20", "one", "3000 (2900-3100)", "500", "6.00x", "6x (4x)", "6000", "0.500"],
  ]);
  assert.equal(first?.at(-1), "1 of 4");
  assert.deepEqual(second?.slice(4, 10), ["1500", "failed: no answer", "-", "4x (3x)", "6000", "0.250"]);
});

test("CPU is compared the other way round: how much less Quail needs", () => {
  assert.deepEqual(costTable(rows).rows[0]?.slice(4, 9), ["0.500", "0.125+0.375", "3.00", "0.750+2.25", "6.00x"]);
});

test("a server that failed or could not take part has a row with the reason", () => {
  const { heads, rows: lines } = othersTable(rows, [{ name: "OpenSMTPD", absent: "not root" }]);
  assert.deepEqual(lines[0]?.slice(0, 7), ["Exim", "maildir", "10", "20", "one", "failed: it fell over", "-"]);
  assert.deepEqual(lines[1]?.slice(0, 3), ["OpenSMTPD", "left out: not root", "-"]);
  for (const line of lines) assert.equal(line.length, heads.length);
});

test("syncs stand for the servers that were traced", () => {
  const { heads, rows: lines } = syncsTable([{ cell: into("maildir"), syncs: { Quail: 0.31, OpenSMTPD: 0 } }]);
  assert.deepEqual(heads.slice(4), ["Quail", "OpenSMTPD", "target for Quail"]);
  assert.deepEqual(lines[0]?.slice(4), ["0.310", "0", "-"]);
});
