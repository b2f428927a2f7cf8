/** Mail by POP3 from a running Quail: real clients, and clients nobody wants. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { House, inbox, needs, processesIn, readNew, until } from "./house.ts";

/** An account that every system has, and nobody uses. */
const nobody = 65_534;

let house: House;
let folder = "";
let password = "";
let port = 0;

before(async () => {
  house = await House.open({ pop3: true });
  folder = mkdtempSync(join(tmpdir(), "quail-pop3-clients-"));
  port = house.ports.pop3 ?? 0;
  password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
});
after(async () => {
  await house[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a message into the mailbox, and waits until POP3 shows it: what came this very second is left for the next. */
async function post(subject: string, body: string): Promise<void> {
  house.run(["sendmail", inbox], `Subject: ${subject}\n\n${body}`);
  await until(`${subject} arrives`, () =>
    [...readNew(house.maildir).values()].some((bytes) => bytes.includes(`\nSubject: ${subject}\n`)),
  );
  await sleep(1_050);
}

/** What still holds that subject in the mailbox, read or not. */
function isLeft(subject: string): boolean {
  return spawnSync("grep", ["-rqx", `Subject: ${subject}`, house.maildir]).status === 0;
}

test("Python's poplib lists, reads and deletes", { skip: needs("python3") }, async () => {
  await post("by poplib", "hello\n.\n..two dots\n");
  const said = execFileSync(
    "python3",
    [join(import.meta.dirname, "clients", "pop3.py"), String(port), inbox, password, "by poplib"],
    { encoding: "utf8" },
  );
  assert.match(said, /^capabilities .*PIPELINING.*SASL.*TOP.*UIDL.*UTF8/m);
  assert.match(said, /^stat 1 1 1$/m);
  assert.match(said, /^body hello\|\.\|\.\.two dots$/m);
  assert.equal(isLeft("by poplib"), false);
});

const curl = (path: string, ...more: readonly string[]): string =>
  execFileSync("curl", ["-sS", "-u", `you:${password}`, ...more, `pop3://127.0.0.1:${port}/${path}`], {
    encoding: "latin1",
  });

test("curl lists, reads, and deletes when told to; a message read stays", { skip: needs("curl") }, async () => {
  await post("by curl", "kept\n");
  assert.match(curl(""), /^1 [0-9]+\r\n$/);
  assert.match(curl("1"), /\r\nSubject: by curl\r\n\r\nkept\r\n$/);
  assert.ok(isLeft("by curl"));
  curl("1", "-X", "DELE", "-I");
  assert.equal(isLeft("by curl"), false);
});

test("curl logs in by AUTH PLAIN", { skip: needs("curl") }, () => {
  assert.equal(curl("", "--login-options", "AUTH=PLAIN").trim(), "");
});

test("fetchmail fetches and deletes", { skip: needs("fetchmail") }, async () => {
  await post("by fetchmail", "for fetchmail\n");
  const rc = join(folder, "fetchmailrc");
  const target = join(folder, "fetched");
  writeFileSync(
    rc,
    `set invisible\npoll 127.0.0.1 protocol pop3 service ${port} auth password user "you" password "${password}" sslproto '' mda "cat >>${target}"\n`,
    { mode: 0o600 },
  );
  const { status, stdout, stderr } = spawnSync("fetchmail", ["-f", rc, "--nosyslog", "--nodetach", "-v"], {
    env: { ...process.env, FETCHMAILHOME: folder, HOME: folder },
    encoding: "latin1",
    timeout: 60_000,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(readFileSync(target, "latin1"), /\nSubject: by fetchmail\n\nfor fetchmail\n/);
  assert.equal(isLeft("by fetchmail"), false);
});

test("mpop, which pipelines, fetches and deletes", { skip: needs("mpop") }, async () => {
  await post("by mpop", "for mpop\n");
  const rc = join(folder, "mpoprc");
  const target = join(folder, "mbox");
  const lines = [
    ...["account default", "host 127.0.0.1", `port ${port}`, "user you", `password ${password}`],
    ...[`delivery mbox ${target}`, `uidls_file ${join(folder, "uidls")}`, "keep off", "tls off", "auth user"],
  ];
  writeFileSync(rc, `${lines.join("\n")}\n`, { mode: 0o600 });
  execFileSync("mpop", ["-C", rc, "-q"], { env: { ...process.env, HOME: folder }, timeout: 60_000 });
  assert.match(readFileSync(target, "latin1"), /\nSubject: by mpop\n\nfor mpop\n/);
  assert.equal(isLeft("by mpop"), false);
});

test("getmail fetches and deletes", { skip: needs("getmail") }, async () => {
  await post("by getmail", "for getmail\n");
  const target = join(folder, "getmail-box");
  writeFileSync(target, "");
  const lines = [
    ...["[retriever]", "type = SimplePOP3Retriever", "server = 127.0.0.1", `port = ${port}`],
    ...["username = you", `password = ${password}`, "timeout = 30"],
    ...["[destination]", "type = Mboxrd", `path = ${target}`, "[options]", "delete = true"],
  ];
  writeFileSync(join(folder, "getmailrc"), `${lines.join("\n")}\n`, { mode: 0o600 });
  const env = { ...process.env, HOME: folder };
  // It delivers nothing as root.
  const as = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if (as.uid !== undefined)
    for (const path of [folder, target, join(folder, "getmailrc")]) chownSync(path, nobody, nobody);
  execFileSync("getmail", ["--getmaildir", folder, "--rcfile", "getmailrc", "-q"], {
    env,
    ...as,
    cwd: folder,
    timeout: 60_000,
  });
  assert.match(readFileSync(target, "latin1"), /\nSubject: by getmail\n\nfor getmail\n/);
  assert.equal(isLeft("by getmail"), false);
});

/** A raw client: sends bytes, gives what came back once the server has closed. */
async function raw(bytes: string, how: "end" | "destroy" = "end"): Promise<string> {
  const socket = await open();
  let said = "";
  socket.on("data", (piece: Buffer) => {
    said += piece.toString("latin1");
  });
  const closed = new Promise<void>((done) => socket.once("close", () => done()));
  socket.write(Buffer.from(bytes, "latin1"));
  if (how === "end") socket.end();
  else setTimeout(() => socket.resetAndDestroy(), 300);
  await closed;
  return said;
}

function open(): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => done(socket));
    socket.on("error", failed);
  });
}

test("everything at once, and the client's end behind it: every answer comes, then the end [X-059]", async () => {
  const said = await raw(`USER you\r\nPASS ${password}\r\nSTAT\r\nUIDL\r\nNOOP\r\nQUIT\r\n`);
  assert.equal(said, "+OK Quail\r\n+OK \r\n+OK \r\n+OK 0 0\r\n+OK \r\n.\r\n+OK \r\n+OK \r\n");
});

test("a wrong password costs time, and the third one the connection; the log has the name, not the password [V-014]", async () => {
  const begun = performance.now();
  const said = await raw(
    "USER you\r\nPASS wrong-secret\r\nUSER you\r\nPASS wrong-secret\r\nUSER ghost\r\nPASS wrong-secret\r\nNOOP\r\n",
  );
  assert.equal(said, `+OK Quail\r\n${"+OK \r\n-ERR [AUTH] authorization failed\r\n".repeat(3)}`);
  assert.ok(performance.now() - begun > 3_000, "each failure waits longer");
  const log = house.log("pop3d") + house.log("local");
  assert.match(log, /pop3d login refused session=\S+ ip=127\.0\.0\.1 user=ghost reason=wrong/);
  assert.doesNotMatch(log, /wrong-secret/);
  assert.ok(!log.includes(password));
});

test("a session tells of itself: user, address, TLS, counts, octets [X-063]", async () => {
  await post("told", "x\n");
  await raw(`USER you\r\nPASS ${password}\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\nQUIT\r\n`);
  const line = await until(
    "the worker's line",
    () => /^.*pop3 session end .*deleted=1.*$/m.exec(house.log("local"))?.[0] ?? null,
  );
  assert.match(
    line,
    / session=\S+ user=you@localhost ip=127\.0\.0\.1 tls=0 how=quit messages=1 retr=1 retr-bytes=[1-9]\d* top=1 top-bytes=[1-9]\d* deleted=1 ms=\d+$/,
  );
});

const login = (): string => `USER you\r\nPASS ${password}\r\n`;

for (const [what, bytes] of [
  ["NULs", "USER \0\r\nPASS \0\0\r\n\0\0\0\r\n"],
  ["a line without end", `USER ${"x".repeat(100_000)}`],
  ["nothing", ""],
  ["a broken AUTH", "AUTH PLAIN\r\n!!!\r\nAUTH PLAIN =\r\nAUTH PLAIN\r\n"],
  ["bare line ends", "\n\n\r\r\n\rUSER\n"],
] as const) {
  test(`${what} before login harms nobody`, async () => {
    await raw(bytes).catch(() => {}); // Cut off is fine too.
    assert.match(await raw(`${login()}NOOP\r\nQUIT\r\n`), /\+OK \r\n\+OK \r\n\+OK \r\n\+OK \r\n$/);
  });
}

test("a client that is gone in the middle of a large message leaves everything as it was", async () => {
  await post("large", "0123456789\n".repeat(300_000));
  await raw(`${login()}DELE 1\r\nRSET\r\nRETR 1\r\nDELE 1\r\n`, "destroy");
  const said = await raw(`${login()}LIST\r\nRETR 1\r\nQUIT\r\n`);
  assert.ok(said.endsWith("0123456789\r\n.\r\n+OK \r\n"));
  assert.ok(said.length > 3_600_000);
  await raw(`${login()}DELE 1\r\nQUIT\r\n`);
  assert.equal(isLeft("large"), false);
});

/** Processes of this home with that role. */
function pidsOf(role: string): readonly number[] {
  return processesIn(house.home).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`run.ts\0${role}\0`);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

for (const role of ["pop3-worker", "auth", "local"]) {
  test(`after the death of ${role} one can log in again`, async () => {
    await raw(`${login()}QUIT\r\n`);
    const pids = pidsOf(role);
    assert.ok(pids.length > 0, `there is a ${role}`);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("a login", async () => (await raw(`${login()}QUIT\r\n`)).endsWith("+OK \r\n+OK \r\n+OK \r\n"));
  });
}
