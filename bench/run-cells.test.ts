import assert from "node:assert/strict";
import { test } from "node:test";
import { mainCells } from "./cells.ts";
import type { Run } from "./measure.ts";
import type { Contender, ContenderName } from "./peers/server.ts";
import { runCell } from "./run-cells.ts";

const server = (name: ContenderName): Contender => ({
  name,
  version: "1",
  start: () => Promise.reject(new Error("nothing is started here")),
});
const run = (rate: number, noise: number): Run => ({
  ...{ messages: 1000, rate, acceptedRate: rate, userPer1000: 1, systemPer1000: 1 },
  ...{ peakRssMb: 1, pssMb: 1, processes: 1, noise },
});
const how = { length: { warmSeconds: 0, seconds: 0, maxSeconds: 0, patience: "none" }, work: "" } as const;
const cell = mainCells[0]!;

test("servers take turns, and who goes first alternates", async () => {
  const order: string[] = [];
  const entries = [
    { contender: server("Quail"), runs: 2 },
    { contender: server("Postfix"), runs: 2 },
    { contender: server("bare"), runs: 1 },
  ];
  const { runs } = await runCell(cell, entries, { ...how, extra: 0 }, ({ name }) => {
    order.push(name);
    return Promise.resolve(run(1, 0));
  });
  assert.deepEqual(order, ["Quail", "Postfix", "bare", "Postfix", "Quail"]);
  assert.equal(runs.bare?.length, 1);
});

test("a noisy run is made again; when none is left to be made, the least noisy are taken", async () => {
  const noises = [0.5, 0, 0.3, 0.9];
  let at = 0;
  const { runs } = await runCell(cell, [{ contender: server("Quail"), runs: 3 }], { ...how, extra: 1 }, () => {
    const noise = noises[at++]!;
    return Promise.resolve(run(at, noise));
  });
  assert.deepEqual(
    runs.Quail?.map(({ noise }) => noise),
    [0, 0.3, 0.5],
  );
});

test("a server that fails twice is not asked again; the others go on, and what it did before counts", async () => {
  let asked = 0;
  const entries = [
    { contender: server("Quail"), runs: 4 },
    { contender: server("Exim"), runs: 4 },
  ];
  const { runs, failures } = await runCell(cell, entries, { ...how, extra: 0 }, ({ name }) => {
    if (name === "Quail") return Promise.resolve(run(1, 0));
    asked += 1;
    return asked === 1 ? Promise.resolve(run(2, 0)) : Promise.reject(new Error("it fell over\nand more"));
  });
  assert.equal(asked, 3);
  assert.deepEqual([runs.Quail?.length, runs.Exim?.length], [4, 1]);
  assert.deepEqual(failures, { Exim: "it fell over" });
});
