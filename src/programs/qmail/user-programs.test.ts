import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openCdbSync } from "#files";
import { openAssigned } from "#users";
import { programHouse } from "../testing/program-house.ts";
import { main as getpw } from "./qmail-getpw.ts";
import { main as newmrh } from "./qmail-newmrh.ts";
import { main as newu } from "./qmail-newu.ts";
import { main as pw2u } from "./qmail-pw2u.ts";

const me = process.getuid?.() ?? 0;

function house(t: TestContext, control: Readonly<Record<string, string>> = {}) {
  const programs = { "qmail-getpw": getpw, "qmail-newu": newu, "qmail-newmrh": newmrh, "qmail-pw2u": pw2u };
  const { home, run } = programHouse(t, programs, control);
  mkdirSync(join(home, "users"));
  return { home, run, users: join(home, "users") };
}

const joe = "=joe:joe:101:102:/home/joe:::\n";

test("qmail-newu makes users/cdb of users/assign; an edit has no effect before it [Q-128]", async (t) => {
  const { run, users } = house(t);
  writeFileSync(join(users, "assign"), `${joe}.\n`);
  assert.deepEqual(await run(["qmail-newu"]), { code: 0, said: "" });
  assert.deepEqual(readdirSync(users).sort(), ["assign", "cdb"]);
  assert.equal(statSync(join(users, "cdb")).mode & 0o777, 0o644);
  const find = openAssigned(join(users, "cdb"));
  assert.equal(find("joe")?.route.uid, 101);

  const before = statSync(join(users, "cdb")).ino;
  writeFileSync(join(users, "assign"), "=joe:joe:201:202:/home/joe:::\n.\n");
  assert.equal(find("joe")?.route.uid, 101);
  assert.deepEqual(await run(["qmail-newu"]), { code: 0, said: "" });
  assert.equal(find("joe")?.route.uid, 201);
  assert.notEqual(statSync(join(users, "cdb")).ino, before, "replaced, not rewritten");
});

test("without the final dot qmail-newu fails and the old cdb stays [Q-129]", async (t) => {
  const { run, users } = house(t);
  writeFileSync(join(users, "assign"), `${joe}.\n`);
  await run(["qmail-newu"]);
  const old = readFileSync(join(users, "cdb"));
  for (const [text, where] of [
    [`=ann${joe.slice(4)}`, "users/assign:2: expected a line with a single . at the end of the file"],
    [`${joe}=ann:ann\n.\n`, "users/assign:2: expected 7 colons"],
  ] as const) {
    writeFileSync(join(users, "assign"), text);
    const { code, said } = await run(["qmail-newu"]);
    assert.equal(said, `qmail-newu: fatal: bad format in users/assign\nqmail-newu: ${where}\n`);
    assert.equal(code, 111);
    assert.deepEqual(readFileSync(join(users, "cdb")), old);
  }
});

test("qmail-newu names the step that failed [Q-128]", async (t) => {
  const { home, run, users } = house(t);
  const fails = async (words: string) =>
    assert.deepEqual(await run(["qmail-newu"]), { code: 111, said: `qmail-newu: fatal: ${words}\n` });
  await fails("unable to open users/assign");
  mkdirSync(join(users, "assign"));
  await fails("unable to read users/assign");
  rmSync(join(users, "assign"), { recursive: true });
  writeFileSync(join(users, "assign"), ".\n");
  mkdirSync(join(users, "cdb.tmp"));
  await fails("unable to open users/cdb.tmp");
  rmSync(join(users, "cdb.tmp"), { recursive: true });
  mkdirSync(join(users, "cdb"));
  await fails("unable to move users/cdb.tmp to users/cdb");
  rmSync(home, { recursive: true });
  await fails("unable to chdir");
  mkdirSync(home); // for the end of the test
});

test("qmail-newmrh compiles lower-cased domains, and keeps the old table on trouble [Q-259]", async (t) => {
  const { home, run } = house(t, { morercpthosts: "# busy\n\nExample.ORG \t\n.Sub.Example\n" });
  assert.deepEqual(await run(["qmail-newmrh"]), { code: 0, said: "" });
  const file = join(home, "control/morercpthosts");
  const has = (domain: string): boolean => {
    const cdb = openCdbSync(`${file}.cdb`);
    const data = cdb?.get(Buffer.from(domain));
    cdb?.close();
    return data?.length === 0;
  };
  assert.deepEqual(["example.org", ".sub.example", "Example.ORG", "", "# busy"].map(has), [
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.deepEqual(readdirSync(join(home, "control")).sort(), ["morercpthosts", "morercpthosts.cdb"]);

  mkdirSync(`${file}.tmp`);
  const write = await run(["qmail-newmrh"]);
  assert.equal(write.code, 111);
  assert.match(write.said, /^qmail-newmrh: fatal: unable to write to control\/morercpthosts\.tmp: is a directory\n$/);
  rmSync(file);
  const read = await run(["qmail-newmrh"]);
  assert.deepEqual(read, {
    code: 111,
    said: "qmail-newmrh: fatal: unable to read control/morercpthosts: file does not exist\n",
  });
  assert.ok(has("example.org"));
});

test("qmail-pw2u reads passwd on stdin and the files in users, and writes users/assign [Q-132] [Q-133]", async (t) => {
  const { home, run, users } = house(t);
  mkdirSync(join(home, "h"));
  const passwd = `alias:x:${me || 70}:7::${home}/h:/bin/sh\njoe:x:${me || 71}:8::${home}/h:/bin/sh\nann:x:99:9::/nowhere:\n`;
  // Root is nobody's uid in a mail system, so as root the homes are left out of it.
  const options = me === 0 ? ["-H"] : [];
  writeFileSync(join(users, "exclude"), me === 0 ? "ann\n" : "");
  writeFileSync(join(users, "append"), "=x:y:1:2:/:::\n");
  writeFileSync(join(users, "subusers"), "# none\ninfo:joe:i:\n");
  writeFileSync(join(users, "mailnames"), "joe:joe:joe.user\n");
  const joeIs = `joe:${me || 71}:8:${home}/h`;
  const aliasIs = `alias:${me || 70}:7:${home}/h`;
  const { code, said } = await run(["qmail-pw2u", ...options, "-c+", "-/"], passwd);
  assert.equal(
    said,
    `+:${aliasIs}:-/::
=alias:${aliasIs}:::
+alias+:${aliasIs}:-/::
=joe:${joeIs}:::
+joe+:${joeIs}:-/::
=joe.user:${joeIs}:::
+joe.user+:${joeIs}:-/::
=info:${joeIs}:-/:i:
+info+:${joeIs}:-/:i-:
=x:y:1:2:/:::
.
`,
  );
  assert.equal(code, 0);
  writeFileSync(join(users, "assign"), said);
  assert.equal((await run(["qmail-newu"])).code, 0);
});

test("qmail-pw2u says what is wrong and writes nothing", async (t) => {
  const { run, users } = house(t);
  const passwd = "joe:x:101:102::/nowhere/at/all:\n";
  const dies = (words: string) => ({ code: 111, said: `qmail-pw2u: fatal: ${words}\n` });
  assert.deepEqual(await run(["qmail-pw2u"], passwd), dies("unable to find alias user"));
  assert.deepEqual(await run(["qmail-pw2u", "-h"], passwd), dies("unable to stat /nowhere/at/all"));
  assert.equal((await run(["qmail-pw2u", "-x"])).code, 100);
  assert.equal((await run(["qmail-pw2u", "-oc"])).code, 100);
  mkdirSync(join(users, "include"));
  assert.deepEqual(await run(["qmail-pw2u"], passwd), dies("unable to read controls"));
});

test("qmail-getpw prints six fields with their NULs for a machine's own accounts [Q-134] [Q-118]", async (t) => {
  const { home, run } = house(t);
  mkdirSync(join(home, "alias"));
  chmodSync(join(home, "alias"), 0o755);
  const { code, said } = await run(["qmail-getpw", "root-Foo"]);
  const { uid, gid } = statSync(join(home, "alias"));
  assert.deepEqual(
    [code, said.split("\0")],
    [0, ["alias", String(uid), String(gid), `${home}/alias`, "-", "root-Foo", ""]],
  );
  assert.equal((await run(["qmail-getpw"])).code, 100);
});

test("five thousand accounts go through qmail-pw2u and qmail-newu in a few seconds, and each is found at once [Q-132]", async (t) => {
  const { run, users } = house(t);
  const count = 5_000;
  const accounts = Array.from({ length: count }, (_, n) => `user${n}:x:${20_000 + n}:100::/home/user${n}:/bin/sh\n`);
  const started = performance.now();
  const assign = await run(["qmail-pw2u", "-H"], `alias:x:7790:2108::/var/qmail/alias:/bin/true\n${accounts.join("")}`);
  assert.equal(assign.code, 0);
  writeFileSync(join(users, "assign"), assign.said);
  assert.deepEqual(await run(["qmail-newu"]), { code: 0, said: "" });
  const compiledMs = performance.now() - started;
  const find = openAssigned(join(users, "cdb"));
  const asked = performance.now();
  for (let n = 0; n < count; n++) {
    assert.equal(find(`user${n}`)?.route.uid, 20_000 + n);
    const extended = find(`User${n}-List-Owner`)?.route;
    assert.deepEqual([extended?.uid, extended?.dash, extended?.ext], [20_000 + n, "-", "List-Owner"]);
  }
  assert.equal(find("nobody-here")?.route.user, "alias");
  const askedMs = performance.now() - asked;
  assert.ok(compiledMs < 10_000, `made in ${Math.round(compiledMs)} ms`);
  assert.ok(askedMs < 5_000, `${2 * count} look-ups in ${Math.round(askedMs)} ms`);
  t.diagnostic(`made in ${Math.round(compiledMs)} ms, ${2 * count} look-ups in ${Math.round(askedMs)} ms`);
});

test("each step of qmail-newmrh that fails is named, and the old table stays [Q-259]", async (t) => {
  const { home, run } = house(t, { morercpthosts: "a.example\n" });
  const control = (name: string) => join(home, "control", name);
  const fails = async (words: string): Promise<void> => {
    const { code, said } = await run(["qmail-newmrh"]);
    assert.equal(code, 111);
    assert.ok(said.startsWith(`qmail-newmrh: fatal: ${words}: `), said);
  };
  mkdirSync(control("morercpthosts.tmp"));
  await fails("unable to write to control/morercpthosts.tmp");
  rmSync(control("morercpthosts.tmp"), { recursive: true });
  mkdirSync(join(control("morercpthosts.cdb"), "in the way"), { recursive: true });
  await fails("unable to move control/morercpthosts.tmp to control/morercpthosts.cdb");
  rmSync(control("morercpthosts"));
  await fails("unable to read control/morercpthosts");
  assert.deepEqual(readdirSync(control("morercpthosts.cdb")), ["in the way"]);
});
