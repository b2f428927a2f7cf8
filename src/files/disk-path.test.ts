import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskPath } from "./disk-path.ts";

test("a file name keeps its octets", () => {
  const folder = mkdtempSync(join(tmpdir(), "disk-path-"));
  try {
    writeFileSync(diskPath(`${folder}/caf\xe9`), "");
    assert.deepEqual(readdirSync(folder, { encoding: "latin1" }), ["caf\xe9"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
