import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { DurableBatch } from "./durable-batch.ts";

const folder = tmpdir();
const device = statSync(folder).dev;
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** A sync that ends when the test says so. */
function heldSync() {
  const running: { readonly end: (ok?: boolean) => void; readonly fail: (error: Error) => void }[] = [];
  let begun = 0;
  const sync = (): Promise<boolean> => {
    begun++;
    return new Promise((resolve, reject) => running.push({ end: (ok = true) => resolve(ok), fail: reject }));
  };
  return { sync, running, begun: () => begun };
}

test("those who settle in one turn share a sync", async () => {
  const held = heldSync();
  const batch = new DurableBatch(held.sync, 0);
  const settled = [1, 2, 3].map(() => batch.enter(device, folder).settle("in company"));
  await turn();
  await turn();
  assert.equal(held.begun(), 1);
  held.running[0]!.end();
  await Promise.all(settled);
  assert.equal(held.begun(), 1);
});

test("one who settles during a sync waits for the next, and two never run at once", async () => {
  const held = heldSync();
  const batch = new DurableBatch(held.sync, 0);
  const first = batch.enter(device, folder).settle("in company");
  await turn();
  await turn();
  let late = "waiting";
  const second = batch
    .enter(device, folder)
    .settle("in company")
    .then(() => {
      late = "settled";
    });
  await turn();
  await turn();
  assert.equal(held.begun(), 1);
  held.running[0]!.end();
  await first;
  await turn();
  await turn();
  assert.equal(late, "waiting");
  assert.equal(held.begun(), 2);
  held.running[1]!.end();
  await second;
});

test("a sync that fails fails everyone who waited for it, and no one after", async () => {
  const held = heldSync();
  const batch = new DurableBatch(held.sync, 0);
  const settled = [1, 2].map(() => batch.enter(device, folder).settle("in company"));
  await turn();
  await turn();
  held.running[0]!.fail(new Error("EIO"));
  for (const one of settled) await assert.rejects(one, /EIO/);
  const next = batch.enter(device, folder).settle("in company");
  await turn();
  await turn();
  held.running[1]!.end();
  await next;
});

function descriptorsOn(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // The descriptor that listed them.
    }
  }).length;
}

test("no descriptor stays open once everyone has settled or left", { skip: process.platform !== "linux" }, async () => {
  const batch = new DurableBatch(async () => true);
  const before = descriptorsOn(folder);
  const places = [1, 2, 3].map(() => batch.enter(device, folder));
  assert.equal(descriptorsOn(folder), before + 1);
  const [first, second, third] = places as [(typeof places)[0], (typeof places)[0], (typeof places)[0]];
  first.leave();
  await Promise.all([second.settle("in company"), third.settle("in company")]);
  await turn();
  assert.equal(descriptorsOn(folder), before);
});

test("a lone delivery waits a moment for company; with enough of them nobody waits", async () => {
  const held = heldSync();
  const patient = new DurableBatch(held.sync, 60_000);
  const few = [1, 2, 3, 4].map(() => patient.enter(device, folder).settle("in company"));
  for (let n = 0; n < 5; n++) await turn();
  assert.equal(held.begun(), 0, "four wait for company");
  const more = [1, 2, 3, 4, 5, 6, 7, 8].map(() => patient.enter(device, folder).settle("in company"));
  for (let n = 0; n < 5; n++) await turn();
  assert.equal(held.begun(), 1, "twelve are enough");
  held.running[0]!.end();
  await Promise.all([...few, ...more]);
  const short = new DurableBatch(held.sync, 5);
  const alone = short.enter(device, folder).settle("in company");
  for (const deadline = performance.now() + 10_000; held.begun() < 2 && performance.now() < deadline; ) await turn();
  held.running[1]!.end();
  await alone;
});

test("while a sender waits nobody waits long for company, and one who was alone three times not at all", async () => {
  const held = heldSync();
  const batch = new DurableBatch(held.sync, 60_000);
  let begun = 0;
  const settled = async (count: number): Promise<void> => {
    const all = Array.from({ length: count }, () => batch.enter(device, folder).settle("soon"));
    for (const deadline = performance.now() + 20_000; held.begun() === begun && performance.now() < deadline; )
      await turn();
    assert.equal(held.begun(), ++begun);
    held.running[begun - 1]!.end();
    await Promise.all(all);
  };
  await settled(2); // It does not wait the minute.
  for (let n = 0; n < 3; n++) await settled(1);
  const alone = batch.enter(device, folder).settle("soon");
  for (let n = 0; n < 3; n++) await turn();
  assert.equal(held.begun(), begun + 1, "at once");
  held.running[begun]!.end();
  await alone;
});
