import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { utf8ToByteString } from "#bytes";
import type { Address, ReversePath } from "#mail";
import { bounceRecipient } from "./bounce-recipient.ts";
import { type BounceInput, bounceFormat, composeBounce } from "./compose-bounce.ts";
import { parseQsbmf } from "./parse-qsbmf.ts";

const original = `Received: (qmail 17 invoked by uid 1000); 26 Sep 1995 04:46:50 -0000
Date: 26 Sep 1995 04:46:50 -0000
From: joe@heaven.test
To: god@hell.test
Subject: are you there?

Just checking.
`;
const headerBytes = original.indexOf("\n\n") + 2;

const plain: BounceInput = {
  kind: "single",
  to: "joe@heaven.test" as Address,
  bounceFrom: "MAILER-DAEMON",
  bounceHost: "mx.heaven.test",
  sender: "joe@heaven.test" as Address,
  failures: [{ recipient: "god@hell.test", report: "Sorry, no mailbox here by that name. (#5.1.1)\n" }],
  now: new Date("1995-09-26T04:46:53Z"),
  bornAt: new Date("1995-09-26T04:46:50Z"),
  unique: "17.00c0ffee00c0ffee",
  original: { sizeBytes: original.length, headerBytes },
};

const remoteReport =
  "192.0.2.1 does not like recipient.\nRemote host said: 550 5.7.1 not you,\nnot today\nGiving up on 192.0.2.1.\n";

/** The bounce as it goes to the door: head, as much of the original as it says, tail. */
function whole(input: BounceInput, message = original): string {
  const bounce = composeBounce(input);
  return bounce.head.toString("latin1") + message.slice(0, bounce.copyBytes) + bounce.tail.toString("latin1");
}

/** Compares with golden/NAME.txt; `QUAIL_GOLDEN=write` writes it anew, to be read before it is committed. */
function golden(name: string, text: string): void {
  const path = join(import.meta.dirname, "golden", `${name}.txt`);
  if (process.env.QUAIL_GOLDEN === "write") writeFileSync(path, text, "latin1");
  assert.equal(text, readFileSync(path, "latin1"));
}

test("the classic form is the QSBMF skeleton to the byte, with a copy under its Return-Path [Q-095]", () => {
  golden("qsbmf", whole({ ...plain, format: "qsbmf" }));
});

test("several failures are paragraphs of one report [Q-087]", () => {
  const failures = [...plain.failures, { recipient: "odd box@hell.test", report: remoteReport }];
  golden("qsbmf-two", whole({ ...plain, failures, format: "qsbmf" }));
});

test("a double bounce has the two other texts and a null Return-Path [Q-096]", () => {
  const to = "postmaster@heaven.test" as Address;
  golden("qsbmf-double", whole({ ...plain, kind: "double", to, sender: "", format: "qsbmf" }));
});

test("by default a report is multipart/report and still begins with QSBMF (RFC 3464)", () => {
  golden(
    "both",
    whole({ ...plain, failures: [...plain.failures, { recipient: "b@hell.test", report: remoteReport }] }),
  );
});

test("bounceformat mime has no preamble (RFC 3464)", () => {
  golden("mime", whole({ ...plain, format: "mime" }));
});

test("an internationalized address makes an internationalized report (RFC 6533)", () => {
  const recipient = utf8ToByteString("jöe@hell.test");
  golden("mime-utf8", whole({ ...plain, format: "mime", failures: [{ ...plain.failures[0]!, recipient }] }));
});

test("From and the host in the text follow bouncefrom and bouncehost [Q-086]", () => {
  const text = whole({ ...plain, bounceFrom: "no reply", bounceHost: "b.test", format: "qsbmf" });
  assert.match(text, /^From: "no reply"@b\.test$/m);
  assert.match(text, /^Hi\. This is the qmail-send program at b\.test\.$/m);
  assert.match(whole(plain), /^From: MAILER-DAEMON@mx\.heaven\.test$/m);
});

test("an empty line in a report becomes a line that begins with a slash, at its end too [Q-089]", () => {
  const rows: readonly [string, string][] = [
    ["a\n\nb\n", "a\n/b\n"],
    ["a\n\n\nb", "a\n//b\n"],
    ["a\n\n", "a\n/\n"],
    ["\na", "/a\n"],
    ["a\r\n\r\nb\0\rc\n", "a\n/b__c\n"],
    ["", ""],
  ];
  for (const [report, shown] of rows) {
    const text = whole({ ...plain, failures: [{ recipient: "x@y", report }], format: "qsbmf" });
    assert.ok(text.includes(`\n\n<x@y>:\n${shown}\n--- Below`), JSON.stringify(report));
  }
});

test("an address cannot add lines to the header or to the report", () => {
  const evil = "a\nBcc: x@y\n\n@h" as Address;
  const failures = [{ recipient: evil, report: "no\n" }];
  for (const format of ["qsbmf", "mime", "both"] as const) {
    const text = whole({ ...plain, to: evil, sender: evil, failures, format });
    assert.doesNotMatch(text, /^Bcc/m);
  }
});

test("bouncemaxbytes cuts the copy and says so [Q-098]", () => {
  const classic = { ...plain, maxCopyBytes: headerBytes + 4, format: "qsbmf" } as const;
  assert.ok(whole(classic).endsWith("are you there?\n\nJust\n\n--- Rest of message truncated.\n"));
  golden("mime-cut", whole({ ...plain, maxCopyBytes: headerBytes + 4, format: "mime" }));
  assert.equal(composeBounce({ ...plain, maxCopyBytes: 10 }).copyBytes, 10);
  assert.equal(composeBounce({ ...plain, maxCopyBytes: original.length }).copyBytes, original.length);
  assert.doesNotMatch(whole({ ...plain, maxCopyBytes: original.length }), /truncated/);
});

test("subject and text of the admin's own leave a report parsable [Q-291]", () => {
  const text = "Questions?\n\n<not@a.recipient>:\n- not a break\ncall 1234\n";
  for (const format of ["qsbmf", "mime", "both"] as const) {
    const message = whole({ ...plain, format, text, subject: utf8ToByteString("zurück") });
    assert.deepEqual(parseQsbmf(message)?.failures, [
      { recipient: "god@hell.test", report: "Sorry, no mailbox here by that name. (#5.1.1)" },
    ]);
    assert.match(message, /^Subject: =\?utf-8\?B\?enVyw7xjaw==\?=$/m);
    assert.match(message, /^Questions\?$/m);
  }
});

test("the boundary is a line no report holds", () => {
  const boundary = "--=_bounce_17.00c0ffee00c0ffee";
  const text = whole({ ...plain, failures: [{ recipient: "a@b", report: `x\n${boundary}\n` }], format: "mime" });
  assert.match(text, /boundary="=_bounce_17\.00c0ffee00c0ffee_"/);
});

test("status comes from the report's code, else from the remote host, else it is 5.0.0", () => {
  const statusIn = (report: string, status?: string): string | undefined => {
    const failure = { recipient: "a@b", report, ...(status === undefined ? {} : { status }) };
    return /^Status: (.*)$/m.exec(whole({ ...plain, failures: [failure] }))?.[1];
  };
  assert.equal(statusIn("Sorry. (#5.1.1)\n"), "5.1.1");
  assert.equal(statusIn(remoteReport), "5.7.1");
  assert.equal(statusIn("No idea.\n"), "5.0.0");
  assert.equal(statusIn("Sorry. (#5.1.1)\n", "5.2.2"), "5.2.2");
});

test("a bounce with a hundred thousand failures stays bounded", () => {
  const report = "x".repeat(10_000);
  const failures = Array.from({ length: 100_000 }, (_, i) => ({ recipient: `u${i}@hell.test`, report }));
  assert.ok(composeBounce({ ...plain, failures }).head.length < 64 * 1024 * 1024);
});

test("every failure of any report text reads back, in every format", () => {
  const octets = fc.string({
    unit: fc.integer({ min: 1, max: 255 }).map((n) => String.fromCharCode(n)),
    maxLength: 60,
  });
  const failure = fc.record({ recipient: octets, report: octets });
  fc.assert(
    fc.property(fc.array(failure, { maxLength: 4 }), fc.constantFrom("qsbmf", "mime", "both"), (failures, name) => {
      const format = bounceFormat(name)!;
      const parsed = parseQsbmf(whole({ ...plain, failures, format }));
      assert.deepEqual(
        parsed?.failures.map((each) => each.recipient),
        failures.map((each) => each.recipient.replace(/[\x00-\x1f\x7f]/g, "_")),
      );
      if (format === "qsbmf") assert.equal(parsed?.original, `Return-Path: <joe@heaven.test>\n${original}`);
    }),
  );
});

test("a parser of reports takes any bytes", () => {
  const words = fc.constantFrom("Hi. This is the", "\n\n", "\n", "<a@b>:", "---", "--x", "\0", "é");
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
      parseQsbmf(parts.join(""));
    }),
  );
  assert.equal(parseQsbmf("Subject: hello\n\nHi there.\n"), null);
});

test("a report goes to the sender, to the VERP sender's base, to the double bounce address, to nobody [Q-094]", () => {
  const plan = (sender: string) => bounceRecipient(sender as ReversePath);
  assert.deepEqual(plan("joe@heaven.test"), { kind: "single", to: "joe@heaven.test" });
  assert.deepEqual(plan("l-owner-@h-@[]"), { kind: "single", to: "l-owner-@h" });
  assert.deepEqual(plan(""), { kind: "double" });
  assert.deepEqual(plan("-@[]"), { kind: "double" });
  assert.deepEqual(plan("#@[]"), { kind: "triple" });
});
