import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { quoteAddress } from "#mail";
import { maxPathBytes, parsePath } from "./path.ts";

const rows: readonly [argument: string, address: string, parameters: string][] = [
  ["FROM:<a@b.test>", "a@b.test", ""],
  ["FROM: <a@b.test>", "a@b.test", ""],
  ["from:<a@b.test> SIZE=1 BODY=8BITMIME", "a@b.test", "SIZE=1 BODY=8BITMIME"],
  ["TO:u@example.com", "u@example.com", ""],
  ["TO:  u@example.com NOTIFY=NEVER", "u@example.com", "NOTIFY=NEVER"],
  ["TO:<@a,@b:u@example.com>", "u@example.com", ""],
  ["TO:@a,@b:u@example.com", "u@example.com", ""],
  ["TO:<@nocolon>", "", ""],
  ['TO:<"a b"@example.com>', "a b@example.com", ""],
  ['TO:<"a>b"@example.com>', "a>b@example.com", ""],
  ['TO:<"a\\"b"@example.com> X=Y', 'a"b@example.com', "X=Y"],
  ["TO:<a\\>b@example.com>", "a>b@example.com", ""],
  ["TO:<a\\", "a", ""],
  ["TO:<u@[IPv6:2001:db8::1]>", "u@[IPv6:2001:db8::1]", ""],
  ["TO:<u@example.com", "u@example.com", ""],
  ["FROM:<>", "", ""],
  ["FROM:<> SIZE=10", "", "SIZE=10"],
  ["Joe <joe@example.com>", "joe@example.com", ""],
  ["TO <u@example.com>", "u@example.com", ""],
  ["TO:<a<b@example.com>", "a<b@example.com", ""],
  ["", "", ""],
  ["FROM", "", ""],
];

test("MAIL and RCPT arguments are read as leniently as qmail reads them [Q-013] [Q-014] [Q-015] [Q-016]", () => {
  for (const [argument, address, parameters] of rows) {
    assert.deepEqual(parsePath(argument), { address, parameters }, argument);
  }
});

test("an address of 899 bytes is taken, one of 900 is not, quotes and routes not counted [Q-012]", () => {
  const long = `${"a".repeat(maxPathBytes - 7)}@x.test`;
  assert.equal(parsePath(`TO:<${long}>`)?.address.length, 899);
  assert.equal(parsePath(`TO:<a${long}>`), null);
  assert.equal(parsePath(`TO:<@r:"${long.slice(0, -7)}"@x.test>`)?.address.length, 899);
  assert.equal(parsePath(`TO:<@r:"a${long.slice(0, -7)}"@x.test>`), null);
  assert.equal(parsePath(`TO:a${long}`), null);
});

test("an address quoted for the wire is read back as it was (RFC 5321 §4.1.2)", () => {
  const local = fc.string({
    unit: fc.constantFrom("a", ".", " ", '"', "\\", "<", ">", "@", "\xe9", ":"),
    maxLength: 12,
  });
  fc.assert(
    fc.property(local, (text) => {
      // A leading @ is a source route to qmail unless quoted; quoteAddress quotes it.
      const address = `${text}@x.test`;
      assert.equal(parsePath(`TO:<${quoteAddress(address)}>`)?.address, address);
    }),
  );
});
