import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HopCounter } from "./hop-counter.ts";

function hopsOf(pieces: readonly string[]): number {
  const counter = new HopCounter();
  for (const piece of pieces) counter.look(Buffer.from(piece, "latin1"));
  return counter.hops;
}

test("Received: and Delivered-To: count in any case, their lookalikes and the body do not [Q-034]", () => {
  const header =
    "received: a\nRECEIVED:b\nReceived-SPF: c\nDelivered-To: d\nDelivered: e\nX-Received: f\n received: g\n";
  assert.equal(hopsOf([`${header}\nReceived: body\n`]), 3);
  assert.equal(hopsOf(["\nReceived: body\n"]), 0);
  assert.equal(hopsOf(["Received:"]), 1);
  assert.equal(hopsOf(["Received", ":"]), 1);
});

test("hops are the same however the header is cut", () => {
  const line = fc.constantFrom(
    "Received: x\n",
    "delivered-to:y\n",
    "Delivered-To",
    "\n",
    "Subject: z\n",
    "R",
    "received-spf:\n",
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(5), { maxLength: 20 }), (lines, lengths) => {
      const text = lines.join("");
      const pieces: string[] = [];
      let at = 0;
      for (const length of lengths) {
        pieces.push(text.slice(at, at + length));
        at += length;
      }
      assert.equal(hopsOf([...pieces, text.slice(at)]), hopsOf([text]));
    }),
    { numRuns: 3_000 },
  );
});
