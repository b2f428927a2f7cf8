import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HeldBytes } from "./held-bytes.ts";

async function gather(held: HeldBytes): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of held.read()) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

test("held bytes come back as they went in, from memory and from a file that has no name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "held-"));
  await using held = new HeldBytes(folder, 10);
  assert.equal(held.write(Buffer.from("0123456789")), undefined, "ten bytes fit in memory");
  assert.equal(await gather(held), "0123456789");
  await held.write(Buffer.alloc(600_000, "x"));
  await held.write(Buffer.from("end"));
  assert.equal(held.sizeBytes, 600_013);
  const expected = `0123456789${"x".repeat(600_000)}end`;
  assert.equal(await gather(held), expected);
  assert.equal(await gather(held), expected, "a second reading");
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});
