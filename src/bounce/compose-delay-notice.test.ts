import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Address, ReversePath } from "#mail";
import { composeDelayNotice, type DelayNoticeInput } from "./compose-delay-notice.ts";
import { delayRecipient, isAutomatic } from "./delay-recipient.ts";
import { parseQsbmf } from "./parse-qsbmf.ts";

const original = `Received: (qmail 17 invoked by uid 1000); 26 Sep 1995 04:46:50 -0000
Date: 26 Sep 1995 04:46:50 -0000
From: joe@heaven.test
To: god@hell.test
Subject: are you there?

Just checking.
`;

const plain: DelayNoticeInput = {
  to: "joe@heaven.test" as Address,
  bounceFrom: "MAILER-DAEMON",
  bounceHost: "mx.heaven.test",
  delayed: [
    { recipient: "god@hell.test", report: "CNAME lookup failed temporarily. (#4.4.3)\n" },
    {
      recipient: "b@hell.test",
      report:
        "192.0.2.1 does not like recipient.\nRemote host said: 450 5.7.1 not now,\nperhaps later\nGiving up on 192.0.2.1.\n",
    },
  ],
  now: new Date("1995-09-26T08:46:53Z"),
  bornAt: new Date("1995-09-26T04:46:50Z"),
  retryUntil: new Date("1995-10-03T04:46:50Z"),
  unique: "18.00c0ffee00c0ffee",
  headerBytes: original.indexOf("\n\n") + 2,
};

/** The notice as it is queued: head, as much of the original as it says, tail. */
function whole(input: DelayNoticeInput): string {
  const notice = composeDelayNotice(input);
  return notice.head.toString("latin1") + original.slice(0, notice.copyBytes) + notice.tail.toString("latin1");
}

/** Compares with golden/NAME.txt; `QUAIL_GOLDEN=write` writes it anew, to be read before it is committed. */
function golden(name: string, text: string): void {
  const path = join(import.meta.dirname, "golden", `${name}.txt`);
  if (process.env.QUAIL_GOLDEN === "write") writeFileSync(path, text, "latin1");
  assert.equal(text, readFileSync(path, "latin1"));
}

test("a delay notice names who waits and why, until when, and copies the header alone (RFC 3464, RFC 3461)", () => {
  golden("delay", whole(plain));
});

test("with bounceformat qsbmf a delay notice is text alone", () => {
  golden("delay-qsbmf", whole({ ...plain, format: "qsbmf" }));
});

test("nobody who reads QSBMF takes a delay notice for a failure", () => {
  for (const format of ["qsbmf", "mime", "both"] as const) {
    const text = whole({ ...plain, format });
    assert.equal(parseQsbmf(text), null, format);
    assert.ok(!text.includes("Hi. This is the"), format);
  }
});

test("bouncemaxbytes limits what a delay notice copies", () => {
  assert.equal(composeDelayNotice({ ...plain, maxCopyBytes: 10 }).copyBytes, 10);
  assert.equal(composeDelayNotice({ ...plain, maxCopyBytes: 5000 }).copyBytes, plain.headerBytes);
});

test("no report can put words of its own into a delay notice's fields or paragraphs", () => {
  const delayed = [{ recipient: "a\nBcc: x@y.test", report: "no\n\n<eve@x.test>:\nyes\n" }];
  const text = whole({ ...plain, delayed, format: "qsbmf" });
  assert.ok(text.includes("\n<a_Bcc: x@y.test>:\nno\n/<eve@x.test>:\nyes\n\n"), text);
});

test("bounces and owners of VERP lists have nobody who hears of a delay", () => {
  const table: readonly (readonly [ReversePath, string | null])[] = [
    ["joe@heaven.test" as Address, "joe@heaven.test"],
    ["list-owner@heaven.test" as Address, "list-owner@heaven.test"],
    ["", null],
    ["#@[]", null],
    ["list-owner-@heaven.test-@[]" as ReversePath, null],
  ];
  for (const [sender, to] of table) assert.equal(delayRecipient(sender), to, sender);
});

test("mail of programs and lists is known by its header (RFC 3834, RFC 2369, RFC 2919)", () => {
  const table: readonly (readonly [string, boolean])[] = [
    ["Subject: precedence: bulk\n", false],
    ["Precedence: bulk\n", true],
    ["PRECEDENCE:\n List\n", true],
    ["Precedence: junk \n", true],
    ["Precedence: first-class\n", false],
    ["Precedence: listless\n", false],
    ["Auto-Submitted: no\n", false],
    ["Auto-Submitted: No (really)\n", false],
    ["Auto-Submitted: auto-generated\n", true],
    ["Auto-Submitted: auto-replied; owner-email=a@b.test\n", true],
    ["Auto-Submitted: none-of-it\n", true],
    ["List-Id: talk <talk.heaven.test>\n", true],
    ["list-post: <mailto:talk@heaven.test>\n", true],
    ["Listen-To: me\n", false],
  ];
  for (const [field, automatic] of table) assert.equal(isAutomatic(["To: a@b.test\n", field]), automatic, field);
});
