import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DamagedFile, parseBounce, parseChannel, parseInfo, parseRecords, parseTodo } from "./classic-records.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

test("envelopes are read as qmail-queue and qmail-send write them (spec 4.1)", () => {
  assert.deepEqual(parseTodo(bytes("u1000\0p17\0Fjoe@a.test\0Tann@b.test\0T\0")), {
    sender: "joe@a.test",
    recipients: ["ann@b.test", ""],
  });
  assert.deepEqual(parseTodo(bytes("u0\0p1\0F\0")), { sender: "", recipients: [] });
  assert.equal(parseInfo(bytes("F#@[]\0")), "#@[]");
  assert.deepEqual(parseChannel(bytes("Tann@b.test\0Dj\xfcrgen@b.test\0")), [
    { address: "ann@b.test", isDone: false },
    { address: "j\xfcrgen@b.test", isDone: true },
  ]);
  assert.deepEqual(parseChannel(bytes("")), []);
});

test("a file that breaks off, names no sender or holds something else is damaged, never half read", () => {
  const rows: readonly (readonly [(content: Buffer) => unknown, string, RegExp])[] = [
    [parseTodo, "Fjoe@a.test\0Tann", /middle of a record/],
    [parseTodo, "Tann@b.test\0", /no sender/],
    [parseTodo, "Fa\0\0", /record that is none/],
    [parseInfo, "", /no sender/],
    [parseInfo, "Tjoe\0", /no sender/],
    [parseChannel, "Fjoe\0", /record that is none \("F"\)/],
    [parseChannel, `T${"x".repeat(1003)}\0`, /too long/],
  ];
  for (const [parse, content, reason] of rows) {
    assert.throws(
      () => parse(bytes(content)),
      (error) => error instanceof DamagedFile && reason.test(error.message),
      content,
    );
  }
});

test("records survive a round trip, and any bytes are read or called damaged", () => {
  const text = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((octet) => String.fromCharCode(octet)) });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("T", "D", "F"), text)), (records) => {
      const file = records.map(([letter, rest]) => `${letter}${rest}\0`).join("");
      assert.deepEqual(
        parseRecords(bytes(file)).map(({ letter, text: rest }) => [letter, rest]),
        records,
      );
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      for (const parse of [parseTodo, parseInfo, parseChannel, parseBounce]) {
        try {
          parse(Buffer.from(octets));
        } catch (error) {
          assert.ok(error instanceof DamagedFile);
        }
      }
    }),
  );
});

test("no word of a bounce text is lost, whatever it looks like", () => {
  const words = fc.array(fc.constantFrom("<a@b.test>:", "word", "", "<", "/", "-- "), { maxLength: 30 });
  fc.assert(
    fc.property(words, (lines) => {
      const found = parseBounce(bytes(`${lines.join("\n")}\n\n`));
      const kept = found.map(({ address, report }) => `<${address}>:\n${report}`).join("");
      const count = (text: string, word: string): number => text.split(word).length - 1;
      for (const word of ["word", "-- "]) assert.equal(count(kept, word), count(lines.join("\n"), word));
    }),
  );
});
