import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "dns-packet";
import fc from "fast-check";
import { AnswerCache } from "./cache.ts";
import { decodeReply, encodeQuestion } from "./packet.ts";
import { readAnswer } from "./read-answer.ts";

const question = { name: "a.test", type: "A" } as const;

const sound = encode({
  type: "response",
  id: 7,
  questions: [{ ...question, class: "IN" }],
  answers: [
    { type: "CNAME", name: "a.test", ttl: 9, class: "IN", data: "b.test" },
    { type: "A", name: "b.test", ttl: 9, class: "IN", data: "192.0.2.1" },
  ],
});

test("no bytes make the reader throw or hang: neither noise nor a damaged answer", () => {
  const damaged = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
    const bytes = Buffer.from(sound);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  const cut = fc.nat(sound.length).map((length) => sound.subarray(0, length));
  const noise = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(damaged, cut, noise), (bytes) => {
      const reply = decodeReply(bytes, 7, question);
      if (typeof reply === "string") return;
      const reading = readAnswer(reply, "a.test", "A", 0);
      assert.ok(["records", "alias", "no-data", "no-name", "temporary"].includes(reading.kind));
    }),
    { numRuns: 2000 },
  );
});

test("records that do not hang on the name asked for are ignored", () => {
  const bytes = encode({
    type: "response",
    id: 7,
    questions: [{ ...question, class: "IN" }],
    answers: [{ type: "A", name: "elsewhere.test", ttl: 9, class: "IN", data: "192.0.2.66" }],
  });
  const reply = decodeReply(bytes, 7, question);
  assert.ok(typeof reply !== "string");
  assert.equal(readAnswer(reply, "a.test", "A", 0).kind, "no-data");
});

test("a question asks for recursion and offers 1232 bytes over EDNS0", () => {
  const bytes = encodeQuestion(0x1234, question, true);
  assert.equal(bytes.toString("hex"), "12340100000100000000000101610474657374000001000100002904d0000000000000");
});

test("the cache keeps within its entries and bytes, dropping what was used least recently", () => {
  const cache = new AnswerCache<number>(() => 0, { entries: 3, bytes: 10_000 });
  for (const [i, key] of ["a", "b", "c"].entries()) cache.set(key, i, 60, 10);
  assert.equal(cache.get("a"), 0);
  cache.set("d", 3, 60, 10);
  assert.equal(cache.get("b"), undefined);
  assert.equal(cache.get("a"), 0);
  cache.set("big", 4, 60, 4_700);
  assert.equal(cache.size, 2);
  cache.set("bigger", 5, 60, 5_000);
  assert.equal(cache.get("bigger"), undefined);
});
