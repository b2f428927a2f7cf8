import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Address, parseAddress } from "#mail";
import { bodyFile, createBodyFile, largeBodyBytes } from "./bodies.ts";
import { readQueue } from "./read-queue.ts";
import type { Channel } from "./records.ts";
import { type NewMessage, openStore, type QueueStore } from "./store.ts";

const start = { dueAtMs: -1, id: 0, index: 0 };
const address = (text: string): Address => parseAddress(text)!;

function freshHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "quail-store-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const noComplaint = (line: string): void => assert.fail(line);

const add = (store: QueueStore, message: NewMessage): Promise<void> =>
  new Promise((stored, refused) => store.add(message, (error) => (error === null ? stored() : refused(error))));

function smallMessage(
  store: QueueStore,
  to: readonly string[],
  channel: Channel = "local",
  bornAtMs = 1_000,
): NewMessage {
  return {
    id: store.nextId(),
    bornAtMs,
    sender: address("s@a.test"),
    body: { kind: "bytes", bytes: Buffer.from("Subject: x\n\nbody\n") },
    recipients: to.map((name) => ({
      address: address(name),
      channel,
      destination: channel === "local" ? "" : (name.split("@")[1] ?? ""),
    })),
  };
}

test("a number that was used outside of the store is not given again after a crash", (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const first = store.nextId();
  assert.equal(store.isReserved(first), false, "nothing is on disk yet");
  store.flush();
  assert.equal(store.isReserved(first), true);
  let last = first;
  for (let n = 0; n < 10_000; n++) {
    const id = store.nextId();
    if (store.isReserved(id)) last = id;
    else store.flush(); // It comes by itself some milliseconds after half of the numbers are used.
  }
  // No close: this is what a kill -9 leaves behind.
  const again = openStore(home, noComplaint);
  assert.ok(again.nextId() > last);
  again.close();
});

test("a message that was added survives a second opening without a clean close", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const message = smallMessage(store, ["joe@b.test", "ann@b.test"]);
  await add(store, message);
  // No close(): what a kill -9 leaves behind is what the second opening sees.
  const again = openStore(home, noComplaint);
  const due = again.due("local", 1_000, start, 10);
  assert.deepEqual(
    due.map((row) => [row.message.id, row.index, row.address, row.attempts]),
    [
      [message.id, 0, "joe@b.test", 0],
      [message.id, 1, "ann@b.test", 0],
    ],
  );
  assert.equal(again.read(due[0]!.message, 0, 100).toString(), "Subject: x\n\nbody\n");
  assert.equal(again.isOld(message.id), true);
  assert.ok(again.nextId() > message.id, "a number is never given twice, not even after a crash");
  again.close();
});

test("numbers go on where they stood after a clean close", (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  assert.equal(store.nextId(), 1);
  assert.equal(store.nextId(), 2);
  store.close();
  const again = openStore(home, noComplaint);
  assert.equal(again.nextId(), 3);
  again.close();
});

test("messages added in one turn share a commit, and all are durable", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  await Promise.all(Array.from({ length: 100 }, () => add(store, smallMessage(store, ["joe@b.test"]))));
  using reader = readQueue(home)!;
  assert.equal(reader.count(), 100);
  store.close();
});

test("finished recipients are not due again, deferred ones when their time comes [Q-079, Q-075]", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const message = smallMessage(store, ["a@b.test", "c@b.test", "d@b.test"]);
  await add(store, message);
  store.mark(message.id, 0, { kind: "done", report: "did 1+0+0\n" });
  store.mark(message.id, 1, { kind: "failed", report: "no (#5.1.1)\n" });
  store.mark(message.id, 2, { kind: "later", report: "busy\n", dueAtMs: 101_000, triedAtMs: 1_000 });
  store.close();
  const again = openStore(home, noComplaint);
  assert.deepEqual(again.due("local", 100_999, start, 10), []);
  assert.equal(again.nextDue("local", 1_000), 101_000);
  assert.deepEqual(
    again.due("local", 101_000, start, 10).map((row) => [row.index, row.attempts]),
    [[2, 1]],
  );
  assert.equal(again.unfinished(message.id), 1);
  assert.deepEqual(again.failures(message.id), [{ address: "c@b.test", report: "no (#5.1.1)\n" }]);
  again.close();
});

test("the bounce and the end of its message are one commit: after it there is one of them, never both or none", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const message = smallMessage(store, ["a@b.test"]);
  await add(store, message);
  const bounce = smallMessage(store, ["s@a.test"], "remote");
  await new Promise((done) => store.finishWithBounce({ id: message.id, sizeBytes: 17 }, bounce, done));
  const again = openStore(home, noComplaint);
  assert.equal(again.message(message.id), null);
  assert.equal(again.message(bounce.id)?.id, bounce.id);
  again.close();
});

test("a large body is a file that lives exactly as long as its message", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const id = store.nextId();
  const bytes = Buffer.alloc(largeBodyBytes + 5, "x");
  const file = createBodyFile(home, id);
  file.write(bytes);
  await file.seal();
  const message: NewMessage = {
    ...smallMessage(store, ["a@b.test"]),
    id,
    body: { kind: "file", sizeBytes: bytes.length },
  };
  await add(store, message);
  const record = store.message(id)!;
  assert.deepEqual(store.read(record, largeBodyBytes, 100), bytes.subarray(largeBodyBytes));
  store.finish(record);
  store.flush();
  await new Promise((done) => setImmediate(() => setImmediate(done)));
  assert.equal(existsSync(bodyFile(home, id)), false);
  store.close();
});

test("a body file without a message, the leftover of a crash in S2, S3 or S5, is gone after the next opening [Q-052]", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const orphan = store.nextId();
  createBodyFile(home, orphan).write(Buffer.from("half a mess"));
  const kept = store.nextId();
  const file = createBodyFile(home, kept);
  file.write(Buffer.alloc(largeBodyBytes + 1));
  await file.seal();
  await add(store, {
    ...smallMessage(store, ["a@b.test"]),
    id: kept,
    body: { kind: "file", sizeBytes: largeBodyBytes + 1 },
  });
  const again = openStore(home, noComplaint);
  assert.equal(existsSync(bodyFile(home, orphan)), false);
  assert.equal(existsSync(bodyFile(home, kept)), true);
  again.close();
});

test("held recipients are not due until they are released; expiry and removal reach one message only", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const one = smallMessage(store, ["a@b.test"]);
  const two = smallMessage(store, ["b@b.test"]);
  await Promise.all([add(store, one), add(store, two)]);
  assert.equal(store.hold(one.id), 1);
  assert.deepEqual(
    store.due("local", 5_000, start, 10).map((row) => row.message.id),
    [two.id],
  );
  assert.equal(store.unfinished(one.id), 1, "held is not finished");
  assert.equal(store.release(one.id, 9_000), 1);
  assert.equal(store.due("local", 9_000, start, 10).length, 2);
  assert.equal(store.expire(two.id, 9_000), 1);
  assert.equal(store.message(two.id)?.agedFromMs, 0);
  assert.equal(store.renew(two.id, 9_500), 1);
  assert.equal(store.message(two.id)?.agedFromMs, 9_500);
  assert.equal(store.remove(one.id), 1);
  assert.equal(store.remove(one.id), 0);
  assert.equal(store.message(one.id), null);
  assert.deepEqual(store.counts(), { messages: 1, local: 1, remote: 0, held: 0 });
  store.close();
});

test("hurry makes due what waits, in steps, and leaves alone what was tried after it began [Q-071]", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const message = smallMessage(store, ["a@b.test", "b@b.test", "c@b.test"], "remote");
  await add(store, message);
  for (const index of [0, 1]) {
    store.mark(message.id, index, { kind: "later", report: "", dueAtMs: 900_000, triedAtMs: 1_000 });
  }
  store.mark(message.id, 2, { kind: "later", report: "", dueAtMs: 900_000, triedAtMs: 60_000 });
  store.flush();
  assert.equal(store.hurry(50_000, 70_000, 1), 1);
  assert.equal(store.hurry(50_000, 70_000, 1), 1);
  assert.equal(store.hurry(50_000, 70_000, 1), 0);
  assert.equal(store.due("remote", 50_000, start, 10).length, 2);
  // What is said to have been tried in the future was tried before the clock was put back.
  assert.equal(store.hurry(50_000, 59_000, 1), 1);
  assert.equal(store.due("remote", 50_000, start, 10).length, 3);
  store.close();
});

test("the due list goes on behind its cursor and is ordered by time, then number", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  for (const bornAtMs of [3_000, 1_000, 2_000])
    await add(store, smallMessage(store, ["a@b.test", "b@b.test"], "local", bornAtMs));
  const first = store.due("local", 10_000, start, 3);
  const last = first.at(-1)!;
  const second = store.due("local", 10_000, { dueAtMs: last.dueAtMs, id: last.message.id, index: last.index }, 10);
  assert.deepEqual(
    [...first, ...second].map((row) => [row.dueAtMs, row.index]),
    [
      [1_000, 0],
      [1_000, 1],
      [2_000, 0],
      [2_000, 1],
      [3_000, 0],
      [3_000, 1],
    ],
  );
  store.close();
});

test("a message that ended just before a crash is found at the next start", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const message = smallMessage(store, ["a@b.test"]);
  await add(store, message);
  store.mark(message.id, 0, { kind: "done", report: "" });
  store.flush();
  const again = openStore(home, noComplaint);
  assert.deepEqual(
    again.finished().map(({ id }) => id),
    [message.id],
  );
  again.close();
});

test("a queue that a newer Quail made is refused with its name", (t) => {
  const home = freshHome(t);
  mkdirSync(join(home, "queue"), { recursive: true });
  const store = openStore(home, noComplaint);
  store.close();
  writeFileSync(join(home, "queue", "note"), "");
  const path = join(home, "queue", "queue.db");
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(() => openStore(home, noComplaint), /queue\.db was made by a newer Quail \(schema 99\)/);
});

test("a queue folder with bodies but no database, such as qmail's own, is refused and left as it is", (t) => {
  const home = freshHome(t);
  mkdirSync(join(home, "queue", "mess", "7"), { recursive: true });
  writeFileSync(join(home, "queue", "mess", "7", "1234567"), "a message of qmail's\n");
  assert.throws(() => openStore(home, noComplaint), /queue\/mess\/7 holds messages but there is no queue\/queue\.db/);
  assert.ok(existsSync(join(home, "queue", "mess", "7", "1234567")));
  assert.equal(existsSync(join(home, "queue", "queue.db")), false);
});
