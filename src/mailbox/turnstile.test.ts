import assert from "node:assert/strict";
import { test } from "node:test";
import { Turnstile } from "./turnstile.ts";

test("turns come one at a time, in order, and per key", async () => {
  const turnstile = new Turnstile();
  const order: string[] = [];
  const pass = async (key: string, name: string): Promise<void> => {
    const leave = await turnstile.take(key, 10_000);
    order.push(`${name} in`);
    await new Promise((done) => setImmediate(done));
    order.push(`${name} out`);
    leave!();
  };
  await Promise.all([pass("k", "a"), pass("k", "b"), pass("other", "x"), pass("k", "c")]);
  assert.deepEqual(
    order.filter((step) => !step.startsWith("x")),
    ["a in", "a out", "b in", "b out", "c in", "c out"],
  );
  assert.ok(order.indexOf("x in") < order.indexOf("a out"));
});

test("who waits too long gives up his place and holds nobody up", async () => {
  const turnstile = new Turnstile();
  const first = await turnstile.take("k", 10_000);
  const second = turnstile.take("k", 20);
  const third = turnstile.take("k", 10_000);
  assert.equal(await second, null);
  first!();
  const leave = await third;
  assert.notEqual(leave, null);
  leave!();
});
