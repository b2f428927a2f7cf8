import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { utf8ToByteString } from "#bytes";
import { shown, shownLines, shownSize, shownSpan } from "#log";
import type { QueuedMessage, QueuedRecipient } from "#queue";
import { qreadEntry } from "./qread.ts";
import { fitsAddress, isMeant, parseSize, parseSpan } from "./queue-filter.ts";
import { queueEntry, queueHeading, queueRow } from "./queue-list.ts";

const now = new Date("2026-11-22T10:00:00Z");

const recipient = (more: Partial<QueuedRecipient>): QueuedRecipient => ({
  index: 0,
  address: "ann@far.test",
  channel: "remote",
  state: "pending",
  dueAt: new Date(now.getTime() + 240_000),
  attempts: 1,
  lastReport: "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n",
  ...more,
});

const message: QueuedMessage = {
  id: 457,
  bornAt: new Date("2026-11-22T07:55:00Z"),
  agedFrom: new Date("2026-11-22T07:55:00Z"),
  sizeBytes: 1234,
  sender: "joe@heaven.test",
  bouncing: true,
  held: false,
  recipients: [
    recipient({}),
    recipient({ index: 1, address: "b c\x01@far.test", state: "failed" }),
    recipient({ index: 2, address: "bob@heaven.test", channel: "local", state: "done" }),
    recipient({ index: 3, address: "eve@heaven.test", channel: "local", state: "held" }),
  ],
};

test("qmail-qread lists a message as qmail did: date, number, bytes, sender, done recipients [Q-080, Q-258]", () => {
  assert.equal(
    qreadEntry(message),
    "22 Nov 2026 07:55:00 GMT  #457  1234  <joe@heaven.test>  bouncing\n" +
      "  done\tlocal\tbob@heaven.test\n\tlocal\teve@heaven.test\n" +
      "\tremote\tann@far.test\n  done\tremote\tb_c_@far.test\n",
  );
  const bounce = { ...message, sender: "", bouncing: false, recipients: [] };
  assert.equal(qreadEntry(bounce), "22 Nov 2026 07:55:00 GMT  #457  1234  <> \n");
});

test("a row of the queue list lines up under its heading", () => {
  assert.equal(
    queueHeading + queueRow(message, now),
    "      ID      AGE    SIZE     LEFT     NEXT  SENDER -> RECIPIENT\n" +
      "     457    2h05m    1.2K      2/4    4m00s  <joe@heaven.test> -> ann@far.test and 1 more  (bounce owed)\n",
  );
  const held = { ...message, recipients: [recipient({ state: "held" })] };
  assert.match(queueRow(held, now), / 1\/1 +held {2}</);
});

test("a message is shown with the last report of each recipient", () => {
  const text = queueEntry(message, now);
  assert.match(text, /sender: +<joe@heaven\.test>\n +bounce: +owed when every recipient is finished\n/);
  assert.match(
    text,
    / {4}ann@far\.test {2}remote, pending, 1 attempt, next attempt in 4m00s\n {6}Sorry, I wasn't able .* \(#4\.4\.1\)\n/,
  );
});

test("what peers wrote cannot steer a terminal", () => {
  assert.equal(shown("a\x1b[31mb\u009b"), "a_[31mb\ufffd");
  assert.equal(shown(utf8ToByteString("jöe\u202e\u0085x")), "jöe__x");
  assert.equal(shownLines("a\tb\nc\x07"), "a\tb\nc_");
});

test("sizes and spans are short", () => {
  assert.deepEqual([0, 999, 1000, 1234, 10_200, 1_048_576, 5e9].map(shownSize), [
    "0",
    "999",
    "1.0K",
    "1.2K",
    "10K",
    "1.0M",
    "4.7G",
  ]);
  assert.deepEqual([0, 59_000, 61_000, 7_500_000, 273_600_000].map(shownSpan), [
    "0s",
    "59s",
    "1m01s",
    "2h05m",
    "3d04h",
  ]);
});

test("filters name addresses, domains and patterns", () => {
  const rows: readonly [address: string, wanted: string, fits: boolean][] = [
    ["Joe@Heaven.test", "joe@heaven.TEST", true],
    ["joe@heaven.test", "@heaven.test", true],
    ["joe@sub.heaven.test", "@heaven.test", false],
    ["joe@heaven.test", "heaven", false],
    ["joe@heaven.test", "*heaven*", true],
    ["joe@heaven.test", "j*e@*.test", true],
    ["joe@heaven.test", "*@hell*", false],
    ["aba", "ab*ba", false],
    ["", "<>", true],
    ["", "", true],
    ["joe@heaven.test", "", false],
  ];
  for (const [address, wanted, fits] of rows) assert.equal(fitsAddress(address, wanted), fits, `${address} ${wanted}`);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 8 }),
      fc.array(fc.constantFrom("a", "b"), { maxLength: 8 }),
      (glob, text) => {
        const pattern = glob.join("");
        if (!pattern.includes("*")) return;
        assert.equal(
          fitsAddress(text.join(""), pattern),
          new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text.join("")),
        );
      },
    ),
  );
});

test("all that a filter says must hold, and only unfinished recipients count", () => {
  const meant = (filter: Parameters<typeof isMeant>[1]): boolean => isMeant(message, filter, now);
  assert.ok(meant({}));
  assert.ok(meant({ ids: new Set([457]), sender: "@heaven.test", olderMs: 7_500_000, largerBytes: 1234, held: false }));
  assert.ok(!meant({ ids: new Set([458]) }));
  assert.ok(!meant({ olderMs: 7_500_001 }));
  assert.ok(!meant({ largerBytes: 1235 }));
  assert.ok(!meant({ held: true }));
  assert.ok(meant({ recipient: "ann@far.test", channel: "remote" }));
  assert.ok(!meant({ recipient: "ann@far.test", channel: "local" }));
  assert.ok(!meant({ recipient: "bob@heaven.test" }));
  assert.deepEqual(["90", "5m", "2h", "1w", "x", "1y"].map(parseSpan), [
    90_000,
    300_000,
    7_200_000,
    604_800_000,
    null,
    null,
  ]);
  assert.deepEqual(["500", "10k", "2M", "1.5k"].map(parseSize), [500, 10_240, 2_097_152, null]);
});
