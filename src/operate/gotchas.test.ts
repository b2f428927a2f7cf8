/** The traps that qmail springs on an admin without a word, and that `quail check` tells of: one home each, one sentence each. */
import assert from "node:assert/strict";
import { chownSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkAll } from "./check-house.ts";

const assign = "+:alias:7790:2108:/var/qmail/alias:-::\n.\n";

/** A home without a trap but for what a row adds. */
const sound: Readonly<Record<string, string>> = {
  "control/me": "mail.test\n",
  "control/locals": "mail.test\n",
  "control/rcpthosts": "mail.test\nvirtual.test\n",
  "control/defaultdelivery": "./Maildir/\n",
  "control/tcp.smtp": '127.:allow,RELAYCLIENT=""\n:allow\n',
  "users/assign": assign,
  passwd: "",
};

type Row = readonly [gotcha: string, files: Readonly<Record<string, string | null>>, sentence: RegExp];

const rows: readonly Row[] = [
  [
    "G1 no alias for an address every host must have",
    {},
    /^alias\/\.qmail-postmaster: .* mail for postmaster@mail\.test bounces$/,
  ],
  [
    "G3 an account name with upper case",
    { passwd: "Fred:x:4000:1::/home/fred:/bin/sh\n" },
    /^account Fred: has upper case in its name/,
  ],
  [
    "G5 a .qmail file nobody reads",
    { "alias/.qmail-Info": "&joe\n" },
    /\/alias\/\.qmail-Info: has upper case in its name: it is never read/,
  ],
  [
    "G12 this machine may not relay",
    { "control/tcp.smtp": ":allow\n" },
    /^control\/tcp\.smtp: does not let this machine relay/,
  ],
  ["G13 no rcpthosts", { "control/rcpthosts": null }, /^control\/rcpthosts: is missing, so SMTP does not start/],
  [
    "G24 a .qmail file that swallows mail",
    { "alias/.qmail-info": "# later\n" },
    /\/alias\/\.qmail-info: no line delivers anything/,
  ],
  [
    "G25 a line that begins with a blank",
    { "alias/.qmail-info": "&joe\n ann\n" },
    /\/alias\/\.qmail-info:2: a line that begins with a blank/,
  ],
  [
    "G30 a domain in locals and virtualdomains",
    { "control/virtualdomains": "mail.test:joe\n" },
    /^control\/virtualdomains:1: never counts: the domain is local \(control\/locals:1\)$/,
  ],
  [
    "G31 a key twice in a control file",
    { "control/virtualdomains": "virtual.test:joe\nVirtual.test:ann\n" },
    /^control\/virtualdomains:1: is overruled by line 2/,
  ],
  [
    "G31 a key twice in users/assign",
    { "users/assign": `=a:a:1:1:/a:::\n=A:b:1:1:/b:::\n${assign}` },
    /^users\/assign:2: is overruled by line 1/,
  ],
  ["G32 a DOS line end", { "control/locals": "mail.test\r\n" }, /^control\/locals:1: ends with CR/],
  ["G32 a leading blank", { "control/locals": " mail.test\n" }, /^control\/locals:1: begins with a blank/],
  [
    "G33 users/assign without its last line",
    { "users/assign": "=a:a:1:1:/a:::\n" },
    /^users\/assign:2: is not what qmail-newu takes .*: the old cdb stays$/,
  ],
  [
    "G34 users/assign older than the accounts",
    { passwd: "new:x:4000:1::/home/new:/bin/sh\n" },
    /^users\/assign: is older than .*passwd: if it comes from there, make it again$/,
  ],
];

for (const [gotcha, files, sentence] of rows) {
  test(`quail check tells of ${gotcha}`, async (t) => {
    const home = mkdtempSync(join(tmpdir(), "quail-gotcha-"));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    for (const [name, text] of Object.entries({ ...sound, ...files })) {
      if (text === null) continue;
      mkdirSync(dirname(join(home, name)), { recursive: true });
      writeFileSync(join(home, name), text);
    }
    mkdirSync(join(home, "alias"), { recursive: true });
    // Root's own folder gets no mail at all; somebody else's does.
    if (process.getuid?.() === 0) chownSync(join(home, "alias"), 65534, 65534);
    if (gotcha.startsWith("G34")) utimesSync(join(home, "users/assign"), 1000, 1000);
    const problems = await checkAll(home, { network: null, passwd: join(home, "passwd") });
    const told = problems.map(({ file, line, reason }) => `${file}${line === null ? "" : `:${line}`}: ${reason}`);
    assert.ok(
      told.some((one) => sentence.test(one)),
      told.join("\n"),
    );
  });
}
