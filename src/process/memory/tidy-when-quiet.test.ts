import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tidyWhenQuiet } from "./tidy-when-quiet.ts";

function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) Math.sqrt(until);
}

test("memory is given back once when work has ended, and again only after more work", async () => {
  let collected = 0;
  tidyWhenQuiet(() => collected++, 400);
  const eventually = async (count: number): Promise<void> => {
    for (let i = 0; i < 100 && collected < count; i++) await sleep(100);
  };
  await eventually(1);
  assert.equal(collected, 1); // The start of a process is work.
  await sleep(1_500);
  assert.equal(collected, 1);
  work(900);
  assert.equal(collected, 1);
  await eventually(2);
  assert.equal(collected, 2);
});

test("without a collector nothing is watched", () => {
  tidyWhenQuiet(null);
  assert.ok(!process.getActiveResourcesInfo().includes("Interval"));
});
