import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parsePasswd } from "#users";
import { findRoles } from "./roles.ts";

function homeWith(t: TestContext, roleaccounts: string | null): string {
  const home = mkdtempSync(join(tmpdir(), "quail-roles-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "control"));
  if (roleaccounts !== null) writeFileSync(join(home, "control", "roleaccounts"), roleaccounts);
  return home;
}

const line = (name: string, uid: number, gid: number): string => `${name}:x:${uid}:${gid}::/var/qmail:/bin/false\n`;
const qmail =
  line("alias", 901, 950) +
  line("qmaild", 902, 950) +
  line("qmaill", 903, 950) +
  line("qmailq", 904, 951) +
  line("qmailr", 905, 951);

test("qmail's accounts are the roles', without them there are none", (t) => {
  const home = homeWith(t, null);
  assert.deepEqual(findRoles(home, parsePasswd(qmail)), {
    smtpd: { uid: 902, gid: 950 },
    queue: { uid: 904, gid: 951 },
    remote: { uid: 905, gid: 951 },
    metrics: { uid: 903, gid: 950 },
    alias: { uid: 901, gid: 950 },
    aliasIsNamed: true,
  });
  assert.equal(findRoles(home, parsePasswd(qmail.replace("qmailr", "other"))), null);
  assert.equal(findRoles(home, new Map()), null);
  assert.equal(findRoles("/nonexistent", new Map()), null);
});

test("control/roleaccounts names others, by name or number", (t) => {
  const home = homeWith(t, "smtpd:mail\nalias:907:950\n");
  const roles = findRoles(home, parsePasswd(qmail + line("mail", 8, 8)));
  assert.deepEqual(
    [roles?.smtpd, roles?.alias, roles?.aliasIsNamed],
    [{ uid: 8, gid: 8 }, { uid: 907, gid: 950 }, false],
  );
});

for (const [text, reason] of [
  ["smtpd:nobody-here\n", /there is no account nobody-here \(for smtpd\)/],
  ["smtpd:0:0\n", /smtpd may not be root/],
  ["smtpd:904:950\n", /queue has the same uid as another role/],
  ["remote:905:950\n", /queue and remote must be of one group/],
  ["metrics:903:951\n", /metrics may not be of the group of queue and remote/],
] as const) {
  test(`accounts that keep nothing apart are refused: ${text.trim()}`, (t) => {
    assert.throws(() => findRoles(homeWith(t, text), parsePasswd(qmail)), reason);
  });
}
