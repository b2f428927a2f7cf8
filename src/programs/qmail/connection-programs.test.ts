import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { startTestDns } from "#dns/testing";
import { hasSyscalls } from "#files";
import { multiCallPath, runInProcess } from "#process";
import { findProgram } from "../index.ts";
import { programHouse } from "../testing/program-house.ts";
import { main as dnsTools } from "./dns-tools.ts";
import { watchEntry, watchScreen } from "./maildirwatch.ts";
import { sploggerEntries } from "./splogger.ts";
import { identUser, main as tcpEnv } from "./tcp-env.ts";

const stamp = "1700000000.000001";

test("splogger takes the priority from the first word, shows what is not printable as ? and drops empty lines [Q-261] [L-051] [L-053]", () => {
  assert.deepEqual(sploggerEntries("status: local 0/10", stamp), [
    { priority: 6, text: `${stamp} status: local 0/10` },
  ]);
  assert.deepEqual(sploggerEntries("alert: cannot\tstart\xe4", stamp), [
    { priority: 1, text: `${stamp} alert: cannot?start?` },
  ]);
  assert.deepEqual(sploggerEntries("warning: trouble", stamp), [{ priority: 4, text: `${stamp} warning: trouble` }]);
  assert.deepEqual(sploggerEntries("", stamp), []);
});

test("splogger folds a line after 799 bytes, with + behind the same stamp [Q-261] [L-052]", () => {
  const entries = sploggerEntries(`warning: ${"x".repeat(1600)}`, stamp);
  assert.deepEqual(
    entries.map(({ priority, text }) => [priority, text.slice(0, stamp.length + 2), text.length - stamp.length - 1]),
    [
      [4, `${stamp} w`, 799],
      [4, `${stamp}+x`, 799],
      [4, `${stamp}+x`, 11],
    ],
  );
});

const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(20)
print("bound", flush=True)
for i in range(2): print(s.recv(4096).decode("latin1"), flush=True)
`;

test("splogger speaks to syslog's socket with tag and facility [Q-261] [L-051]", {
  skip: !(hasSyscalls() && existsSync("/usr/bin/python3") && process.platform === "linux") && "needs koffi and python3",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quail-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, "log");
  const python = spawn("/usr/bin/python3", ["-c", receiver, socket], { stdio: ["ignore", "pipe", "inherit"] });
  let got = "";
  python.stdout.on("data", (chunk) => (got += chunk));
  const closed = once(python, "close");
  await once(python.stdout, "data");
  const result = await runInProcess(findProgram, ["splogger", "qmail", "16"], {
    env: { SYSLOG_SOCKET: socket },
    cwd: folder,
    stdin: Readable.from([Buffer.from("new msg 17\n\nalert: c"), Buffer.from("annot start\nno end")]),
  });
  assert.equal(result?.code, 0);
  await closed;
  const [, first = "", second = ""] = got.split("\n");
  assert.match(first, /^<134>[A-Z][a-z]{2} [ 0-9][0-9] \d\d:\d\d:\d\d qmail: \d+\.\d{6} new msg 17$/);
  assert.match(second, /^<129>.* qmail: \d+\.\d{6} alert: cannot start$/);
});

/** Two ends of a TCP connection on loopback. */
async function pair(t: TestContext): Promise<{ readonly here: Socket; readonly there: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const there = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [here] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    for (const end of [here, there, server]) if (end instanceof Socket) end.destroy();
    server.close();
  });
  return { here, there };
}

async function tcpEnvOf(t: TestContext, dns: string, words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { home } = programHouse(t, {}, { dnsservers: `${dns}\n` });
  const { here } = await pair(t);
  const ports = [here.localPort, here.remotePort];
  const result = await runInProcess(() => async () => tcpEnv, ["tcp-env", ...words], {
    env: { QUAIL_HOME: home, PATH: process.env.PATH, ...env },
    cwd: home,
    stdin: here,
  });
  const said = result?.stdout.toString() ?? "";
  const variables = new Map(said.split("\n").map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]));
  return { code: result?.code, variables, ports };
}

test("tcp-env sets every variable of the connection and runs the program [Q-262]", async (t) => {
  await using dns = await startTestDns({ "1.0.0.127.in-addr.arpa": { ptr: ["LocalHost.Test"] } });
  const { code, variables, ports } = await tcpEnvOf(t, dns.server, ["-R", "/usr/bin/env"]);
  assert.equal(code, 0);
  assert.deepEqual(
    ["PROTO", "TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST"].map(
      (name) => variables.get(name),
    ),
    ["TCP", "127.0.0.1", String(ports[0]), "localhost.test", "127.0.0.1", String(ports[1]), "localhost.test"],
  );
  assert.ok(!variables.has("TCPREMOTEINFO"), "-R asks nobody");
});

test("tcp-env: no name leaves TCPREMOTEHOST unset, failing DNS makes it softdnserror [Q-262]", async (t) => {
  await using nameless = await startTestDns({});
  const none = await tcpEnvOf(t, nameless.server, ["-R", "/usr/bin/env"], {
    TCPREMOTEHOST: "stale",
    TCPREMOTEINFO: "stale",
  });
  assert.ok(!none.variables.has("TCPREMOTEHOST") && !none.variables.has("TCPREMOTEINFO"));
  await using failing = await startTestDns({ "1.0.0.127.in-addr.arpa": { fault: "servfail" } });
  const soft = await tcpEnvOf(t, failing.server, ["-R", "/usr/bin/env"]);
  assert.equal(soft.variables.get("TCPREMOTEHOST"), "softdnserror");
});

test("tcp-env changes nothing where PROTO is TCP already [Q-262]", async (t) => {
  const { code, variables } = await tcpEnvOf(t, "127.0.0.1:1", ["/usr/bin/env"], {
    PROTO: "TCP",
    TCPREMOTEIP: "192.0.2.7",
  });
  assert.equal(code, 0);
  assert.equal(variables.get("TCPREMOTEIP"), "192.0.2.7");
  assert.ok(!variables.has("TCPLOCALIP"));
});

test("tcp-env without a connection, without a program, with a program that is not there", async () => {
  const run = (words: readonly [string, ...string[]], env = {}) =>
    runInProcess(findProgram, words, { env, cwd: "/" }).then((result) => [result?.code, result?.output.toString()]);
  assert.deepEqual(await run(["tcp-env", "/bin/true"]), [111, "tcp-env: fatal: standard input is no TCP connection\n"]);
  assert.deepEqual(await run(["tcp-env", "-r"]), [
    100,
    "tcp-env: usage: tcp-env [ -rR ] [ -ttimeout ] program [ arg ... ]\n",
  ]);
  assert.deepEqual(await run(["tcp-env", "-x", "a"]), [100, "tcp-env: illegal option -- x\n"]);
});

test("an IDENT answer names a user, or nobody (RFC 1413)", () => {
  assert.equal(identUser("6193, 23 : USERID : UNIX :stjohns\r\n"), "stjohns");
  assert.equal(identUser("6193,23:USERID:OTHER,US-ASCII: a b%\r\n"), "ab%");
  assert.equal(identUser("6195, 23 : ERROR : NO-USER\r\n"), null);
  assert.equal(identUser(""), null);
});

test("dnsfq, dnsip, dnsptr and dnsmxip say what DNS says, or which kind of error there was", async (t) => {
  await using dns = await startTestDns({
    "mail.test": { a: ["192.0.2.1"] },
    "1.2.0.192.in-addr.arpa": { ptr: ["canonical.test"] },
    "d.test": {
      mx: [
        [20, "b.test"],
        [10, "mail.test"],
      ],
    },
    "b.test": { a: ["192.0.2.9"] },
    "ill.test": { fault: "servfail" },
  });
  const { run } = programHouse(
    t,
    { dnsfq: dnsTools, dnsip: dnsTools, dnsptr: dnsTools, dnsmxip: dnsTools },
    { dnsservers: dns.server },
  );
  assert.deepEqual(await run(["dnsfq", "mail.test"]), { code: 0, said: "canonical.test\n" });
  assert.deepEqual(await run(["dnsip", "mail.test"]), { code: 0, said: "192.0.2.1\n" });
  assert.deepEqual(await run(["dnsptr", "192.0.2.1"]), { code: 0, said: "canonical.test\n" });
  assert.deepEqual(await run(["dnsmxip", "d.test"]), { code: 0, said: "192.0.2.1 10\n192.0.2.9 20\n" });
  assert.deepEqual(await run(["dnsip", "nowhere.test"]), { code: 100, said: "hard error\n" });
  assert.deepEqual(await run(["dnsip", "ill.test"]), { code: 111, said: "soft error\n" });
  assert.deepEqual(await run(["dnsip"]), { code: 100, said: "dnsip: usage: dnsip host\n" });
});

test("ipmeprint prints this machine's addresses", async () => {
  const result = await runInProcess(findProgram, ["ipmeprint"], { env: {}, cwd: "/" });
  assert.match(result?.output.toString() ?? "", /^127\.0\.0\.1$/m);
});

const message =
  "Return-Path: <ann@far.test>\nDelivered-To: joe@example.com\nSubject: \x1b[2Jlunch\n\nAt noon,\nor later?\n";

test("maildirwatch lists new mail, oldest first, on a cleared screen", (t) => {
  const maildir = mkdtempSync(join(tmpdir(), "quail-watch-"));
  t.after(() => rmSync(maildir, { recursive: true }));
  mkdirSync(join(maildir, "new"));
  writeFileSync(join(maildir, "new", "2"), "Subject: second\n\n");
  writeFileSync(join(maildir, "new", "1"), message);
  utimesSync(join(maildir, "new", "1"), 1, 1);
  const first = "\x1b[1mFROM ann@far.test TO <joe@example.com>\x1b[0m\n?[2Jlunch At noon, or later?\n\n";
  assert.equal(watchEntry(message), first);
  assert.equal(watchScreen(maildir), `\x1b[;H\x1b[;J${first}\x1b[1mFROM  TO <>\x1b[0m\nsecond\n\n`);
});

test("maildirwatch without MAILDIR, or without that Maildir, says so", async () => {
  const run = async (env: NodeJS.ProcessEnv) => {
    const result = await runInProcess(findProgram, ["maildirwatch"], { env, cwd: "/" });
    return [result?.code, result?.output.toString()];
  };
  assert.deepEqual(await run({}), [111, "maildirwatch: fatal: MAILDIR not set\n"]);
  const [code, said] = await run({ MAILDIR: "/nowhere/Maildir" });
  assert.equal(code, 111);
  assert.match(String(said), /^maildirwatch: fatal: unable to scan \/nowhere\/Maildir\/new: /);
});

test("qail moves the mail to the mbox, then runs Mail with its arguments", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "quail-qail-"));
  t.after(() => rmSync(home, { recursive: true }));
  for (const name of ["Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp", "bin"]) mkdirSync(join(home, name));
  writeFileSync(join(home, "Maildir/new/1"), message);
  writeFileSync(join(home, "bin/Mail"), '#!/bin/sh\necho "$@"; exit 7\n');
  chmodSync(join(home, "bin/Mail"), 0o755);
  const env = {
    PATH: `${home}/bin`,
    MAILDIR: join(home, "Maildir"),
    MAIL: join(home, "mbox"),
    MAILTMP: join(home, "mbox.tmp"),
  };
  const run = async (name: string, changes: NodeJS.ProcessEnv = {}) => {
    const result = await runInProcess(findProgram, [name, "-u", "joe"], { env: { ...env, ...changes }, cwd: home });
    return [result?.code, result?.output.toString()];
  };
  const saved = process.env.PATH;
  process.env.PATH = env.PATH; // A spawn looks in the PATH of the child's environment; only this folder is meant.
  t.after(() => {
    process.env.PATH = saved;
  });
  assert.deepEqual(await run("qail"), [7, "-u joe\n"]);
  assert.match(readFileSync(env.MAIL, "latin1"), /^From ann@far\.test [\s\S]*At noon,\nor later\?\n\n$/);
  assert.deepEqual(await run("elq"), [111, `elq: fatal: elm cannot be found; the mail is in ${env.MAIL}\n`]);
  const [code, said] = await run("pinq", { MAILDIR: "/nowhere" });
  assert.equal(code, 111);
  assert.match(String(said), /^maildir2mbox: fatal: /);
});

test("tcp-env and qmail-smtpd serve a connection as inetd hands it over [Q-262]", async (t) => {
  const { home } = programHouse(t, {}, { me: "mail.test\n", rcpthosts: "mail.test\n", dnsservers: "127.0.0.1:1\n" });
  const { here, there } = await pair(t);
  const env = { PATH: process.env.PATH, QUAIL_HOME: home };
  const child = spawn(multiCallPath, ["tcp-env", "-R", "qmail-smtpd"], { env, stdio: [here, here, "ignore"] });
  const ended = once(child, "exit");
  let said = "";
  there.setEncoding("latin1");
  there.on("data", (chunk) => (said += chunk));
  there.write("HELO there\r\nRCPT TO:<a@b>\r\nQUIT\r\n");
  assert.deepEqual((await ended)[0], 0);
  assert.match(said, /^220 mail\.test ESMTP\r\n250 mail\.test\r\n503 MAIL first \(#5\.5\.1\)\r\n221 mail\.test\r\n$/);
});
