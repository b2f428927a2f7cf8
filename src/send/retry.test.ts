import assert from "node:assert/strict";
import { test } from "node:test";
import { isLastPass, nextRetryMs } from "./retry.ts";

/** Attempts of a message whose every pass starts exactly when it is due, in seconds of age. */
function schedule(channel: "local" | "remote", count: number): readonly number[] {
  const birthMs = 1_700_000_000_000;
  const ages = [0];
  while (ages.length < count)
    ages.push((nextRetryMs(channel, birthMs, birthMs + ages.at(-1)! * 1000) - birthMs) / 1000);
  return ages;
}

test("remote attempts come at 0, 400, 1600, 3600 ... seconds of age [Q-067]", () => {
  assert.deepEqual(schedule("remote", 11), [0, 400, 1600, 3600, 6400, 10000, 14400, 19600, 25600, 32400, 40000]);
});

test("local attempts come at 0, 100, 400, 900 ... seconds of age [Q-068]", () => {
  assert.deepEqual(schedule("local", 11), [0, 100, 400, 900, 1600, 2500, 3600, 4900, 6400, 8100, 10000]);
});

test("a pass that starts late is followed by one that fits its true age, not by a burst", () => {
  const birthMs = 1_700_000_000_000;
  assert.equal(nextRetryMs("remote", birthMs, birthMs + 5_000_000), birthMs + (70 + 20) ** 2 * 1000);
});

test("with the default lifetime the pass at 608400 s is the last of both channels", () => {
  assert.equal(isLastPass(0, 604_800_000, 604_800), false);
  assert.equal(isLastPass(0, 604_801_000, 604_800), true);
  const remote = schedule("remote", 41);
  assert.equal(
    remote.findIndex((age) => isLastPass(0, age * 1000, 604_800)),
    39,
  );
  assert.equal(remote[39], 608_400);
  const local = schedule("local", 80);
  assert.equal(
    local.findIndex((age) => isLastPass(0, age * 1000, 604_800)),
    78,
  );
});

test("a lifetime of 0 leaves the first attempt and ends with the first pass a second later [Q-070]", () => {
  assert.equal(isLastPass(5_000, 5_900, 0), false);
  assert.equal(isLastPass(5_000, 6_000, 0), true);
});

test("an expired message, whose age counts from 0, is in its last pass", () => {
  assert.equal(isLastPass(0, 1_700_000_000_000, 604_800), true);
});
