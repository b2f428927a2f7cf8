import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { combine, parseReport, renderReport } from "./report.ts";

test("recipient and message reports are combined by qmail-rspawn's rule [Q-194]", () => {
  const rows: readonly (readonly [output: string, fate: string, text: string])[] = [
    ["r\0Kdone\n\0", "done", "done\n"],
    ["r\0Zlater\n\0", "temporary", "later\n"],
    ["r\0Dnever\n\0", "permanent", "never\n"],
    ["hno\n\0DGiving up\n\0", "permanent", "no\nGiving up\n"],
    ["snot now\n\0DGiving up\n\0", "temporary", "not now\nGiving up\n"],
    ["hno\n\0Kdone\n\0", "permanent", "no\n"],
    ["hno\n\0Zdied\n\0", "permanent", "no\n"],
    ["snot now\n\0Kdone\n\0", "temporary", "not now\n"],
    ["Znothing\n\0", "temporary", "nothing\n"],
    ["Knothing\n\0", "done", "nothing\n"],
    // Broken programs: what they did is not known, so the mail is kept.
    ["r\0", "temporary", "qmail-remote produced no report.\n"],
    ["garbage", "temporary", "qmail-remote produced no report.\n"],
    ["\0\0\0", "temporary", "qmail-remote produced no report.\n"],
    ["hno\n\0", "permanent", "no\n"],
  ];
  for (const [output, fate, text] of rows)
    assert.deepEqual(combine(parseReport(output)), { fate, text }, JSON.stringify(output));
});

test("a report reads back as it was printed, and no output makes the reader throw", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "K", "\n", "\xff"), maxLength: 20 });
  const outcome = fc.record(
    {
      fate: fc.constantFrom("done" as const, "temporary" as const, "permanent" as const),
      text,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 4 }), outcome, (recipients, message) => {
      assert.deepEqual(parseReport(renderReport({ recipients, message })), { recipients, message });
    }),
  );
  const noise = fc.string({ unit: fc.constantFrom("\0", "r", "h", "s", "K", "Z", "D", "x"), maxLength: 30 });
  fc.assert(fc.property(noise, (output) => combine(parseReport(output)).fate !== undefined));
});
