import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DurableBatch } from "./durable-batch.ts";
import { deliverToMaildir } from "./maildir.ts";
import { makeMaildir } from "./make-maildir.ts";
import { largeMessage } from "./testing.ts";

const file = (name: string): string => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
const text = "Subject: x\n\nbody of a message\n";

/** Where the process dies, and what must lie in tmp/ and new/ then (see the table in maildir.ts). */
const stops: readonly (readonly [where: string, code: string, tmp: number, fresh: number])[] = [
  ["in the middle of writing (M2)", "message.read = async (at, n) => (at > 9 ? die() : read(at, n));", 1, 0],
  ["written, not synced (M3)", "sync = die;", 1, 0],
  ["synced, not renamed (M4)", "fs.renameSync = die;", 1, 0],
  ["renamed, its name not synced (M5)", "let syncs = 0; sync = async () => ++syncs === 2 ? die() : true;", 0, 1],
  [
    "all synced, not reported (M6)",
    "let syncs = 0; sync = async (fd) => { fs.fsyncSync(fd); return ++syncs === 2 ? die() : true; };",
    0,
    1,
  ],
];

for (const [where, code, tmp, fresh] of stops) {
  test(`a worker killed when a delivery is ${where}: the repeated delivery leaves exactly one file`, async () => {
    const folder = fs.mkdtempSync(join(tmpdir(), "maildir-crash-"));
    try {
      const directory = join(folder, "Maildir");
      makeMaildir(directory);
      const script = `
        import fs from "node:fs";
        import { syncBuiltinESMExports } from "node:module";
        const die = () => process.kill(process.pid, "SIGKILL");
        const { largeMessage } = await import(${file("./testing.ts")});
        const message = largeMessage(${JSON.stringify(text)}, 5);
        const read = message.read;
        let sync = async () => true;
        ${code}
        syncBuiltinESMExports();
        const { deliverToMaildir } = await import(${file("./maildir.ts")});
        const { DurableBatch } = await import(${file("./durable-batch.ts")});
        const keeper = { batch: new DurableBatch(sync), complain: console.error };
        const delivery = { directory: process.argv[1], name: "1.N.h", head: Buffer.from("head\\n"), message, again: false, awaited: false };
        await deliverToMaildir(delivery, keeper);`;
      const died = spawnSync(process.execPath, ["--input-type=module", "-e", script, directory], { stdio: "inherit" });
      assert.equal(died.signal, "SIGKILL");
      const count = (part: string): number => fs.readdirSync(join(directory, part)).length;
      assert.deepEqual([count("tmp"), count("new")], [tmp, fresh], "it died where it was meant to");

      const head = Buffer.from("head\n");
      const message = largeMessage(text);
      const keeper = { batch: new DurableBatch(), complain: () => {} };
      const outcome = await deliverToMaildir(
        { directory, name: "1.N.h", head, message, again: true, awaited: false },
        keeper,
      );
      assert.equal(outcome.fate, "done");
      assert.deepEqual([count("tmp"), count("new"), count("cur")], [0, 1, 0]);
      assert.equal(fs.readFileSync(join(directory, "new", "1.N.h"), "latin1"), `head\n${text}`);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
}
