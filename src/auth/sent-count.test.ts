import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSendingLimits, SentCount } from "./sent-count.ts";

const hour = 3_600_000;

test("messages and recipients of a user are limited by the hour, and come back as time goes by", () => {
  const limits = parseSendingLimits("2:10:0:0")!;
  const sent = new SentCount();
  assert.equal(sent.spend("joe", 5, limits, 0), true);
  assert.equal(sent.spend("joe", 5, limits, 0), true);
  assert.equal(sent.spend("joe", 1, limits, 0), false, "two messages an hour");
  assert.equal(sent.spend("ann", 11, limits, 0), false, "ten recipients an hour");
  assert.equal(sent.spend("ann", 10, limits, 0), true);
  assert.equal(sent.spend("joe", 5, limits, hour / 2), true, "one has come back");
  assert.equal(sent.spend("joe", 1, limits, hour / 2), false);
});

test("the day's limit holds when the hour's does not, and the next process knows what was sent", () => {
  const limits = parseSendingLimits("0:0:3:0")!;
  const sent = new SentCount();
  for (let i = 0; i < 3; i++) assert.equal(sent.spend("joe", 1000, limits, 0), true);
  const next = new SentCount(JSON.parse(JSON.stringify(sent.state(hour))));
  assert.equal(next.spend("joe", 1, limits, hour), false);
  assert.equal(next.spend("joe", 1, limits, 9 * hour), true);
  assert.deepEqual(sent.state(25 * hour), [], "who has sent nothing for a day is forgotten");
});

for (const text of ["", "1:2:3", "1:2:3:4:5", "a:1:1:1", "-1:1:1:1"]) {
  test(`${JSON.stringify(text)} is no limit`, () => assert.equal(parseSendingLimits(text), null));
}
