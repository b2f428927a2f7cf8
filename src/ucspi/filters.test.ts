import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addCr, type ByteFilter, bodyOnly, catV, delCr, fixCr } from "./carriage-returns.ts";

function through(filter: ByteFilter, pieces: readonly string[]): string {
  const out = [...pieces.map((piece) => filter(Buffer.from(piece, "latin1"))), filter(null)];
  return Buffer.concat(out).toString("latin1");
}

/** Each filter, and what it is as one replacement in the whole text. */
const filters: readonly (readonly [name: string, make: () => ByteFilter, whole: (text: string) => string])[] = [
  ["addcr", addCr, (text) => text.replaceAll("\n", "\r\n")],
  ["delcr", delCr, (text) => text.replaceAll("\r\n", "\n")],
  ["fixcr", fixCr, (text) => text.replace(/(?<!\r)\n/g, "\r\n")],
];

for (const [name, make, whole] of filters) {
  test(`${name} does the same to a text in whatever pieces it comes [U-090] [U-091] [U-092]`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom("\r", "\n", "a", "\0", "\xff"), maxLength: 6 })),
        (pieces) => {
          assert.equal(through(make(), pieces), whole(pieces.join("")));
        },
      ),
    );
  });
}

test("control characters are shown as cat -v shows them [U-089]", () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)).toString("latin1");
  const shown = through(catV(), [all]);
  assert.ok(shown.startsWith("^@^A^B^C^D^E^F^G^H\t\n^K^L^M"));
  assert.ok(shown.includes("~^?M-^@M-^A") && shown.includes("M-^HM-^IM-^JM-^K") && shown.endsWith("M-}M-~M-^?"));
});

test("of an HTTP answer what follows its first empty line is shown [U-088]", () => {
  const answer = "HTTP/1.0 200 OK\nA: b\n\nbody\n\nmore";
  for (let cut = 0; cut <= answer.length; cut++) {
    assert.equal(through(bodyOnly(), [answer.slice(0, cut), answer.slice(cut)]), "body\n\nmore");
  }
  assert.equal(through(bodyOnly(), [...answer]), "body\n\nmore");
  assert.equal(through(bodyOnly(), ["\nall"]), "all");
  assert.equal(through(bodyOnly(), ["no empty line\n"]), "");
});
