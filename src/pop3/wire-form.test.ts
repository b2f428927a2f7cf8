import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TopOfMessage, WireForm } from "./wire-form.ts";

/** Pushes a message in pieces cut at these places. */
function wired(message: string, cuts: readonly number[] = [], bodyLines: number | null = null): string {
  const form = new WireForm();
  const top = bodyLines === null ? null : new TopOfMessage(bodyLines);
  const places = [0, ...cuts.map((cut) => Math.min(cut, message.length)).toSorted((a, b) => a - b), message.length];
  let text = "";
  for (let i = 1; i < places.length && !top?.isDone; i++) {
    const piece = message.slice(places[i - 1], places[i]);
    text += form.push(top === null ? piece : top.take(piece));
  }
  return text + form.end();
}

const rows: readonly (readonly [disk: string, wire: string])[] = [
  ["", ""],
  ["\n", "\r\n"],
  ["a\nb\n", "a\r\nb\r\n"],
  ["a", "a\r\n"],
  ["a\r\nb\r\n", "a\r\nb\r\n"],
  ["a\rb\n", "a\rb\r\n"],
  ["a\r", "a\r\r\n"],
  [".\n", "..\r\n"],
  ["..\n.a\nb.\n", "...\r\n..a\r\nb.\r\n"],
  ["a\n\n.\n.\n", "a\r\n\r\n..\r\n..\r\n"],
  ["a\r\n.b", "a\r\n..b\r\n"],
  ["\0\xff\n", "\0\xff\r\n"],
];

for (const [disk, wire] of rows) {
  test(`${JSON.stringify(disk)} goes out as ${JSON.stringify(wire)}, wherever it is cut [Q-249] [X-047]`, () => {
    assert.equal(wired(disk), wire);
    for (let cut = 0; cut <= disk.length; cut++) assert.equal(wired(disk, [cut]), wire, `cut at ${cut}`);
  });
}

const awkward = fc.string({ unit: fc.constantFrom("a", ".", "\n", "\r", "\r\n", "\n.", "\0"), maxLength: 60 });

/** One octet after the other, as anybody would write it. */
function simply(message: string): string {
  const lines = message.replaceAll("\r\n", "\n").split("\n");
  const last = lines.pop() ?? "";
  if (last !== "") lines.push(last);
  return lines.map((line) => `${line.startsWith(".") ? "." : ""}${line}\r\n`).join("");
}

test("any message, cut anywhere, is what doing it line by line gives", () => {
  fc.assert(
    fc.property(awkward, fc.array(fc.nat(60), { maxLength: 5 }), (message, cuts) => {
      assert.equal(wired(message, cuts), simply(message));
    }),
    { numRuns: 500 },
  );
});

const message = "Subject: a\nTo: b\n\none\n.two\nthree";
const tops: readonly (readonly [lines: number, wire: string])[] = [
  [0, "Subject: a\r\nTo: b\r\n\r\n"],
  [1, "Subject: a\r\nTo: b\r\n\r\none\r\n"],
  [2, "Subject: a\r\nTo: b\r\n\r\none\r\n..two\r\n"],
  [3, "Subject: a\r\nTo: b\r\n\r\none\r\n..two\r\nthree\r\n"],
  [99, "Subject: a\r\nTo: b\r\n\r\none\r\n..two\r\nthree\r\n"],
];

for (const [lines, wire] of tops) {
  test(`the top with ${lines} lines of the body ends where it should, wherever it is cut`, () => {
    for (let cut = 0; cut <= message.length; cut++) {
      assert.equal(wired(message, [cut, cut + 1], lines), wire, `cut at ${cut}`);
      assert.equal(wired(message.replaceAll("\n", "\r\n"), [cut, cut + 1], lines), wire, `CRLF, cut at ${cut}`);
    }
  });
}

test("a message without a body, or without a header, has a top too", () => {
  assert.equal(wired("Subject: a\n", [], 0), "Subject: a\r\n");
  assert.equal(wired("\nbody\nmore\n", [], 1), "\r\nbody\r\n");
  assert.equal(wired("", [], 0), "");
});
