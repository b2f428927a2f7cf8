import assert from "node:assert/strict";
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { programHouse } from "../testing/program-house.ts";
import { main as config } from "./config.ts";

const house = (t: TestContext, files: Readonly<Record<string, string>>) => programHouse(t, { config }, files);

test("quail config set writes a checked file and says what makes it count", async (t) => {
  const { home, run } = house(t, { me: "mx.test\n" });
  const read = (name: string): string => readFileSync(join(home, "control", name), "utf8");
  assert.deepEqual(await run(["config", "set", "locals", "a.org", "b.org"]), {
    code: 0,
    said: "control/locals written. queue: send SIGHUP to reread it; messages in the queue keep their route\n",
  });
  assert.equal(read("locals"), "a.org\nb.org\n");
  const refused = await run(["config", "set", "locals", "*.a.org"]);
  assert.equal(refused.code, 100);
  assert.match(refused.said, /^control\/locals:1: error: has a \*, but this list knows no wildcards\n/);
  assert.equal(read("locals"), "a.org\nb.org\n");
  assert.equal((await run(["config", "set", "locals", "*.a.org", "--force"])).code, 0);
  assert.equal(read("locals"), "*.a.org\n");
  assert.equal((await run(["config", "set", "virtualdomains", "-"], "c.org:joe\n")).code, 0);
  assert.equal(read("virtualdomains"), "c.org:joe\n");
  assert.equal((await run(["config", "set", "poppasswd", "x"])).code, 0);
  assert.equal(statSync(join(home, "control", "poppasswd")).mode & 0o777, 0o600);
  assert.equal((await run(["config", "set", "me", "a", "b"])).code, 100);
  assert.equal((await run(["config", "set", "nosuch", "b"])).code, 100);
});

test("logins and secrets are in no listing; get shows them to who asks for them", async (t) => {
  const { run } = house(t, {
    me: "mx.test\n",
    smtproutes: "far.test:relay.test:26 joe hunter2\n:smart.test\n",
    poppasswd: "joe:hunter2\n",
  });
  for (const words of [["list"], ["list", "--json"], ["explain", "smtproutes"], ["explain", "poppasswd", "--json"]])
    assert.doesNotMatch((await run(["config", ...words])).said, /hunter2/, words.join(" "));
  assert.match((await run(["config", "explain", "smtproutes"])).said, /far\.test:relay\.test:26 \(secret\)/);
  assert.equal((await run(["config", "get", "smtproutes"])).said, "far.test:relay.test:26 joe hunter2\n:smart.test\n");
});

test("quail config get, unset, list and explain tell what is in force and why", async (t) => {
  const { run } = house(t, { me: "mx.test\n", concurrencyremote: "60\n" });
  assert.deepEqual(await run(["config", "get", "concurrencyremote"]), { code: 0, said: "60\n" });
  assert.deepEqual(await run(["config", "get", "locals"]), { code: 0, said: "mx.test\n" });
  assert.deepEqual(await run(["config", "get", "badmailfrom"]), { code: 1, said: "" });
  assert.equal((await run(["config", "unset", "concurrencyremote"])).code, 0);
  assert.equal((await run(["config", "unset", "concurrencyremote"])).code, 1);
  assert.deepEqual(await run(["config", "get", "concurrencyremote"]), { code: 0, said: "20\n" });
  assert.match((await run(["config", "list"])).said, /^queuelifetime +604800 {2}\(default\)$/m);
  const { said } = await run(["config", "explain", "helohost"]);
  assert.match(said, /now: +mx\.test {2}\(me\)\n +missing: +means control\/me, or an error\n/);
  const explained = JSON.parse((await run(["config", "explain", "helohost", "--json"])).said) as { reload: string };
  assert.equal(explained.reload, "live");
});

test("quail config list shows no password hashes; get does, to who asks for them", async (t) => {
  const { run } = house(t, { me: "mx.test\n", poppasswd: "you:$scrypt$x$y\n" });
  for (const words of [["list"], ["list", "--json"], ["explain", "poppasswd"], ["explain", "poppasswd", "--json"]]) {
    assert.doesNotMatch((await run(["config", ...words])).said, /\$scrypt/, words.join(" "));
  }
  assert.equal((await run(["config", "get", "poppasswd"])).said, "you:$scrypt$x$y\n");
});

test("quail config check names file, line and reason, and fails on errors only", async (t) => {
  const bad = await house(t, { me: "mx.test\n", rcpthosts: "mx.test\r\n" }).run(["config", "check"]);
  assert.equal(bad.code, 1);
  assert.match(bad.said, /^control\/rcpthosts:1: error: ends with CR/m);
  assert.match(bad.said, /1 errors, 1 warnings\n$/);
  const warned = await house(t, { me: "mx.test\n", rcpthosts: "mx.test\n", stranger: "" }).run([
    "config",
    "check",
    "--json",
  ]);
  assert.equal(warned.code, 0);
  assert.equal((JSON.parse(warned.said) as unknown[]).length, 1);
});

test("quail config check reads tcp rules and users/assign too, and misses the postmaster", async (t) => {
  const { home, run } = house(t, { me: "mx.test\n", rcpthosts: "mx.test\n", "tcp.smtp": "127.:allow\n10.:permit\n" });
  const check = async (): Promise<readonly string[]> => (await run(["config", "check"])).said.split("\n");
  const assign = (text: string): void => writeFileSync(join(home, "users", "assign"), text);
  mkdirSync(join(home, "users"));
  mkdirSync(join(home, "alias"));
  // Root's own folder gets no mail at all; somebody else's does.
  if (process.getuid?.() === 0) chownSync(join(home, "alias"), 65534, 65534);
  assign("=joe:joe:1:1:/home/joe:::\n.\n=rest:is:not:read\n");
  const said = await check();
  assert.ok(said.includes("control/tcp.smtp:2: error: is no tcprules rule"));
  assert.ok(said.includes("users/assign: warning: is not compiled: run qmail-newu"));
  const abuse = (lines: readonly string[]): boolean =>
    lines.some((line) => line.startsWith("alias/.qmail-abuse: warning: is missing"));
  assert.ok(abuse(said));
  writeFileSync(join(home, "alias", ".qmail-abuse"), "joe@far.test\n");
  assert.ok(!abuse(await check()));
});
