import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { done, permanent, temporary } from "#mail";
import type { NewMessage } from "#queue";
import { type Bench, bench, until } from "./testing.ts";

/** Numbers must be reserved before a message may do without the store. */
async function readyBench(...given: Parameters<typeof bench>): Promise<Bench> {
  const b = bench(...given);
  b.store.nextId();
  b.store.flush();
  return b;
}

/** What the sender hears, as it comes: "250" or the reason why not. */
function accept(b: Bench, message: NewMessage): string[] {
  const heard: string[] = [];
  b.scheduler.accept(message, 1000, (error) => heard.push(error === null ? "250" : error.message));
  return heard;
}

/** Recipients of the store that are due, as it would be found after a crash. */
function stored(b: Bench): readonly string[] {
  const from = { dueAtMs: -1, id: 0, index: 0 };
  return b.store.due("local", Number.MAX_SAFE_INTEGER, from, 100).map(({ address }) => address);
}

test("a message that arrives while its sender waits is never stored, and is logged like any other", async (t) => {
  const b = await readyBench(t);
  const heard = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => b.given.local.length === 1, "the delivery");
  assert.equal(b.given.local[0]?.job.awaited, true);
  assert.deepEqual([heard, stored(b)], [[], []], "no word before it has arrived");
  b.given.local[0]?.end(done("did 1+0+0\n"));
  await until(() => heard.length > 0, "the answer");
  b.store.flush();
  assert.deepEqual([heard, stored(b)], [["250"], []]);
  assert.deepEqual(b.lines.slice(-7), [
    "new msg 2",
    "info msg 2: bytes 17 from <s@a.test> qp 2 uid 1000",
    "starting delivery 1: msg 2 to local joe@b.test",
    "status: local 1/10 remote 0/20",
    "delivery 1: success: did_1+0+0/",
    "status: local 0/10 remote 0/20",
    "end msg 2",
  ]);
});

test("a message that cannot be delivered now is stored before its sender is answered, and tried again", async (t) => {
  const b = await readyBench(t);
  const heard = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => b.given.local.length === 1, "the delivery");
  b.given.local[0]?.end(temporary("later\n"));
  await until(() => heard.length > 0, "the answer");
  assert.deepEqual([heard, stored(b)], [["250"], ["joe@b.test"]]);
  assert.ok(b.lines.includes("delivery 1: deferral: later/"));
  await until(() => b.store.flush() && b.store.deferred(2).length === 1, "what became of it, written down");
  b.clock.ms++;
  b.scheduler.hurry();
  await until(() => b.given.local.length === 1, "the second attempt");
  assert.equal(b.given.local[0]?.job.again, true, "the first may have got through");
  assert.equal(b.given.local[0]?.job.awaited, false);
});

test("one that fails for good is stored, answered, and bounced", async (t) => {
  const b = await readyBench(t);
  const heard = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => b.given.local.length === 1, "the delivery");
  b.given.local[0]?.end(permanent("no such user\n"));
  await until(() => b.bounces.length === 1, "the bounce");
  assert.deepEqual(heard, ["250"]);
});

test("a courier that is lost on the way costs neither the message nor its sender the answer", async (t) => {
  const b = await readyBench(t);
  const heard = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => b.given.local.length === 1, "the delivery");
  b.given.local[0]?.end("lost");
  await until(() => heard.length > 0, "the answer");
  assert.deepEqual([heard, stored(b)], [["250"], ["joe@b.test"]]);
});

test("without word for 200 ms the message is stored; a success that comes later ends it; the mailbox is not waited for again", async (t) => {
  const b = await readyBench(t);
  const heard = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => heard.length > 0, "the answer");
  assert.deepEqual([heard, stored(b)], [["250"], ["joe@b.test"]]);
  const next = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => next.length > 0, "the answer of the next");
  assert.equal(stored(b).length, 2, "stored at once");
  const others = accept(b, b.message("s@a.test", ["ann@b.test"]));
  assert.equal(b.given.local.length, 3);
  for (const given of [...b.given.local]) given.end(done("did 1+0+0\n"));
  await until(() => b.lines.filter((line) => line.startsWith("end msg")).length === 3, "the ends");
  b.store.flush();
  assert.deepEqual([others, stored(b)], [["250"], []]);
  b.clock.ms += 1_000;
  accept(b, b.message("s@a.test", ["joe@b.test"]));
  assert.equal(b.given.local[0]?.job.awaited, true, "after a while it gets another chance");
});

test("what has several recipients, one elsewhere, or no free courier, is stored first", async (t) => {
  const b = await readyBench(t, { concurrency: { local: 1, remote: 20 } });
  const messages = [
    b.message("s@a.test", ["joe@b.test", "ann@b.test"]),
    b.message("s@a.test", ["joe@far.test"], "remote"),
    b.message("s@a.test", ["ann@b.test"]), // The one slot is taken.
  ];
  for (const message of messages) {
    const heard = accept(b, message);
    await until(() => heard.length > 0, "the answer");
    assert.deepEqual(heard, ["250"]);
  }
  assert.ok([...b.given.local, ...b.given.remote].every(({ job }) => !job.awaited));
});

test("if the disk refuses to store what could not be delivered, its sender hears so and nothing of it is kept", async (t) => {
  const b = await readyBench(t);
  const other = new DatabaseSync(join(b.home, "queue", "queue.db"));
  t.after(() => other.close());
  other.exec("CREATE TRIGGER full BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  const heard = accept(b, b.message("s@a.test", ["joe@b.test"]));
  await until(() => b.given.local.length === 1, "the delivery");
  b.given.local[0]?.end(temporary("later\n"));
  await until(() => b.lines.includes("end msg 2"), "the end");
  assert.deepEqual([heard, stored(b)], [["disk full"], []]);
  b.scheduler.hurry();
  await b.scheduler.stop();
  assert.equal(b.given.local.length, 0);
});

test("an admin's command touches nothing that is not stored", async (t) => {
  const b = await readyBench(t);
  const message = b.message("s@a.test", ["joe@b.test"]);
  const heard = accept(b, message);
  await until(() => b.given.local.length === 1, "the delivery");
  assert.deepEqual([b.scheduler.remove(message.id), b.scheduler.hold(message.id)], [0, 0]);
  b.given.local[0]?.end(done("did 1+0+0\n"));
  await until(() => heard.length > 0, "the answer");
  assert.deepEqual(heard, ["250"]);
});
