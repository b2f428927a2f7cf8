import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bodyFile } from "./bodies.ts";
import { openStore } from "./store.ts";

/** After a kill in a state: is the message there, and which of its two recipients are still to be tried? */
const table: readonly (readonly [state: string, left: readonly number[] | "no message"])[] = [
  ["S2", "no message"],
  ["S3", "no message"],
  ["S4 uncommitted", "no message"],
  ["S4", [0, 1]],
  ["S4 mark uncommitted", [0, 1]],
  ["S4 marked", [1]],
  ["S5 uncommitted", [1]],
  ["S5", "no message"],
];

for (const size of ["small", "large"]) {
  for (const [state, left] of table) {
    const what = left === "no message" ? "is nowhere" : `has recipients ${left.join(" and ")} before it`;
    test(`a ${size} message whose process is killed in ${state} ${what} after the next start [Q-052, Q-053]`, (t) => {
      const home = mkdtempSync(join(tmpdir(), "quail-crash-"));
      t.after(() => rmSync(home, { recursive: true, force: true }));
      const child = spawnSync(process.execPath, [join(import.meta.dirname, "crash-child.ts"), home, size, state]);
      assert.equal(child.signal, "SIGKILL", String(child.stderr));
      const id = Number(child.stdout);
      const store = openStore(home, (line) => assert.fail(line));
      const due = store.due("local", 2_000, { dueAtMs: -1, id: 0, index: 0 }, 10);
      const record = store.message(id);
      const isStored = left !== "no message";
      assert.equal(record !== null, isStored);
      assert.deepEqual(
        due.map((row) => row.index),
        isStored ? left : [],
      );
      assert.equal(
        existsSync(bodyFile(home, id)),
        isStored && size === "large",
        "a body file lives as long as its rows",
      );
      if (record !== null) assert.equal(store.read(record, 0, record.sizeBytes).length, record.sizeBytes);
      store.close();
    });
  }
}
