import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkConcurrency } from "./check-limits.ts";

test("concurrency beyond the limit on open files is told, at every start too (G38)", (t) => {
  const home = mkdtempSync(join(tmpdir(), "quail-limits-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "control"));
  writeFileSync(join(home, "control", "concurrencyremote"), "500\n");
  assert.deepEqual(checkConcurrency(home, 1024), [
    {
      file: "control/concurrencyremote",
      // A line: quail start shows warnings about lines.
      line: 1,
      level: "warning",
      reason: "needs 1064 open files, and the limit here is 1024 (ulimit -n): deliveries would wait",
    },
  ]);
  assert.deepEqual(checkConcurrency(home, 2048), []);
  assert.deepEqual(checkConcurrency(home, null), [], "where the system tells no limit");
});
