import assert from "node:assert/strict";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeResolver } from "#dns";
import { startTestDns } from "#dns/testing";
import { flockFile, hasSyscalls } from "#files";
import { programHouse } from "../testing/program-house.ts";
import { adopt, configureByDns } from "./set-up.ts";
import { main as config, setup } from "./setup.ts";

const programs = { "config-fast": config, config, setup };

test("config-fast writes me, locals, rcpthosts, defaultdomain and plusdomain, mode 644, and says so [Q-260]", async (t) => {
  const { home, run } = programHouse(t, programs, { locals: "old.example\n" });
  const { code, said } = await run(["config-fast", "mail.sub.example.com"]);
  assert.equal(code, 0);
  assert.equal(
    said,
    `Your fully qualified host name is mail.sub.example.com.
Putting mail.sub.example.com into control/me...
Putting sub.example.com into control/defaultdomain...
Putting example.com into control/plusdomain...
Putting mail.sub.example.com into control/locals...
Putting mail.sub.example.com into control/rcpthosts...
Now qmail will refuse to accept SMTP messages except to mail.sub.example.com.
Make sure to change rcpthosts if you add hosts to locals or virtualdomains!
`,
  );
  const control = (name: string) => readFileSync(join(home, "control", name), "utf8");
  assert.deepEqual(["me", "locals", "rcpthosts", "defaultdomain", "plusdomain"].map(control), [
    "mail.sub.example.com\n",
    "old.example\nmail.sub.example.com\n",
    "mail.sub.example.com\n",
    "sub.example.com\n",
    "example.com\n",
  ]);
  assert.equal(statSync(join(home, "control/me")).mode & 0o777, 0o644);
  await run(["config-fast", "mail.sub.example.com"]);
  assert.equal(control("locals"), "old.example\nmail.sub.example.com\n", "the same name is added once");
});

test("config-fast without a name, or with one that is none [Q-260]", async (t) => {
  const { home, run } = programHouse(t, programs, {});
  assert.deepEqual(await run(["config-fast"]), {
    code: 100,
    said: "config-fast: usage: config-fast fully.qualified.host.name\n",
  });
  const { code, said } = await run(["config-fast", "localhost"]);
  assert.equal(code, 100);
  assert.match(said, /config-fast: fatal: "localhost" is no fully qualified host name\n$/);
  assert.ok(!existsSync(join(home, "control/me")));
});

test("config finds the name in DNS and makes locals of the names of all addresses", async (t) => {
  await using dns = await startTestDns({
    box: { a: ["192.0.2.1"] },
    "1.2.0.192.in-addr.arpa": { ptr: ["mail.example.com"] },
    "2.2.0.192.in-addr.arpa": { ptr: ["www.example.com"] },
  });
  const { home } = programHouse(t, programs, {});
  const resolver = makeResolver({ servers: () => [{ address: dns.address, port: dns.port }] });
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const addresses = ["192.0.2.1", "192.0.2.2", "127.0.0.1"];
  assert.equal(await configureByDns(home, { hostname: "box", addresses, resolver }, say), true);
  assert.deepEqual(lines.slice(0, 3), [
    "Your hostname is box.",
    "Your host's fully qualified name in DNS is mail.example.com.",
    "Putting mail.example.com into control/me...",
  ]);
  assert.ok(lines.includes("192.0.2.2: Adding www.example.com to control/locals..."));
  assert.ok(lines.includes("127.0.0.1: PTR lookup failed. I assume this address has no DNS name."));
  for (const name of ["locals", "rcpthosts"])
    assert.equal(readFileSync(join(home, "control", name), "utf8"), "mail.example.com\nwww.example.com\n");

  lines.length = 0;
  assert.equal(await configureByDns(home, { hostname: "nameless", addresses, resolver }, say), false);
  assert.deepEqual(lines.slice(1), [
    "Sorry, I couldn't find your host's canonical name in DNS.",
    "You will have to set up control/me yourself.",
  ]);
});

test("quail setup also sends the needed addresses to somebody, and lets this machine relay", async (t) => {
  const { home, run } = programHouse(t, programs, {});
  mkdirSync(join(home, "alias"));
  writeFileSync(join(home, "alias/.qmail-root"), "&me@far.test\n");
  const { code } = await run(["setup", "joe", "mail.example.com"]);
  assert.equal(code, 0);
  const alias = (name: string) => readFileSync(join(home, `alias/.qmail-${name}`), "utf8");
  assert.deepEqual(["postmaster", "mailer-daemon", "abuse", "root"].map(alias), [
    "&joe\n",
    "&joe\n",
    "&joe\n",
    "&me@far.test\n",
  ]);
  assert.equal(
    readFileSync(join(home, "control/tcp.smtp"), "utf8"),
    '127.:allow,RELAYCLIENT=""\n::1:allow,RELAYCLIENT=""\n:allow\n',
  );
  assert.match((await run(["setup"])).said, /^usage: quail setup ADDRESS/);
});

test("quail setup adopt puts an installed qmail's queue and programs aside, and nothing else", async (t) => {
  const { home, run } = programHouse(t, programs, { me: "mail.example.com\n" });
  assert.equal((await run(["setup", "adopt"])).said, `setup: fatal: no qmail is installed in ${home}\n`);
  for (const name of ["queue/intd", "queue/lock", "bin", "alias"]) mkdirSync(join(home, name), { recursive: true });
  writeFileSync(join(home, "bin/qmail-send"), "original");
  const lock = openSync(join(home, "queue/lock/sendmutex"), "w");
  if (hasSyscalls() && flockFile(lock) === true) {
    assert.equal((await run(["setup", "adopt"])).said, `setup: fatal: qmail-send runs on ${home}; stop it first\n`);
  }
  closeSync(lock);
  const { code, said } = await run(["setup", "adopt"]);
  assert.equal(code, 0);
  assert.match(said, /^Renaming .*\/queue to .*\/queue\.qmail\.\.\.\nRenaming .*\/bin to .*\/bin\.qmail\.\.\.\n/);
  assert.equal(readFileSync(join(home, "bin.qmail/qmail-send"), "utf8"), "original");
  assert.ok(
    existsSync(join(home, "queue.qmail/intd")) && existsSync(join(home, "alias")) && !existsSync(join(home, "queue")),
  );
});

test("quail setup adopt takes tcpserver's rules along, unless the home has its own", (t) => {
  const { home } = programHouse(t, programs, { me: "mail.example.com\n" });
  const classic = join(home, "tcp.smtp");
  writeFileSync(classic, "10.:allow\n");
  const lines: string[] = [];
  adopt(home, (line) => lines.push(line), classic);
  assert.equal(readFileSync(join(home, "control/tcp.smtp"), "utf8"), "10.:allow\n");
  assert.equal(lines[0], `Copying ${classic} to ${home}/control/tcp.smtp...`);
  writeFileSync(classic, ":deny\n");
  adopt(home, () => {}, classic);
  assert.equal(readFileSync(join(home, "control/tcp.smtp"), "utf8"), "10.:allow\n");
});
