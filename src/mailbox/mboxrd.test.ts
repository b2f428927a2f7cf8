import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { quoteMboxrd } from "./mboxrd.ts";

function quoted(pieces: readonly string[]): string {
  const quoter = quoteMboxrd();
  const out = pieces.flatMap((piece) => quoter.push(Buffer.from(piece, "latin1")));
  return Buffer.concat([...out, ...quoter.end()]).toString("latin1");
}

/** What mboxrd says, line by line. */
function reference(text: string): string {
  const whole = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return whole.replace(/^>*From /gm, ">$&");
}

const rows: readonly (readonly [input: string, output: string])[] = [
  ["", ""],
  ["a", "a\n"],
  ["a\n", "a\n"],
  ["From x\n", ">From x\n"],
  [">From x\n", ">>From x\n"],
  [">>From x\n", ">>>From x\n"],
  ["a\nFrom x\n\nFrom y", "a\n>From x\n\n>From y\n"],
  ["From: x\nFrom\nFromage\n From x\na From x\n", "From: x\nFrom\nFromage\n From x\na From x\n"],
  ["> From x\n>x>From y\n", "> From x\n>x>From y\n"],
  ["From From \n", ">From From \n"],
  [">", ">\n"],
  ["Fro", "Fro\n"],
];

test("lines that match ^>*From get one more >, a last line gets its LF [Q-168] [Q-169]", () => {
  for (const [input, output] of rows) {
    assert.equal(quoted([input]), output, JSON.stringify(input));
    assert.equal(quoted([...input]), output, `${JSON.stringify(input)} octet by octet`);
  }
});

const fragment = fc.constantFrom("From ", ">", "\n", "Fr", "om", " ", "x", "From", ">From ", "\n>", "\0");

test("however a message is cut into pieces, the quoting is the same [Q-168]", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fragment, { maxLength: 6 }), { maxLength: 6 }), (lists) => {
      const pieces = lists.map((list) => list.join(""));
      assert.equal(quoted(pieces), reference(pieces.join("")));
    }),
    { numRuns: 2000 },
  );
});

test("a line of a million > is no trouble", () => {
  const pieces = Array.from({ length: 16 }, () => ">".repeat(65_536));
  assert.equal(quoted([...pieces, "From x\n"]), `${pieces.join("")}>From x\n`);
});
