/** QMAILQUEUE by the tcp rules, in a house as it is started: the SMTP server may start a program because a rule says so. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { House, inbox, quailCommand } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

test("a program that the tcp rules set as QMAILQUEUE filters mail and hands it to qmail-queue", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quail-filter-"));
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755); // smtpd may be somebody else.
  const filter = join(folder, "filter");
  // As qmail-qfilter and its kin do: the message on descriptor 0, the envelope on 1, for qmail-queue the same.
  writeFileSync(filter, `#!/bin/sh\nsed 's/original/filtered/' | { ${quailCommand} qmail-queue; }\n`);
  chmodSync(filter, 0o755);
  await using house = await House.open({ control: { "tcp.smtp": `:allow,QMAILQUEUE="${filter}"\n` } });
  const reply = await sendOne(house.ports.smtp, "a@b.test", [inbox], "Subject: original\n\n");
  assert.equal(reply.code, 250, `${reply.lines}\n${house.log("smtpd")}`);
  const [mail = ""] = await house.mail(1);
  assert.match(mail, /^Subject: filtered$/m);
});

test("without such a rule the SMTP server may start nothing: a rule written later waits for the next start", async () => {
  await using house = await House.open();
  house.control("tcp.smtp", ':allow,QMAILQUEUE="/bin/true"\n');
  const reply = await sendOne(house.ports.smtp, "a@b.test", [inbox], "Subject: x\n\n");
  assert.equal(`${reply.code} ${reply.lines[0]}`, "451 4.3.0 unable to exec qq (#4.3.0)");
});
