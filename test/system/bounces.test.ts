/** Mail that cannot be delivered, seen end to end: who gets told what, and where it stops. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { House, inbox, readNew, until } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

let house: House;

before(async () => {
  house = await House.open({ control: { rcptcheck: "0\n" } });
  writeFileSync(house.path("alias", ".qmail-postmaster"), "&you-postmaster@localhost\n", { mode: 0o644 });
  writeFileSync(house.path("home", "you", ".qmail-postmaster"), "./Maildir/\n", { mode: 0o644 });
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

function arrived(words: string): Promise<string> {
  return until(`a message with ${words}`, () => {
    return (
      [...readNew(house.maildir).values()]
        .map((bytes) => bytes.toString("latin1"))
        .find((text) => text.includes(words)) ?? null
    );
  });
}

test("an unknown user accepted without rcptcheck comes back to the sender [Q-085, Q-095, Q-138]", async () => {
  const message = "Subject: to nobody\n\na body to know it by\n";
  assert.equal((await sendOne(house.ports.smtp, inbox, ["nobody-here@localhost"], message)).code, 250);
  const bounce = await arrived("a body to know it by");
  assert.match(
    bounce,
    /^Return-Path: <>\nDelivered-To: you@localhost\nReceived: \(qmail [0-9]+ invoked for bounce\); /,
  );
  assert.match(bounce, /\nTo: you@localhost\nSubject: failure notice\n/);
  assert.match(
    bounce,
    /\nHi\. This is the qmail-send program at [^\n]+\.\nI'm afraid I wasn't able to deliver your message to the following addresses\.\n/,
  );
  assert.match(bounce, /\n<nobody-here@localhost>:\nSorry, no mailbox here by that name\. \(#5\.1\.1\)\n/);
  assert.match(bounce, /\nReturn-Path: <you@localhost>\nReceived: .*\nSubject: to nobody\n\na body to know it by\n/s);
});

test("the log tells of the failure and of the bounce, in that order [Q-099]", async () => {
  const from = house.logLines().length - 1;
  assert.equal(
    (await sendOne(house.ports.smtp, inbox, ["nobody-else@localhost"], "Subject: logged\n\nbody\n")).code,
    250,
  );
  const [, id = ""] = await house.logged(
    /^starting delivery [0-9]+: msg ([0-9]+) to local nobody-else@localhost$/,
    30_000,
    from,
  );
  await house.logged(/^delivery [0-9]+: failure: Sorry,_no_mailbox_here_by_that_name\._\(#5\.1\.1\)\/$/, 30_000, from);
  const [, qp = ""] = await house.logged(new RegExp(`^bounce msg ${id} qp ([0-9]+)$`), 30_000, from);
  await house.logged(new RegExp(`^info msg [0-9]+: bytes [0-9]+ from <> qp ${qp} uid [0-9]+$`), 30_000, from);
  await house.logged(new RegExp(`^end msg ${id}$`), 30_000, from);
});

test("a bounce that bounces goes to postmaster, sender #@[] [Q-091, Q-096]", async () => {
  const message = "Subject: from nobody to nobody\n\na second body to know it by\n";
  assert.equal((await sendOne(house.ports.smtp, "no-sender@localhost", ["no-recipient@localhost"], message)).code, 250);
  const text = await arrived("a second body to know it by");
  assert.match(text, /^Return-Path: <#@\[\]>\nDelivered-To: you-postmaster@localhost\n/);
  assert.match(text, /\nI tried to deliver a bounce message to this address, but the bounce bounced!\n/);
  assert.match(text, /\n--- Below this line is the original bounce\.\n/);
});

test("what postmaster cannot get either is thrown away and logged [Q-092]", async () => {
  writeFileSync(house.path("alias", ".qmail-postmaster"), "|echo no postmaster today; exit 100\n", { mode: 0o644 });
  const before = readNew(house.maildir).size;
  assert.equal(
    (await sendOne(house.ports.smtp, "no-sender2@localhost", ["no-recipient2@localhost"], "Subject: x\n\ny\n")).code,
    250,
  );
  await house.logged(/^triple bounce: discarding bounce\/[0-9]+$/);
  assert.equal(readNew(house.maildir).size, before);
});

test("with rcptcheck the same stranger is refused at RCPT, from the next session on [Q-270]", async () => {
  house.control("rcptcheck", "1\n");
  const refused = await sendOne(house.ports.smtp, inbox, ["nobody-here@localhost"], "Subject: x\n\n");
  assert.equal(refused.code, 550);
  assert.match(refused.lines.join(), /\(#5\.1\.1\)$/);
  house.control("rcptcheck", "0\n");
  const before = readNew(house.maildir).size;
  assert.equal((await sendOne(house.ports.smtp, inbox, ["nobody-there@localhost"], "Subject: x\n\n")).code, 250);
  await until("the bounce", () => readNew(house.maildir).size > before);
});
