import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "./address.ts";
import { domainOf, localPartOf, parseAddress, quoteAddress } from "./address.ts";
import type { ReversePath } from "./envelope.ts";
import { receivedByQueue } from "./origin.ts";
import { expandVerp } from "./verp.ts";

test("the domain is what follows the last @", () => {
  assert.deepEqual([localPartOf("a@b@c"), domainOf("a@b@c")], ["a@b", "c"]);
  assert.deepEqual([localPartOf("joe"), domainOf("joe")], ["joe", ""]);
});

test("an address has at most 1002 octets and no NUL", () => {
  assert.notEqual(parseAddress("a".repeat(1002)), null);
  assert.equal(parseAddress("a".repeat(1003)), null);
  assert.equal(parseAddress("a\0b"), null);
  assert.equal(parseAddress("\u20ac"), null);
});

const quoted: readonly (readonly [string, string])[] = [
  ["joe@b.test", "joe@b.test"],
  ["b c@d", '"b c"@d'],
  ["a.b+c=d@e", "a.b+c=d@e"],
  ['q"uo\\te@d', '"q\\"uo\\\\te"@d'],
  [".dot@d", '".dot"@d'],
  ["a@b@c", '"a@b"@c'],
  ["@host", '""@host'],
  ["", ""],
  ["j\xc3\xb6rg@d", "j\xc3\xb6rg@d"],
];
for (const [address, wire] of quoted) {
  test(`${JSON.stringify(address)} goes on the wire as ${JSON.stringify(wire)} (RFC 5321 §4.1.2)`, () => {
    assert.equal(quoteAddress(address), wire);
  });
}

const verp: readonly (readonly [string, string, string])[] = [
  ["list-owner-@example.org-@[]", "joe@far.net", "list-owner-joe=far.net@example.org"],
  ["list-owner-@example.org-@[]", "nohost", "list-owner-@example.org-@[]"],
  ["list-@[]", "joe@far.net", "list-@[]"],
  ["#@[]", "joe@far.net", "#@[]"],
  ["", "joe@far.net", ""],
];
for (const [sender, recipient, seen] of verp) {
  test(`the sender ${sender || "<>"} is seen by ${recipient} as ${seen || "<>"}`, () => {
    assert.equal(expandVerp(sender as ReversePath, recipient as Address), seen);
  });
}

test("the queue's Received line tells how the message came [Q-051]", () => {
  const date = "26 Sep 1995 04:46:53 -0000";
  assert.equal(
    receivedByQueue(17, { invoker: "user", uid: 1000 }, date),
    `Received: (qmail 17 invoked by uid 1000); ${date}\n`,
  );
  assert.equal(
    receivedByQueue(17, { invoker: "network", uid: 2 }, date),
    `Received: (qmail 17 invoked from network); ${date}\n`,
  );
  assert.equal(
    receivedByQueue(17, { invoker: "alias", uid: 2 }, date),
    `Received: (qmail 17 invoked by alias); ${date}\n`,
  );
  assert.equal(
    receivedByQueue(17, { invoker: "bounce", uid: 2 }, date),
    `Received: (qmail 17 invoked for bounce); ${date}\n`,
  );
});
