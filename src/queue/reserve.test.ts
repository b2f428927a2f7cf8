import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openReserve, type Reserve } from "./reserve.ts";
import { openStore } from "./store.ts";

function folder(t: { after(run: () => void): void }): string {
  const home = mkdtempSync(join(tmpdir(), "quail-reserve-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "queue"));
  return home;
}

test("the reserve is room on the disk that is given up once and taken again", (t) => {
  const home = folder(t);
  const path = join(home, "queue", "reserve");
  const reserve = openReserve(home);
  assert.equal(statSync(path).size, 4 * 1024 * 1024);
  assert.equal(openReserve(home).isHeld, true, "a second start finds it");
  assert.equal(reserve.release(), true);
  assert.equal(existsSync(path), false);
  assert.equal(reserve.release(), false);
  assert.equal(reserve.take(), true);
  assert.equal(statSync(path).size, 4 * 1024 * 1024);
});

test("without its reserve the store adds nothing, and goes on removing", async (t) => {
  const home = folder(t);
  let isHeld = true;
  const reserve: Reserve = {
    get isHeld() {
      return isHeld;
    },
    take: () => isHeld,
    release: () => false,
  };
  const store = openStore(home, () => {}, reserve);
  t.after(() => store.close());
  const add = (): Promise<Error | null> =>
    new Promise((done) => {
      const body = { kind: "bytes", bytes: Buffer.from("Subject: x\n\n") } as const;
      store.add({ id: store.nextId(), bornAtMs: 1, sender: "", body, recipients: [] }, done);
    });
  assert.equal(await add(), null);
  isHeld = false;
  assert.match((await add())?.message ?? "", /no room/);
  assert.equal(store.counts().messages, 1);
  store.finish({ id: 1, sizeBytes: 12 });
  assert.equal(store.flush(), true);
  assert.equal(store.counts().messages, 0);
});
