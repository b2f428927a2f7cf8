import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { corpus } from "./messages.ts";
import { seededRandom } from "./random.ts";

function digest(seed: number): string {
  const hash = createHash("sha256");
  for (const sample of corpus(seededRandom(seed), 100)) hash.update(sample.kind).update(sample.bytes);
  return hash.digest("hex");
}

test("one seed always makes the same corpus, another seed another", () => {
  assert.equal(digest(7), digest(7));
  assert.notEqual(digest(7), digest(8));
});

test("no sample has a CR right before an LF, and each says rightly whether it ends in an LF", () => {
  for (const { kind, bytes, endsInLf } of corpus(seededRandom(1), 400)) {
    assert.equal(bytes.indexOf("\r\n"), -1, kind);
    assert.equal(endsInLf, bytes.length === 0 || bytes.at(-1) === 0x0a, kind);
  }
});
