import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tidyWhenQuiet } from "./tidy-when-quiet.ts";

function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) Math.sqrt(until);
}

test("memory is given back once the start is over, and again only a good while after more work", async () => {
  let collected = 0;
  tidyWhenQuiet(() => collected++, 400, 1_600);
  const eventually = async (count: number): Promise<void> => {
    for (let i = 0; i < 200 && collected < count; i++) await sleep(100);
  };
  await eventually(1);
  assert.equal(collected, 1);
  await sleep(2_000);
  assert.equal(collected, 1);
  work(900);
  await sleep(800);
  assert.equal(collected, 1); // Quiet again, but compiled code may be wanted in a moment.
  await eventually(2);
  assert.equal(collected, 2);
});

test("a process that has work from the start keeps its compiled code", async () => {
  let collected = 0;
  tidyWhenQuiet(() => collected++, 400, 100_000);
  work(900);
  await sleep(2_000);
  assert.equal(collected, 0);
});
