import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { type Address, parseAddress, type ReversePath } from "#mail";
import { openDatabase } from "#sql";
import { bodyFile, createBodyFile, largeBodyBytes, prepareBodies } from "./bodies.ts";
import { migrations } from "./schema.ts";
import { type NewMessage, openStore, type QueueStore } from "./store.ts";

const address = (text: string): Address => parseAddress(text)!;
const noComplaint = (line: string): void => assert.fail(line);

function freshHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "quail-notice-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

function message(store: QueueStore, sender: string, to: readonly string[]): NewMessage {
  return {
    id: store.nextId(),
    bornAtMs: 1_000,
    sender: sender as ReversePath,
    body: { kind: "bytes", bytes: Buffer.from("Subject: x\n\nbody\n") },
    recipients: to.map((name) => ({ address: address(name), channel: "local", destination: "" })),
  };
}

const add = (store: QueueStore, added: NewMessage): Promise<void> =>
  new Promise((stored, refused) => store.add(added, (error) => (error === null ? stored() : refused(error))));
const addNotice = (store: QueueStore, id: number, notice: NewMessage | null): Promise<string> =>
  new Promise((settled) => store.addNotice(id, notice, (result) => settled(String(result))));

test("a delay notice and the mark that it was sent are on disk together or not at all", async (t) => {
  const home = freshHome(t);
  const store = openStore(home, noComplaint);
  const late = message(store, "s@a.test", ["joe@b.test"]);
  await add(store, late);
  const notice = message(store, "", ["s@a.test"]);
  const settled = addNotice(store, late.id, notice);
  // What a kill -9 would leave behind here, and after the commit, is what another opening sees.
  const before = openStore(home, noComplaint);
  assert.deepEqual([before.isNoticed(late.id), before.message(notice.id)], [false, null]);
  assert.equal(await settled, "queued");
  assert.deepEqual([before.isNoticed(late.id), before.message(notice.id)?.sender], [true, ""]);
  assert.equal(before.isNoticed(notice.id), false);
  before.close();
  store.close();
});

test("a disk that refuses the notice leaves its message unmarked, to be told of the next time", async (t) => {
  const home = freshHome(t);
  const complaints: string[] = [];
  const store = openStore(home, (line) => complaints.push(line));
  const late = message(store, "s@a.test", ["joe@b.test"]);
  await add(store, late);
  // A trigger stands for the full disk: the mark has been made in the transaction when the notice is refused.
  const other = new DatabaseSync(join(home, "queue", "queue.db"));
  other.exec("CREATE TRIGGER full BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  assert.match(await addNotice(store, late.id, message(store, "", ["s@a.test"])), /^Error: disk full/);
  assert.equal(store.isNoticed(late.id), false);
  assert.equal(complaints.length, 1);
  other.exec("DROP TRIGGER full");
  other.close();
  assert.equal(await addNotice(store, late.id, message(store, "", ["s@a.test"])), "queued");
  assert.deepEqual([store.isNoticed(late.id), store.counts().messages], [true, 2]);
  store.close();
});

test("a second delay notice is not queued, nor one about a message that has ended, and its body goes", async (t) => {
  const home = freshHome(t);
  await prepareBodies(home);
  const store = openStore(home, noComplaint);
  const late = message(store, "s@a.test", ["joe@b.test"]);
  const over = message(store, "s@a.test", ["joe@b.test"]);
  await add(store, late);
  await add(store, over);
  assert.equal(await addNotice(store, late.id, message(store, "", ["s@a.test"])), "queued");
  const second = message(store, "", ["s@a.test"]);
  const file = createBodyFile(home, second.id);
  file.write(Buffer.alloc(largeBodyBytes + 1, "x"));
  await file.seal();
  const body = { kind: "file", sizeBytes: largeBodyBytes + 1 } as const;
  assert.equal(await addNotice(store, late.id, { ...second, body }), "moot");
  assert.equal(store.message(second.id), null);
  assert.equal(existsSync(bodyFile(home, second.id)), false);
  // Its only recipient is done, and the removal has not been committed.
  store.mark(over.id, 0, { kind: "done", report: "" });
  const third = message(store, "", ["s@a.test"]);
  assert.equal(await addNotice(store, over.id, third), "moot");
  assert.equal(store.message(third.id), null);
  store.close();
});

test("a message whose sender is not to be told is marked without a notice", async (t) => {
  const store = openStore(freshHome(t), noComplaint);
  const late = message(store, "s@a.test", ["joe@b.test"]);
  await add(store, late);
  assert.equal(await addNotice(store, late.id, null), "moot");
  assert.equal(store.isNoticed(late.id), true);
  assert.equal(store.counts().messages, 1);
  store.close();
});

test("those who are named were tried and are still waiting, a held one too", async (t) => {
  const store = openStore(freshHome(t), noComplaint);
  const late = message(store, "s@a.test", ["done@b.test", "bad@b.test", "held@b.test", "new@b.test"]);
  await add(store, late);
  const later = { kind: "later", report: "not now\n", dueAtMs: 9_000, triedAtMs: 2_000 } as const;
  store.mark(late.id, 0, { kind: "done", report: "ok\n" });
  store.mark(late.id, 1, { kind: "failed", report: "no\n" });
  store.mark(late.id, 2, later);
  store.flush();
  store.hold(late.id);
  assert.deepEqual(store.deferred(late.id), [{ address: "held@b.test", report: "not now\n" }]);
  store.close();
});

test("a queue from before delay notices opens with all it holds, and nobody in it was told", (t) => {
  const home = freshHome(t);
  mkdirSync(join(home, "queue"), { recursive: true });
  const old = openDatabase(join(home, "queue", "queue.db"), migrations.slice(0, 1));
  old.exec(`INSERT INTO message (id, born, aged, sender, size) VALUES (7, 1000, 1000, 's@a.test', 5);
    INSERT INTO body VALUES (7, x'68656c6c6f');
    INSERT INTO recipient VALUES (7, 0, 'joe@b.test', 0, '', 0, 1000, 900, 3, 'not now');
    UPDATE meta SET value = 8 WHERE name = 'next_id'`);
  old.close();
  const store = openStore(home, noComplaint);
  const record = store.message(7)!;
  assert.equal(record.sender, "s@a.test");
  assert.equal(store.read(record, 0, 5).toString(), "hello");
  assert.deepEqual(store.deferred(7), [{ address: "joe@b.test", report: "not now" }]);
  assert.equal(store.isNoticed(7), false);
  assert.equal(store.nextId(), 8);
  store.close();
});
