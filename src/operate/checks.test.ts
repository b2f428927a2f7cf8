import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Problem } from "#control";
import { makeResolver } from "#dns";
import { startTestDns } from "#dns/testing";
import { checkHomes } from "./check-homes.ts";
import { checkAll } from "./check-house.ts";
import { checkInstall, isQueueRemote } from "./check-install.ts";
import { checkNetwork, checkRelayRules } from "./check-network.ts";
import { checkSecrets } from "./secrets.ts";

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;

function folder(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const home = mkdtempSync(join(tmpdir(), "quail-check-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  chmodSync(home, 0o755);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(home, name, ".."), { recursive: true, mode: 0o755 });
    if (!name.endsWith("/")) writeFileSync(join(home, name), text, "latin1");
  }
  return home;
}

const lines = (home: string, problems: readonly Problem[]): readonly string[] =>
  problems.map(
    ({ file, line, reason }) => `${file.replace(`${home}/`, "")}${line === null ? "" : `:${line}`} ${reason}`,
  );

const layout = {
  "": 0o755,
  control: 0o755,
  users: 0o755,
  alias: 0o755,
  bin: 0o755,
  log: 0o755,
  run: 0o711,
  queue: 0o711,
};
const inner = { "queue/mess": 0o700, "queue/drop": 0o1733 };

function laid(t: TestContext): string {
  const home = folder(t);
  for (const [name, mode] of Object.entries({ ...layout, ...inner })) {
    if (name !== "") mkdirSync(join(home, name));
    chmodSync(join(home, name), mode);
  }
  return home;
}

test("a home as it was made has no flaw; what is missing, open or of the wrong kind is told in instcheck's words [Q-059]", (t) => {
  const home = laid(t);
  assert.deepEqual(checkInstall(home), []);
  rmSync(join(home, "users"), { recursive: true });
  chmodSync(join(home, "control"), 0o777);
  chmodSync(join(home, "queue/mess"), 0o755);
  rmSync(join(home, "bin"), { recursive: true });
  writeFileSync(join(home, "bin"), "");
  writeFileSync(join(home, "queue/door"), "no socket");
  mkdirSync(join(home, "queue/queue.db"));
  assert.deepEqual(
    checkInstall(home).map(({ path, flaw }) => `${path.slice(home.length + 1)} ${flaw}`),
    [
      "control has wrong permissions",
      "users does not exist",
      "bin has wrong type",
      "queue/mess has wrong permissions",
      "queue/queue.db has wrong type",
      "queue/door has wrong type",
    ],
  );
});

test("a folder of the queue that is somebody else's is told [Q-059]", {
  skip: uid !== 0 && "needs root",
}, async (t) => {
  const home = laid(t);
  const { chownSync } = await import("node:fs");
  chownSync(join(home, "queue/mess"), 65534, 65534);
  assert.deepEqual(checkInstall(home), [{ path: join(home, "queue/mess"), flaw: "has wrong owner" }]);
  // As it is when each role has a uid of its own: the queue's, alias's, the rest root's.
  for (const name of ["queue", "queue/mess", "queue/drop"]) chownSync(join(home, name), 65532, 65532);
  chownSync(join(home, "alias"), 65531, 65531);
  assert.deepEqual(checkInstall(home), []);
  chownSync(join(home, "alias"), 0, 0);
  chownSync(join(home, "control"), 65531, 65531);
  assert.deepEqual(
    checkInstall(home).map(({ path }) => path),
    [join(home, "control"), join(home, "alias")],
  );
});

test("passwords that everybody on the machine may read are told, with the line of a route", (t) => {
  const home = folder(t, {
    "control/poppasswd": "joe:x\n",
    "control/smtproutes": "# relays\na.test:b.test\nfar.test:relay.test joe hunter2\n",
    "control/qmtproutes": "a.test:b.test\n",
  });
  const told = (): readonly string[] => lines(home, checkSecrets(home, ["poppasswd", "batvkey"]));
  const open = "and every user of this machine may read the file";
  assert.deepEqual(told(), [
    `control/poppasswd is a secret, ${open}`,
    `control/smtproutes:3 has a password in it, ${open}`,
  ]);
  chmodSync(join(home, "control/poppasswd"), 0o600);
  chmodSync(join(home, "control/smtproutes"), 0o640);
  assert.deepEqual(told(), []);
});

test("accounts that are no users to qmail are told: upper case, a home that is not theirs or not there (G2, G3)", (t) => {
  const home = folder(t, { "people/joe/": "" });
  const other = uid === 4242 ? 4243 : 4242;
  mkdirSync(join(home, "people", "ann"));
  writeFileSync(
    join(home, "passwd"),
    [
      `Fred:x:4000:1::${home}/people/joe:/bin/sh`,
      `ann:x:${other}:1::${home}/people/ann:/bin/sh`,
      "bob:x:4001:1::/nowhere:/bin/sh",
      "daemon:x:1:1::/nowhere:/bin/sh\n",
    ].join("\n"),
  );
  assert.deepEqual(lines(home, checkHomes(home, join(home, "passwd"))), [
    "account Fred has upper case in its name: no address ever leads to it (G3)",
    `account ann does not own its home ${home}/people/ann: it gets no mail (G2)`,
    "account bob has the home /nowhere, which is not there: it gets no mail",
  ]);
});

test("the lint of .qmail files: names that are never read, lines that are not what they seem, modes (G4, G5, G24, G25, G42)", (t) => {
  const home = folder(t, {
    "alias/.qmail-John": "&joe\n",
    "alias/.qmail-john.doe": "&joe\n",
    "alias/.qmail-nothing": "# nobody\n",
    "alias/.qmail-blank": "&joe\n joe@far.test\n",
    "alias/.qmail-list": "./Mailbox\n",
    "alias/.qmail-open": "&joe\n",
    "alias/.qmail-good": "|forward joe\n&ann\n",
    "joe/.qmail": "\n./Maildir/\n",
    "users/assign": "",
  });
  writeFileSync(join(home, "users/assign"), `=joe:joe:${uid}:${gid}:${home}/joe:::\n.\n`);
  writeFileSync(join(home, "passwd"), "");
  chmodSync(join(home, "alias/.qmail-list"), 0o744);
  chmodSync(join(home, "alias/.qmail-open"), 0o646);
  chmodSync(join(home, "joe"), 0o770);
  assert.deepEqual(lines(home, checkHomes(home, join(home, "passwd"))), [
    "alias/.qmail-John has upper case in its name: it is never read (G5)",
    "alias/.qmail-blank:2 a line that begins with a blank is taken for an address to forward to",
    "alias/.qmail-john.doe has a dot in its name: it is never read; call it .qmail-john:doe (G4)",
    "alias/.qmail-list has its x bit set, and lines that deliver to files or programs: mail waits",
    "alias/.qmail-nothing no line delivers anything: all mail is accepted and thrown away",
    "alias/.qmail-open is writable by everybody: mail waits until it is not",
    "joe is writable by its group: whoever is in it can read this mail (G42)",
    "joe/.qmail:1 the first line is blank: all mail waits until it is not",
  ]);
  chmodSync(join(home, "joe"), 0o1755);
  assert.ok(lines(home, checkHomes(home, join(home, "passwd"))).includes("joe is sticky: mail waits until it is not"));
});

test("rules that let everybody relay are an error, rules that do not let this machine relay a warning (G12)", (t) => {
  const home = folder(t, { "control/tcp.smtp": '127.:allow,RELAYCLIENT=""\n:allow\n' });
  const said = () => lines(home, checkRelayRules(home));
  assert.deepEqual(said(), []);
  writeFileSync(join(home, "control/tcp.smtp"), ':allow,RELAYCLIENT=""\n');
  assert.deepEqual(said(), ["control/tcp.smtp sets RELAYCLIENT for any client: this host is an open relay"]);
  rmSync(join(home, "control/tcp.smtp"));
  assert.deepEqual(said(), ['control/tcp.smtp does not let this machine relay: 127.:allow,RELAYCLIENT="" would (G12)']);
});

/** An SMTP port on loopback that greets with this line. */
async function greeter(t: TestContext, greeting: string): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => {}).end(greeting)).listen(0, "127.0.0.1");
  await new Promise((up) => server.once("listening", up));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("control/me is looked up, its names too, and its SMTP port is tried", async (t) => {
  await using dns = await startTestDns({
    "mail.test": { a: ["127.0.0.1"] },
    "1.0.0.127.in-addr.arpa": { ptr: ["other.test"] },
    "ill.test": { fault: "servfail" },
  });
  const home = folder(t, { "control/me": "mail.test\n" });
  const resolver = makeResolver({ servers: () => [{ address: dns.address, port: dns.port }] });
  const said = async (port: number) => lines(home, await checkNetwork(home, { resolver, port }));
  const called = "control/me 127.0.0.1 is called other.test in DNS, not mail.test: some hosts refuse its mail";
  assert.deepEqual(await said(await greeter(t, "220 Mail.Test ESMTP\r\n")), [called]);
  const taken = await greeter(t, "220 printer.test ready\r\n");
  assert.deepEqual(await said(taken), [
    called,
    `control/me port ${taken} of mail.test (127.0.0.1) is somebody else: it says "220 printer.test ready"`,
  ]);
  const [, closed] = await said(1);
  assert.match(
    closed ?? "",
    /^control\/me port 1 of mail\.test \(127\.0\.0\.1\) cannot be reached from here \(ECONNREFUSED\)/,
  );
  writeFileSync(join(home, "control/me"), "nowhere.test\n");
  assert.deepEqual(await said(1), [
    "control/me DNS has no address for nowhere.test: other hosts cannot send mail here",
  ]);
  writeFileSync(join(home, "control/me"), "ill.test\n");
  assert.deepEqual(await said(1), ["control/me DNS does not say now where ill.test is"]);
  writeFileSync(join(home, "control/me"), "localhost\n");
  assert.deepEqual(await said(1), [
    "control/me localhost is no name other hosts can find: mail from outside does not come here",
  ]);
});

test("a host without the alias account and without a catch-all is told, as one whose mail would wait (G1)", async (t) => {
  const home = folder(t, { "control/me": "mail.test\n", "control/rcpthosts": "mail.test\n", passwd: "" });
  const said = async () => lines(home, await checkAll(home, { network: null, passwd: join(home, "passwd") }));
  const missing =
    "account alias is missing, and users/assign has no line for what nobody claims: such mail waits for ever";
  assert.ok((await said()).includes(missing));
  mkdirSync(join(home, "alias"));
  writeFileSync(join(home, "passwd"), `alias:x:4000:4000::${home}/alias:/bin/true\n`);
  assert.ok(!(await said()).includes(missing));
});

test("a queue on a network file system is told (G36)", (t) => {
  const home = laid(t);
  assert.equal(isQueueRemote(home), false);
  assert.equal(
    isQueueRemote(home, () => 0x6969),
    true,
  );
  assert.equal(isQueueRemote(join(home, "nowhere")), false);
});
