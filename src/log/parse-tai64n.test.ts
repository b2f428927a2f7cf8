import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readStamped } from "./parse-tai64n.ts";
import { tai64nOf } from "./tai64n.ts";

test("a stamp that was written reads back to the millisecond", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true }), (moment) => {
      assert.deepEqual(readStamped(`${tai64nOf(moment)} new msg 1`), { at: moment, text: "new msg 1" });
    }),
  );
});

test("what bears no stamp is no stamped line", () => {
  for (const line of ["", "new msg 1", "@4000", "@4000000037c219bf2ef02e94x", `@${"f".repeat(24)} x`]) {
    assert.equal(readStamped(line), null, line);
  }
  assert.deepEqual(readStamped("@4000000037c219bf2ef02e94"), { at: new Date("1999-08-24T04:04:05.787Z"), text: "" });
});
