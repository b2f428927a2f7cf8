import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { catalogue } from "./catalogue.ts";
import { checkHome } from "./check-home.ts";
import { checkText } from "./check-text.ts";
import { ControlError, readLines, readNumber, readValue } from "./read.ts";
import { readSetting } from "./setting.ts";

/** A home with these control files; gone when the test ends. */
function homeWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const home = mkdtempSync(join(tmpdir(), "quail-control-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "control"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, "control", name), text, "latin1");
  return home;
}

const shown = (home: string): readonly string[] =>
  checkHome(home).map(({ file, line, level, reason }) => `${file}:${line ?? "-"} ${level} ${reason}`);

test("trailing blanks, comments and empty lines do not count, leading blanks do [Q-253]", (t) => {
  const home = homeWith(t, { me: "# not a comment \t\nrest\n", locals: "a.org \t\n\n# c\n b.org\n#\n" });
  assert.equal(readValue(home, "me"), "# not a comment");
  assert.deepEqual(readLines(home, "locals"), ["a.org", " b.org"]);
});

test("a number file without leading digits means the default [Q-254]", (t) => {
  const home = homeWith(t, { databytes: "lots\n", queuelifetime: "12 days\n", timeoutremote: "\n" });
  assert.equal(readNumber(home, "databytes"), null);
  assert.equal(readSetting(home, "databytes"), 0);
  assert.equal(readSetting(home, "queuelifetime"), 12);
  assert.equal(readSetting(home, "timeoutremote"), 1200);
  assert.equal(readSetting(home, "concurrencylocal"), 10);
});

test("an unreadable file is an error, never its default", (t) => {
  const home = homeWith(t, {});
  mkdirSync(join(home, "control", "locals"));
  assert.throws(() => readSetting(home, "locals"), ControlError);
  if (process.getuid?.() === 0) return t.diagnostic("root reads files of mode 000: only the folder case was tried");
  writeFileSync(join(home, "control", "databytes"), "1\n");
  chmodSync(join(home, "control", "databytes"), 0);
  assert.throws(() => readSetting(home, "databytes"), ControlError);
});

test("files that default to me do, then to their own name, to an error, or to nothing [Q-256]", (t) => {
  const home = homeWith(t, { me: "mx.test\n" });
  assert.equal(readSetting(home, "bouncehost"), "mx.test");
  assert.equal(readSetting(home, "helohost"), "mx.test");
  assert.deepEqual(readSetting(home, "locals"), ["mx.test"]);
  const without = homeWith(t, { helohost: "h.test\n", locals: "l.test\n", smtpgreeting: "g.test\n" });
  assert.equal(readSetting(without, "bouncehost"), "bouncehost");
  assert.equal(readSetting(without, "localiphost"), null);
  assert.equal(readSetting(without, "helohost"), "h.test");
  assert.deepEqual(readSetting(without, "locals"), ["l.test"]);
  assert.equal(readSetting(without, "smtpgreeting"), "g.test");
  assert.throws(() => readSetting(homeWith(t, {}), "helohost"), ControlError);
});

test("a missing list is not an empty one; a missing map is empty; the last of equal keys counts", (t) => {
  const home = homeWith(t, { rcpthosts: "# none\n", smtproutes: "A.org:one\nno colon\na.org:two:26\n" });
  assert.deepEqual(readSetting(home, "rcpthosts"), []);
  assert.equal(readSetting(home, "badmailfrom"), null);
  assert.deepEqual([...readSetting(home, "smtproutes")], [["a.org", "two:26"]]);
  assert.equal(readSetting(home, "virtualdomains").size, 0);
  assert.equal(readSetting(home, "rcptcheck"), true);
  assert.equal(readSetting(homeWith(t, { rcptcheck: "no\n" }), "rcptcheck"), false);
});

test("every example in the catalogue passes its own check", () => {
  for (const [name, file] of catalogue) assert.deepEqual(checkText(name, file, `${file.example}\n`), [], name);
});

test("every control file that the source reads is in the catalogue", () => {
  const source = join(import.meta.dirname, "..");
  const reads = /read(?:Value|Number|Lines|Entries|Text|Setting)\(\s*[\w.]+,\s*"([^"]+)"/g;
  const missing = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.startsWith("control/"))
    .flatMap((path) => {
      const names = [...readFileSync(join(source, path), "utf8").matchAll(reads)].map((match) => match[1] ?? "");
      return names.filter((name) => !catalogue.has(name)).map((name) => `${path}: ${name}`);
    });
  assert.deepEqual(missing, []);
});

test("entries that cannot do what was meant are named by file, line and reason", (t) => {
  const home = homeWith(t, {
    me: "mx.test\n",
    rcpthosts: "mx.test\na.org\n*.b.org\n A.org\na.org\n",
    locals: ".sub.org\nmx.test\r\n",
    virtualdomains: "a.org:joe\nnothing\na.org:jim\nb.org: joe\nc.org:joe@x\n",
    smtproutes: ":[192.0.2.1]:x\n.a.org:relay.test\n",
    bindroutes: "198.51.100.:192.0.2.1\n203.0.113.:here\n",
    concurrencyremote: "0\n",
    databytes: "1 MB\n",
    queuelifetime: "a week\n",
    bounceformat: "html\n",
    helohost: "#mx\nmore\n",
    nosuchfile: "x\n",
    relaymailfrom: "@x\n",
  });
  assert.deepEqual(shown(home), [
    "control/bindroutes:2 error has no IP address after its :",
    "control/bounceformat:1 error is none of qsbmf, mime, both",
    "control/concurrencyremote:- warning is 0: that channel's mail stays in the queue",
    "control/databytes:1 warning has more than a number; 1 counts",
    "control/helohost:1 warning begins with #, which is no comment in a file of one value",
    "control/helohost:1 error is not a host name",
    "control/helohost:2 warning is not read: only the first line counts",
    "control/locals:1 error begins with a dot, but this list knows no wildcards",
    "control/locals:2 error ends with CR (a DOS line end), which counts as part of the entry",
    "control/nosuchfile:- warning is no control file anything reads",
    "control/queuelifetime:1 error does not begin with a digit, so the default 604800 applies",
    "control/rcpthosts:3 error has a *; write .example.org for every subdomain of example.org",
    "control/rcpthosts:4 error begins with a blank, which counts as part of the entry",
    "control/rcpthosts:5 warning says the same as line 2",
    "control/relaymailfrom:- warning is known from a patch, but nothing here reads it: junk control is not built in yet",
    "control/smtproutes:1 error has a port that is not a number from 1 to 65535",
    "control/virtualdomains:1 warning is overruled by line 3, which has the same key",
    "control/virtualdomains:2 error has no : and is ignored",
    "control/virtualdomains:4 error has blanks around its :, which count",
    "control/virtualdomains:4 warning b.org is not in rcpthosts: mail for it from outside is refused",
    "control/virtualdomains:5 error has an @ after its :, but a prefix belongs there (a user's name)",
    "control/virtualdomains:5 warning c.org is not in rcpthosts: mail for it from outside is refused",
  ]);
});

test("files that contradict each other are found", (t) => {
  const both = homeWith(t, {
    me: "mx.test\n",
    locals: "mx.test\na.org\n",
    virtualdomains: "b.org:joe\nA.ORG:joe\n",
    rcpthosts: ".test\na.org\nb.org\n",
    morercpthosts: "c.org\n",
    percenthack: "a.org\n",
  });
  assert.deepEqual(shown(both), [
    "control/morercpthosts:- warning has no effect before qmail-newmrh is run",
    "control/percenthack:1 warning is in rcpthosts too: anyone may relay by user%host",
    "control/virtualdomains:2 warning never counts: the domain is local (control/locals:2)",
  ]);
  assert.deepEqual(shown(homeWith(t, { virtualdomains: "MX.test:joe\n", me: "mx.test\n", rcpthosts: "mx.test\n" })), [
    "control/virtualdomains:1 warning never counts: the domain is local (control/me)",
  ]);
});

test("a missing rcpthosts is an error, or an open relay when that was asked for", (t) => {
  const [missing] = shown(homeWith(t, { me: "mx.test\n" }));
  assert.match(missing ?? "", /^control\/rcpthosts:- error is missing, so SMTP does not start/);
  const [open] = shown(homeWith(t, { me: "mx.test\n", openrelay: "1\n" }));
  assert.match(open ?? "", /^control\/rcpthosts:- warning is missing and openrelay is on/);
});

test("without me, what would default to it is missed", (t) => {
  const [problem] = shown(homeWith(t, { rcpthosts: "a.org\n", locals: "a.org\n" }));
  assert.equal(problem, "control/me:- error is missing, and so is helohost, smtpgreeting, which would default to it");
});

test("a healthy home has no problems", (t) => {
  const files = {
    me: "mx.test\n",
    rcpthosts: "mx.test\na.org\n.a.org\n",
    virtualdomains: "a.org:joe\n.a.org:joe-sub\n",
  };
  assert.deepEqual(checkHome(homeWith(t, files)), []);
});
