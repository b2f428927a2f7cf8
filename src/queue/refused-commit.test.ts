/** A COMMIT that the disk refuses: nothing that was promised may rest on it. Here a trigger stands for the full disk. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { bodyFile, createBodyFile, largeBodyBytes, type StoredBody } from "./bodies.ts";
import { type NewMessage, openStore, type QueueStore } from "./store.ts";

/** A queue whose COMMITs with this change to `message` are refused while `refuse` is in force. */
function queueThatRefuses(t: TestContext, change: "INSERT" | "DELETE") {
  const home = mkdtempSync(join(tmpdir(), "quail-refused-"));
  const complaints: string[] = [];
  const store = openStore(home, (line) => complaints.push(line));
  const other = new DatabaseSync(join(home, "queue", "queue.db"));
  t.after(() => {
    other.close();
    rmSync(home, { recursive: true, force: true });
  });
  const refuse = (): void =>
    other.exec(`CREATE TRIGGER full BEFORE ${change} ON message BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
  return { home, store, complaints, refuse, allow: () => other.exec("DROP TRIGGER full") };
}

const small: StoredBody = { kind: "bytes", bytes: Buffer.from("Subject: x\n\n") };
const message = (id: number, body: StoredBody): NewMessage => ({
  id,
  bornAtMs: 1_000,
  sender: "",
  body,
  recipients: [],
});

const add = (store: QueueStore, what: NewMessage): Promise<Error | null> =>
  new Promise((said) => store.add(what, said));

async function largeBody(home: string, id: number): Promise<StoredBody> {
  const file = createBodyFile(home, id);
  file.write(Buffer.alloc(largeBodyBytes + 1));
  await file.seal();
  return { kind: "file", sizeBytes: largeBodyBytes + 1 };
}

test("numbers are not given twice after a crash, although the COMMIT that was to reserve them was refused", async (t) => {
  const { home, store, refuse, allow } = queueThatRefuses(t, "INSERT");
  refuse();
  assert.notEqual(await add(store, message(store.nextId(), small)), null);
  allow();
  const last = store.nextId();
  assert.equal(await add(store, message(last, small)), null);
  // No close: this is what a kill -9 leaves behind.
  const again = openStore(home, assert.fail);
  assert.ok(again.nextId() > last);
  again.close();
});

test("a large message that is refused leaves no file behind on the full disk", async (t) => {
  const { home, store, refuse } = queueThatRefuses(t, "INSERT");
  const id = store.nextId();
  const body = await largeBody(home, id);
  refuse();
  assert.notEqual(await add(store, message(id, body)), null);
  assert.equal(existsSync(bodyFile(home, id)), false);
});

test("a finished large message keeps its file until the COMMIT that forgets it, and no longer", async (t) => {
  const { home, store, refuse, allow, complaints } = queueThatRefuses(t, "DELETE");
  const id = store.nextId();
  assert.equal(await add(store, message(id, await largeBody(home, id))), null);
  refuse();
  store.finish({ id, sizeBytes: largeBodyBytes + 1 });
  assert.equal(store.flush(), false);
  assert.equal(complaints.length, 1);
  assert.equal(existsSync(bodyFile(home, id)), true);
  allow();
  // The very next COMMIT forgets it: who is asked then who is due must not name its recipients again.
  assert.equal(store.flush(), true);
  assert.equal(existsSync(bodyFile(home, id)), false);
  assert.equal(store.message(id), null);
  store.close();
});
