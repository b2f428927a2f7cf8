import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkLogin, openLoginSources } from "#auth";
import { compileAssign, parseAssign } from "#users";
import { programHouse } from "../testing/program-house.ts";
import { main as passwd } from "./passwd.ts";

function house(t: TestContext, files: Readonly<Record<string, string>>) {
  const made = programHouse(t, { passwd }, { me: "mx.test\n", ...files });
  const path = join(made.home, "control", "poppasswd");
  const accepts = async (login: string, secret: string): Promise<string> => {
    const nobody = { passwd: "/dev/null", shadow: "/dev/null" };
    return (await checkLogin({ login, secret, timestamp: "" }, openLoginSources(made.home, nobody))).kind;
  };
  return { ...made, path, accepts };
}

test("quail passwd replaces the hash of an entry, under whichever name it stands; the file stays its owner's alone", async (t) => {
  const { run, path, accepts } = house(t, { poppasswd: "# mine\nyou@mx.test:old:1:1:/h\nann:x:2:2:/a\n" });
  assert.deepEqual(await run(["passwd", "you"], "s\u00e9 cret:1\n"), { code: 0, said: "" });
  const text = readFileSync(path, "latin1");
  assert.match(text, /^# mine\nyou@mx\.test:\$argon2id\$[^:]+:1:1:\/h\nann:x:2:2:\/a\n$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await accepts("you", Buffer.from("s\u00e9 cret:1").toString("latin1")), "yes");
  assert.equal(await accepts("you", "old"), "no");
});

test("a user without an entry gets one with the ids and the home of their mail", async (t) => {
  const { run, home, path, accepts } = house(t, {});
  mkdirSync(join(home, "users"), { recursive: true });
  const entries = parseAssign("=joe:joe:1234:1235:/home/joe:::\n.\n");
  assert.ok(!("kind" in entries));
  writeFileSync(join(home, "users", "cdb"), compileAssign(entries));
  assert.equal((await run(["passwd", "joe", "--apop"], "tanstaaf")).code, 0);
  assert.equal(readFileSync(path, "latin1"), "joe:{PLAIN.b64}dGFuc3RhYWY=:1234:1235:/home/joe\n");
  assert.equal(await accepts("joe", "tanstaaf"), "yes");
});

test("what is no password, or no user, changes nothing", async (t) => {
  const { run, path } = house(t, { poppasswd: "ann:x:2:2:/a\n" });
  for (const input of ["", "\n", "a\0b\n", "x".repeat(300)])
    assert.equal((await run(["passwd", "ann"], input)).code, 1);
  assert.equal((await run(["passwd", "no-such-user-here"], "x\n")).code, 1);
  assert.equal((await run(["passwd", "a:b"], "x\n")).code, 1);
  assert.equal((await run(["passwd"], "x\n")).code, 100);
  assert.equal((await run(["passwd", "ann", "password"], "x\n")).code, 100);
  assert.equal(readFileSync(path, "latin1"), "ann:x:2:2:/a\n");
});

test("--scram keeps a key that the password fits, and SCRAM can be proved by", async (t) => {
  const { run, path, accepts } = house(t, { poppasswd: "ann:x:2:2:/a\n" });
  assert.equal((await run(["passwd", "--scram", "ann"], "pencil\n")).code, 0);
  assert.match(readFileSync(path, "latin1"), /^ann:\{SCRAM-SHA-256\}10000,[^:]+:2:2:\/a\n$/);
  assert.equal(await accepts("ann", "pencil"), "yes");
  assert.equal(await accepts("ann", "pencils"), "no");
});

test("--app makes a password that is shown once, --apps lists the names, --revoke takes one back", async (t) => {
  const { run, home, path, accepts } = house(t, { poppasswd: "you@mx.test:!:2:2:/a\n" });
  chmodSync(path, 0o600);
  const made = await run(["passwd", "you", "--app", "my phone"]);
  assert.equal(made.code, 0);
  assert.match(made.said, /^(?:[a-z2-9]{4}-){4}[a-z2-9]{4}\n$/);
  assert.equal(await accepts("you", made.said.trim()), "yes");
  assert.equal(statSync(join(home, "control/apppasswd")).mode & 0o777, 0o600);
  assert.ok(!readFileSync(join(home, "control/apppasswd"), "latin1").includes(made.said.trim()));
  assert.match((await run(["passwd", "you", "--apps"])).said, /^\d{4}-\d\d-\d\d {2}my phone\n$/);
  const listed = JSON.parse((await run(["passwd", "you", "--apps", "--json"])).said) as { name: string }[];
  assert.deepEqual(
    listed.map(({ name }) => name),
    ["my phone"],
  );
  assert.equal((await run(["passwd", "you", "--app", "my phone"])).code, 1, "the name is taken");
  assert.equal((await run(["passwd", "you", "--app", "a:b"])).code, 1);
  assert.equal((await run(["passwd", "you", "--revoke", "other"])).code, 1);
  assert.equal((await run(["passwd", "you", "--revoke", "my phone"])).code, 0);
  assert.equal(await accepts("you", made.said.trim()), "no");
  assert.equal((await run(["passwd", "you", "--app"])).code, 100);
  assert.equal((await run(["passwd", "you", "--what"])).code, 100);
});
