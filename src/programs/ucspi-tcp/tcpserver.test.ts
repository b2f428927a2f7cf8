import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startTestDns, type TestZone } from "#dns/testing";
import { hasSyscalls } from "#files";
import type { Program } from "#process";
import {
  assertLines,
  folderFor,
  outcome,
  type Server,
  type Setting,
  serve,
  talk,
  ucspiOf,
} from "./testing/ucspi-house.ts";

const usage =
  "tcpserver: usage: tcpserver [ -1UXpPhHrRoOdDqQv ] [ -c limit ] [ -x rules.cdb ] [ -B banner ] [ -g gid ] [ -u uid ] [ -b backlog ] [ -l localname ] [ -t timeout ] host port program\n";
const quiet = ["-R", "-H", "-l", "local"] as const;

/** A server that shows its program's environment. */
const showing = (
  t: TestContext,
  options: readonly string[],
  setting: Setting & { host?: string } = {},
): Promise<Server> => serve(t, options, ["env"], setting);

/** Settings with a DNS of our own. */
async function withDns(t: TestContext, zone: TestZone): Promise<{ readonly env: NodeJS.ProcessEnv }> {
  const dns = await startTestDns(zone);
  t.after(() => dns.close());
  return { env: { DNSCACHEIP: dns.server, LOCALDOMAIN: "" } };
}

/** Rules in a file; `set` writes others. */
function rulesIn(t: TestContext, text: string): { readonly path: string; set(rules: string): void; remove(): void } {
  const path = join(folderFor(t), "rules");
  const set = (rules: string): void => writeFileSync(path, rules);
  set(text);
  return { path, set, remove: () => rmSync(path) };
}

test("fewer than three words are the usage line and 100 [U-001]", async (t) => {
  for (const words of [[], ["0"], ["0", "0"], ["-v", "0", "0"]]) {
    assert.deepEqual(await outcome(t, ["tcpserver", ...words]), { code: 100, stdout: "", stderr: usage });
  }
  const wrong = await outcome(t, ["tcpserver", "-z", "0", "0", "true"]);
  assert.deepEqual(wrong, { code: 100, stdout: "", stderr: `tcpserver: illegal option -- z\n${usage}` });
  assert.equal((await outcome(t, ["tcpserver", "-c"])).stderr, `tcpserver: option requires an argument -- c\n${usage}`);
});

test("-q silences the usage line, too [U-002]", async (t) => {
  assert.deepEqual(await outcome(t, ["tcpserver", "-q", "0"]), { code: 100, stdout: "", stderr: "" });
});

test("a service nobody knows is fatal [U-003]", async (t) => {
  const { code, stderr } = await outcome(t, ["tcpserver", "127.0.0.1", "no-such-service", "true"]);
  assert.deepEqual([code, stderr], [111, "tcpserver: fatal: unable to figure out port number for no-such-service\n"]);
});

test("a host that does not exist is fatal, and named as it was typed [U-004]", async (t) => {
  const setting = await withDns(t, { "empty.test": { txt: ["x"] } });
  for (const host of ["Nobody.test", "empty.test"]) {
    const { code, stderr } = await outcome(t, ["tcpserver", host, "0", "true"], setting);
    assert.deepEqual([code, stderr], [111, `tcpserver: fatal: no IP address for ${host}\n`]);
  }
});

test("a label that is too long is a protocol error [U-005]", async (t) => {
  const host = `${"x".repeat(64)}.test`;
  const { code, stderr } = await outcome(t, ["tcpserver", host, "0", "true"]);
  const text = `tcpserver: fatal: temporarily unable to figure out IP address for ${host}: protocol error\n`;
  assert.deepEqual([code, stderr], [111, text]);
});

test("an address that is not ours cannot be bound [U-006]", async (t) => {
  const { code, stderr } = await outcome(t, ["tcpserver", "192.0.2.1", "0", "true"]);
  assert.deepEqual([code, stderr], [111, "tcpserver: fatal: unable to bind: address not available\n"]);
});

test("a port in use cannot be bound [U-007]", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const port = String((other.address() as AddressInfo).port);
  const { code, stderr } = await outcome(t, ["tcpserver", "127.0.0.1", port, "true"]);
  assert.deepEqual([code, stderr], [111, "tcpserver: fatal: unable to bind: address already used\n"]);
});

test("host 0 and the empty host are every IPv4 address [U-008]", async (t) => {
  for (const host of ["0", ""]) {
    const { port } = await showing(t, quiet, { host });
    assert.equal(ucspiOf(await talk(port, "", "127.0.0.7")).TCPLOCALIP, "127.0.0.7");
  }
});

test("a name as host is its first address, looked up in the search domains [U-004]", async (t) => {
  const { env } = await withDns(t, { "one.two.test": { a: ["127.0.0.9", "127.0.0.8"] } });
  const { port } = await showing(t, quiet, { host: "one", env: { ...env, LOCALDOMAIN: "none.test two.test" } });
  assert.equal(ucspiOf(await talk(port, "", "127.0.0.9")).TCPLOCALIP, "127.0.0.9");
});

test("port 0 is a free port, which -1 prints [U-009]", async (t) => {
  const server = await showing(t, quiet);
  assert.match(server.stdout.text(), /^[1-9]\d*\n$/);
  assert.equal(ucspiOf(await talk(server.port)).TCPLOCALPORT, String(server.port));
});

test("all is logged in order: status, number, verdict with its seven fields, end, status [U-016] [U-017] [U-018] [U-019]", async (t) => {
  const server = await serve(t, ["-v", ...quiet], ["sh", "-c", "exit 3"]);
  await server.stderr.until(/^tcpserver: status: 0\/40\n/);
  await talk(server.port);
  await server.stderr.until(/status: 0\/40\n(?:.*\n)+.*status: 0\/40\n/);
  const lines = server.stderr.text().split("\n");
  const [, pid = "", from = ""] = /^tcpserver: pid (\d+) from (.*)$/.exec(lines[2] ?? "") ?? [];
  const [, peer = ""] = /:(\d+)$/.exec(lines[3] ?? "") ?? [];
  assert.equal(from, "127.0.0.1");
  assertLines(
    server.stderr.text(),
    "tcpserver: status: 0/40",
    "tcpserver: status: 1/40",
    `tcpserver: pid ${pid} from 127.0.0.1`,
    `tcpserver: ok ${pid} local:127.0.0.1:${server.port} :127.0.0.1::${peer}`,
    `tcpserver: end ${pid} status 768`,
    "tcpserver: status: 0/40",
  );
});

test("the number of a connection is its program's, a killed one's status its signal [U-019]", async (t) => {
  const server = await serve(t, ["-v", ...quiet], ["sh", "-c", "echo $$; kill -9 $$"]);
  const pid = (await talk(server.port)).trim();
  await server.stderr.until(new RegExp(`ok ${pid} (?:.*\\n)+tcpserver: end ${pid} status 9\n`));
});

test("without -v errors alone are logged, with -q nothing [U-020]", async (t) => {
  const missing = "/no/such/program";
  const server = await serve(t, quiet, [missing]);
  assert.equal(await talk(server.port), "");
  await server.stderr.until(/\n/);
  assertLines(
    server.stderr.text(),
    `tcpserver: warning: dropping connection, unable to run ${missing}: file does not exist`,
  );
  const silent = await serve(t, ["-q", ...quiet], [missing]);
  assert.equal(await talk(silent.port), "");
  assert.equal(silent.stderr.text(), "");
  const fatal = await outcome(t, ["tcpserver", "-q", "192.0.2.1", "0", "true"]);
  assert.deepEqual(fatal, { code: 111, stdout: "", stderr: "" });
});

test("at the limit connections wait in the backlog until one has ended [U-021]", async (t) => {
  const server = await serve(t, ["-c1", "-v", ...quiet], ["cat"]);
  const first = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  await server.stderr.until(/status: 1\/1\n/);
  const second = talk(server.port, "second");
  const third = talk(server.port, "third");
  first.write("first");
  const [heard] = await once(first, "data");
  assert.equal(String(heard), "first");
  // Whoever connected later has had the time of a whole exchange to be served, had it been let in.
  assert.doesNotMatch(server.stderr.text(), /status: 2/);
  first.end();
  assert.deepEqual(await Promise.all([second, third]), ["second", "third"]);
  assert.doesNotMatch(server.stderr.text(), /status: 2/);
});

test("a limit of 0, or of no number, accepts nobody [U-022]", async (t) => {
  for (const limit of ["0", "x"]) {
    const server = await serve(t, ["-v", "-c", limit, ...quiet], ["cat"]);
    await server.stderr.until(/^tcpserver: status: 0\/0\n/);
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("hello");
    const other = await serve(t, quiet, ["cat"]);
    assert.equal(await talk(other.port, "x"), "x"); // By now it would have been served, too.
    assert.equal(server.stderr.text(), "tcpserver: status: 0/0\n");
    socket.destroy();
  }
});

test("the banner goes out before rules are looked at, and nothing else to who is denied [U-023] [U-033]", async (t) => {
  const { path } = rulesIn(t, ":deny\n");
  const server = await serve(t, ["-v", "-B", "welcome\r\n", "-x", path, ...quiet], ["echo", "never"]);
  assert.equal(await talk(server.port), "welcome\r\n");
  await server.stderr.until(/deny (\d+) local:127\.0\.0\.1:\d+ :127\.0\.0\.1::\d+\ntcpserver: end \1 status 25600\n/);
});

test("what is not asked for is not in the environment, even if it was inherited [U-024] [U-025]", async (t) => {
  const env = { TCPREMOTEHOST: "old.test", TCPREMOTEINFO: "joe", TCPLOCALHOST: "old", TCP6REMOTEIP: "::9", KEPT: "1" };
  const { port } = await showing(t, ["-HRl", "new"], { env });
  const said = await talk(port);
  const { TCPREMOTEPORT, ...shown } = ucspiOf(said);
  assert.match(TCPREMOTEPORT ?? "", /^\d+$/);
  const ends = { PROTO: "TCP", TCPLOCALIP: "127.0.0.1", TCPLOCALPORT: String(port), TCPREMOTEIP: "127.0.0.1" };
  assert.deepEqual(shown, { ...ends, TCPLOCALHOST: "new" });
  assert.match(said, /^KEPT=1$/m);
});

test("-l is the local name as it stands, or none at all [U-026]", async (t) => {
  for (const name of ["Local", ""]) {
    const { port } = await showing(t, ["-RHl", name]);
    assert.equal(ucspiOf(await talk(port)).TCPLOCALHOST, name);
  }
});

test("-p forgets a name that does not lead back to the address [U-027]", async (t) => {
  const setting = await withDns(t, {
    "2.0.0.127.in-addr.arpa": { ptr: ["liar.test"] },
    "3.0.0.127.in-addr.arpa": { ptr: ["honest.test"] },
    "liar.test": { a: ["192.0.2.1"] },
    "honest.test": { a: ["192.0.2.1", "127.0.0.3"] },
  });
  const nameSeen = async (options: readonly string[], from: string): Promise<string | undefined> => {
    const { port } = await showing(t, options, setting);
    return ucspiOf(await talk(port, "", "127.0.0.1", { localAddress: from })).TCPREMOTEHOST;
  };
  assert.equal(await nameSeen(["-pRlx"], "127.0.0.2"), undefined);
  assert.equal(await nameSeen(["-pRlx"], "127.0.0.3"), "honest.test");
  assert.equal(await nameSeen(["-pPRlx"], "127.0.0.2"), "liar.test");
});

test("host names are in lower case in the environment and for the rules [U-028]", async (t) => {
  const setting = await withDns(t, {
    "2.0.0.127.in-addr.arpa": { ptr: ["Loud.TEST"] },
    "1.0.0.127.in-addr.arpa": { ptr: ["HERE.Test"] },
  });
  const { path } = rulesIn(t, '=loud.test:allow,RELAYCLIENT="yes"\n');
  const { port } = await showing(t, ["-Rx", path], setting);
  const shown = ucspiOf(await talk(port, "", "127.0.0.1", { localAddress: "127.0.0.2" }));
  assert.deepEqual([shown.TCPREMOTEHOST, shown.TCPLOCALHOST, shown.RELAYCLIENT], ["loud.test", "here.test", "yes"]);
});

test("a rules file that is missing drops the connection; -X allows it [U-034] [U-035]", async (t) => {
  const missing = join(folderFor(t), "none.cdb");
  const server = await serve(t, ["-v", "-x", missing, ...quiet], ["echo", "never"]);
  assert.equal(await talk(server.port), "");
  const warning = `tcpserver: warning: dropping connection, unable to read ${missing}: file does not exist`;
  await server.stderr.until(new RegExp(`${warning}\ntcpserver: end \\d+ status 28416\n`));
  const lenient = await serve(t, ["-X", "-x", missing, ...quiet], ["echo", "welcome"]);
  assert.equal(await talk(lenient.port), "welcome\n");
  writeFileSync(missing, "no database");
  assert.equal(await talk(lenient.port), "");
  assert.match(lenient.stderr.text(), /unable to read .*none\.cdb/);
});

test("rules are those that stand there at the moment [U-036]", async (t) => {
  const rules = rulesIn(t, ":deny\n");
  const { port } = await serve(t, ["-x", rules.path, ...quiet], ["echo", "welcome"]);
  assert.equal(await talk(port), "");
  rules.set(":allow\n");
  assert.equal(await talk(port), "welcome\n");
  rules.set("127.:deny\n:allow\n");
  assert.equal(await talk(port), "");
  rules.remove();
  assert.equal(await talk(port), "");
});

test("a rule may set and remove any variable, TCPREMOTEHOST too [U-037]", async (t) => {
  const { path } = rulesIn(t, '127.:allow,TCPREMOTEHOST="other.test",RELAYCLIENT="",!TCPLOCALHOST\n');
  const shown = ucspiOf(await talk((await showing(t, ["-x", path, ...quiet])).port));
  assert.deepEqual([shown.TCPREMOTEHOST, shown.RELAYCLIENT, shown.TCPLOCALHOST], ["other.test", "", undefined]);
});

test("a program that cannot be run is named with the reason [U-038]", async (t) => {
  const plain = join(folderFor(t), "plain");
  writeFileSync(plain, "text");
  for (const [program, reason] of [
    ["no-such-program-here", "file does not exist"],
    [plain, "access denied"],
  ] as const) {
    const server = await serve(t, ["-v", ...quiet], [program]);
    assert.equal(await talk(server.port), "");
    const warning = `tcpserver: warning: dropping connection, unable to run ${program}: ${reason}`;
    await server.stderr.until(new RegExp(`${warning}\ntcpserver: end \\d+ status 28416\n`));
  }
});

test("a peer's words are shown with ? for what is not a letter of theirs, and cut at 100 [U-040] [U-041]", async (t) => {
  const { path } = rulesIn(t, "");
  const setting = await withDns(t, {
    "1.0.0.127.in-addr.arpa": { ptr: [`${"a%b".repeat(20)}.${"c".repeat(60)}.test`] },
  });
  const server = await serve(t, ["-v", "-R", "-l", "x:y z%\u00e9\t", "-x", path], ["true"], setting);
  await talk(server.port);
  const [, local, remote] = await server.stderr.until(/ok \d+ (\S*):127\.0\.0\.1:\d+ (\S*):127\.0\.0\.1::/);
  assert.equal(local, "x?y?z????");
  assert.equal(remote, `${"a?b".repeat(20)}.${"c".repeat(39)}...`);
});

test("options may be joined, and -- ends them [U-044] [U-045]", async (t) => {
  const server = await serve(t, ["-vRHl0", "-c7"], ["env"]);
  await server.stderr.until(/status: 0\/7\n/);
  assert.equal(ucspiOf(await talk(server.port)).TCPLOCALHOST, "0");
  // `serve` puts -- before the host: without it this would be an option.
  const { stderr } = await outcome(t, ["tcpserver", "--", "-v", "0", "true"], { env: { DNSCACHEIP: "" } });
  assert.doesNotMatch(stderr, /usage|illegal/);
});

/** A program of ours, to be called in the server's process. */
const own: Readonly<Record<string, Program>> = {
  greet: async ({ stdout, stdin, env, pid, stderr }) => {
    stdout.write(`hello ${env.TCPREMOTEIP}, I am ${pid}\n`);
    for await (const chunk of stdin) stdout.write(chunk);
    stderr.write(`seen by ${pid}\n`);
    return 5;
  },
  linger: async ({ stdout, signal }) => {
    stdout.write("waiting\n");
    if (!signal.aborted) await once(signal, "abort");
    stdout.write("good bye\n");
    return 0;
  },
  onward: async ({ args: [first = "", ...rest], env, exec }) =>
    exec([first, ...rest], { env: { ...env, RELAYED: "1" } }),
  broken: async () => {
    throw new Error("oh");
  },
};

test("a program of ours serves in this process: no child, a number of its own, the connection's variables, its code", async (t) => {
  const server = await serve(t, ["-v", ...quiet], ["greet"], { programs: own });
  const both = await Promise.all([talk(server.port, "a"), talk(server.port, "b")]);
  const numbers = both.map((said) => Number(/I am (\d+)/.exec(said)?.[1]));
  assert.ok(numbers.every((number) => number > 2 ** 22) && numbers[0] !== numbers[1]);
  assert.deepEqual(both.map((said) => said.slice(-1)).sort(), ["a", "b"]);
  await server.stderr.until(new RegExp(`ok ${numbers[0]} (?:.*\\n)*tcpserver: end ${numbers[0]} status 1280\n`));
  await server.stderr.until(new RegExp(`seen by ${numbers[1]}\n`));
});

test("a chain goes from ours to ours in this process, and to a foreign program on the connection itself", async (t) => {
  const inside = await serve(t, quiet, ["onward", "onward", "greet"], { programs: own });
  assert.match(await talk(inside.port, "x"), /^hello 127\.0\.0\.1, I am \d+\nx$/);
  const outside = await serve(t, quiet, ["onward", "sh", "-c", "env; ls -l /proc/$$/fd; cat"], { programs: own });
  const said = await talk(outside.port, "through");
  assert.match(said, /^RELAYED=1$/m);
  assert.match(said, /through$/);
  if (process.platform === "linux") assert.match(said, / 0 -> socket:.* 1 -> socket:/s);
});

test("a program of ours that fails harms nobody but its connection", async (t) => {
  const server = await serve(t, ["-v", ...quiet], ["broken"], { programs: own });
  assert.equal(await talk(server.port), "");
  await server.stderr.until(/broken: fatal: oh.*\n(?:.*\n)*tcpserver: end \d+ status 28416\n/);
  assert.equal(await talk(server.port), "");
});

test("SIGTERM: nobody new is let in, and those served in this process are told and get time", async (t) => {
  const server = await serve(t, quiet, ["linger"], { programs: own });
  const socket: Socket = connect(server.port, "127.0.0.1");
  await once(socket, "data");
  let heard = "";
  socket.on("data", (chunk) => (heard += chunk));
  server.stop();
  assert.equal(await server.code, 0);
  if (!socket.closed) await once(socket, "close");
  assert.equal(heard, "good bye\n");
  await assert.rejects(once(connect(server.port, "127.0.0.1"), "connect"), /ECONNREFUSED/);
});

test("of one address no more than -C are served at once [U-112]", async (t) => {
  const server = await serve(t, ["-v", "-C2", ...quiet], ["cat"]);
  const held = [0, 1].map(() => connect(server.port, "127.0.0.1"));
  await server.stderr.until(/status: 2\/40\n/);
  assert.equal(await talk(server.port, "third"), "");
  await server.stderr.until(/dropping connection, too many connections from 127\.0\.0\.1\n/);
  assert.equal(await talk(server.port, "other", "127.0.0.1", { localAddress: "127.0.0.2" }), "other");
  held[0]?.end();
  await server.stderr.until(/end \d+ status 0\n(?:.*\n)*.*end \d+ status 0\n/);
  assert.equal(await talk(server.port, "again"), "again");
  held[1]?.end();
});

test("MAXPERIP says the same as -C [U-112]", async (t) => {
  const server = await serve(t, quiet, ["cat"], { env: { MAXPERIP: "0" } });
  assert.equal(await talk(server.port, "x"), "");
});

test("a PROXY header from a trusted peer names the client; what came behind it is the program's [U-113]", async (t) => {
  const server = await serve(t, ["-Y", "127.0.0.1", ...quiet], ["sh", "-c", "env; cat"]);
  const shown = async (from: string): Promise<string> =>
    talk(server.port, "PROXY TCP4 192.0.2.7 192.0.2.9 4711 25\r\nhello", "127.0.0.1", { localAddress: from });
  const said = await shown("127.0.0.1");
  assert.match(said, /hello$/);
  const env = ucspiOf(said);
  assert.deepEqual(
    [env.TCPREMOTEIP, env.TCPREMOTEPORT, env.TCPLOCALIP, env.TCPLOCALPORT, env.PROXY_REMOTEIP],
    ["192.0.2.7", "4711", "192.0.2.9", "25", "127.0.0.1"],
  );
  assert.equal(ucspiOf(await shown("127.0.0.2")).TCPREMOTEIP, "127.0.0.2");
  assert.equal(await talk(server.port, "EHLO x\r\n"), "");
  await server.stderr.until(/dropping connection, no PROXY protocol header\n/);
});

test("an IPv6 peer has PROTO=TCP6 and both sets of variables, a mapped one is IPv4 [U-086]", async (t) => {
  const server = await serve(t, ["-v", ...quiet], ["env"], { host: "::" });
  const six = ucspiOf(await talk(server.port, "", "::1"));
  assert.deepEqual(
    [six.PROTO, six.TCPREMOTEIP, six.TCP6REMOTEIP, six.TCP6LOCALIP, six.TCP6LOCALHOST],
    ["TCP6", "::1", "::1", "::1", "local"],
  );
  await server.stderr.until(/ok \d+ local:::1:\d+ :::1::\d+\n/);
  const four = ucspiOf(await talk(server.port, "", "127.0.0.1"));
  assert.deepEqual([four.PROTO, four.TCPREMOTEIP, four.TCP6REMOTEIP], ["TCP", "127.0.0.1", undefined]);
});

test("a limit in a file is that of the file; one that is not there is fatal", async (t) => {
  const folder = folderFor(t);
  mkdirSync(join(folder, "c"));
  const path = join(folder, "c", "limit");
  const { code, stderr } = await outcome(t, ["tcpserver", "-c", path, "127.0.0.1", "0", "true"]);
  assert.deepEqual([code, stderr], [111, `tcpserver: fatal: unable to read ${path}: file does not exist\n`]);
  writeFileSync(path, "3\n");
  chmodSync(path, 0o644);
  const server = await serve(t, ["-v", "-c", path, ...quiet], ["true"]);
  await server.stderr.until(/status: 0\/3\n/);
});

test("without koffi a server at its limit keeps connections waiting itself", {
  skip: !hasSyscalls() && "there is no koffi anyway",
}, async (t) => {
  // A burst is accepted at once, before the server can leave it in the backlog: these wait in the process.
  const server = await serve(t, ["-c1", "-v", ...quiet], ["cat"]);
  const said = await Promise.all(Array.from({ length: 8 }, (_, i) => talk(server.port, String(i))));
  assert.deepEqual(said.sort(), ["0", "1", "2", "3", "4", "5", "6", "7"]);
  assert.doesNotMatch(server.stderr.text(), /status: 2/);
});
