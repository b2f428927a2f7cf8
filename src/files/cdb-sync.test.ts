import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { openCdbSync, renderCdb } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "quail-cdb-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "cdb");
const key = (text: string): Buffer => Buffer.from(text);

test("what was written is found, the first of equal keys, from memory and from the file", () => {
  const records: [Buffer, Buffer][] = [[key(""), key("empty")]];
  for (let i = 0; i < 500; i++) records.push([key(`k${i}`), key(`v${i}`)]);
  records.push([key("k7"), key("second")]);
  writeFileSync(path, renderCdb(records));
  for (const keepBytes of [undefined, 0]) {
    const cdb = openCdbSync(path, keepBytes);
    assert.ok(cdb !== null);
    for (const [wanted, data] of records.slice(0, 501)) assert.deepEqual(cdb.get(wanted), data);
    assert.equal(cdb.get(key("k500")), null);
    cdb.close();
  }
});

test("a missing file is null, a short one an error", () => {
  assert.equal(openCdbSync(join(folder, "none")), null);
  writeFileSync(path, Buffer.alloc(2047));
  assert.throws(() => openCdbSync(path), /cut short/);
});

test("a damaged file gives an answer or an error, never a loop or a wild read", () => {
  const good = renderCdb(Array.from({ length: 20 }, (_, i) => [key(`k${i}`), key(`v${i}`)] as const));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 30 }), (damage) => {
      const bytes = Buffer.from(good);
      for (const [at, octet] of damage) bytes[at] = octet;
      writeFileSync(path, bytes);
      for (const keepBytes of [undefined, 0]) {
        const cdb = openCdbSync(path, keepBytes);
        try {
          for (let i = 0; i < 20; i++) cdb?.get(key(`k${i}`));
        } catch (error) {
          assert.match(String(error), /cut short/);
        }
        cdb?.close();
      }
    }),
    { numRuns: 50 },
  );
});
