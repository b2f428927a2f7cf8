import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { freshMaildirName, maildirName } from "./maildir-name.ts";

test("the name of a delivery is made of the message's birth, the queue's number and the recipient's", () => {
  const mark = { bornAtMs: 1_700_000_000_123, queueId: 42, index: 3 };
  assert.equal(maildirName(mark, "mail.example.org"), "1700000000.M123000Q42R3.mail.example.org");
  assert.equal(maildirName(mark, "mail.example.org", 1), "1700000000.M123000Q42R3C1.mail.example.org");
});

test("a host name cannot leave the folder or begin the flags", () => {
  assert.equal(maildirName({ bornAtMs: 0, queueId: 1, index: 0 }, "a/b:c"), "0.M0Q1R0.a\\057b\\072c");
});

test("two deliveries in the same second have different names [Q-177]", () => {
  const mark = fc.record({
    bornAtMs: fc.integer({ min: 1000, max: 1999 }),
    queueId: fc.nat(20),
    index: fc.nat(20),
  });
  fc.assert(
    fc.property(mark, mark, (a, b) => {
      const same = a.bornAtMs === b.bornAtMs && a.queueId === b.queueId && a.index === b.index;
      assert.equal(maildirName(a, "h") === maildirName(b, "h"), same);
    }),
  );
  const now = new Date(5_250);
  assert.notEqual(freshMaildirName(now, "h"), freshMaildirName(now, "h"));
  assert.match(freshMaildirName(now, "h"), /^5\.M250000P\d+Q\d+\.h$/);
});
