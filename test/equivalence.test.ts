/**
 * Programs are functions: a program gives the same bytes and the same exit code as a process of its own and inside another
 * process. A program joins by a row in `rows`. Rows must not depend on the moment or on the process's number.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { multiCallPath, runInProcess } from "#process";
import { findProgram, programNames } from "../src/programs/index.ts";
import { verbs } from "../src/programs/quail/verbs.ts";

type Row = {
  readonly words: readonly [string, ...string[]];
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What is read from descriptor 1 instead of anything being written there (qmail-queue). */
  readonly envelope?: string;
  /** What differs from run to run (a process's number, a time), left out of the comparison. */
  readonly varying?: RegExp;
  /** What both must give; the rest of the row's worth is that they agree. */
  readonly code: number;
};

const folder = join(tmpdir(), `quail-equal-${process.pid}`);
const home = { QUAIL_HOME: folder };
const delivery = {
  SENDER: "x@y.org",
  RPLINE: "Return-Path: <x@y.org>\n",
  DTLINE: "Delivered-To: joe@b.org\n",
  UFLINE: "From x@y.org Thu Jan  1 00:00:00 1970\n",
};
const message = "From: x@y.org\nSubject: a\n\n\xe9\n";

const label = "@400000003d6387281f8fa4ac";
const log = "1.5 warning: x\n1.6 info msg 7: bytes 1 from <> qp 7 uid 0\n1.7 end msg 7\n";
const matched = "d k 1.6 1.7 1.8 5 <> local.b@h 7 0 did_1+0+0/\nm 1.6 1.9 5 1 0 0 <> 7 0\n";

const rows: readonly Row[] = [
  { words: ["quail"], code: 0 },
  { words: ["quail", "help"], code: 0 },
  { words: ["quail", "no-such-verb"], code: 100 },
  { words: ["newaliases"], code: 100 },
  { words: ["sendmail", "-bz"], code: 100 },
  { words: ["predate"], code: 100 },
  { words: ["addcr"], stdin: "a\nb\r\nc", code: 0 },
  { words: ["delcr"], stdin: "a\nb\r\nc\r", code: 0 },
  { words: ["fixcr"], stdin: "a\nb\r\nc\r", code: 0 },
  { words: ["argv0", "sh", "x", "-c", "echo $0"], code: 0 },
  { words: ["fixcrio", "sh", "-c", "cat; exit 3"], stdin: "a\nb\r\n", code: 3 },
  { words: ["recordio", "sh", "-c", "cat; exit 4"], stdin: "a", varying: /^.* [<>] .*$/gm, code: 4 },
  { words: ["rblsmtpd", "true"], env: { RBLSMTPD: "no" }, stdin: "rcpt\nquit\n", varying: /pid \d+/g, code: 0 },
  { words: ["tcpclient", "-RHl0", "127.0.0.1", "1", "true"], code: 111 },
  { words: ["mconnect", "127.0.0.1", "1"], code: 111 },
  { words: ["mconnect-io"], code: 111 },
  { words: ["tcpcat", "127.0.0.1", "1"], code: 111 },
  { words: ["who@", "127.0.0.1"], code: 0 },
  { words: ["date@", "127.0.0.1"], code: 0 },
  { words: ["finger@", "127.0.0.1"], code: 0 },
  { words: ["http@", "127.0.0.1", "", "1"], code: 0 },
  { words: ["tcprules"], code: 100 },
  { words: ["tcprulescheck", "no-such-file"], code: 111 },
  { words: ["tcpserver", "-z"], code: 100 },
  { words: ["sslserver"], code: 100 },
  { words: ["sslclient"], code: 100 },
  { words: ["qmail-inject", "-z"], code: 100 },
  {
    words: ["qmail-inject", "-n", "-fme@sun", "joe"],
    env: { QUAIL_HOME: "/", USER: "joe", QMAILDEFAULTDOMAIN: "example.com" },
    stdin: "Date: x\nMessage-ID: <x@y>\nTo: a@b, (\u00e9) c\n\n\u00e9.\n.\nno last LF",
    code: 0,
  },
  { words: ["predate", "cat", "no such file"], stdin: "To: joe\n\n", code: 1 },
  { words: ["multilog", "-*", "+*b", "e"], stdin: "a\nab\nb", code: 0 },
  { words: ["multilog", "./no/such/folder"], code: 111 },
  { words: ["tai64n"], stdin: "a\nb", varying: /@4[0-9a-f]{23}/g, code: 0 },
  { words: ["tai64nlocal"], stdin: "@4000000037c219bf2ef02e94 x\n@zz\n", code: 0 },
  { words: ["safecat"], code: 100 },
  { words: ["safecat", "none", "none"], code: 111 },
  { words: ["syncdir", "control", "none"], code: 111 },
  { words: ["envdir"], code: 111 },
  { words: ["envdir", "control", "sh", "-c", "echo $me; exit 3"], code: 3 },
  { words: ["envdir", "control", "no-such-program"], code: 111 },
  { words: ["envuidgid", "root", "sh", "-c", "echo $UID $GID"], code: 0 },
  { words: ["envini", "control/me", "true"], code: 0 },
  { words: ["setuidgid", "no-such-account", "true"], code: 111 },
  { words: ["setuser", "no-such-account", "true"], code: 111 },
  { words: ["softlimit", "-o", "100", "sh", "-c", "ulimit -Sn"], code: 0 },
  { words: ["setlock", "-n", "a.lock", "sh", "-c", "exit 4"], code: 4 },
  { words: ["qmail-qmtpd"], env: { QUAIL_HOME: "/" }, stdin: "x", code: 100 },
  { words: ["qmail-qmqpd"], env: { QUAIL_HOME: "/" }, stdin: "", code: 0 },
  { words: ["bouncesaying"], code: 100 },
  { words: ["bouncesaying", "no thanks"], stdin: message, code: 100 },
  { words: ["bouncesaying", "no thanks", "false"], stdin: message, code: 0 },
  { words: ["condredirect", "joe@b.org", "sh", "-c", "exit 111"], stdin: message, code: 111 },
  { words: ["condredirect", "joe@b.org", "false"], stdin: message, code: 0 },
  { words: ["except", "true"], stdin: message, code: 100 },
  { words: ["except", "bouncesaying", "never"], stdin: message, code: 0 },
  { words: ["forward", "joe@b.org"], stdin: message, code: 100 },
  { words: ["maildirmake"], code: 100 },
  { words: ["maildirmake", "Maildir"], code: 0 },
  { words: ["maildirmake", "control"], code: 111 },
  { words: ["maildir2mbox"], code: 111 },
  { words: ["preline", "cat"], env: delivery, stdin: message, code: 0 },
  { words: ["preline", "-d", "sh", "-c", "cat >&2; exit 3"], env: delivery, stdin: message, code: 3 },
  { words: ["qbiff"], stdin: message, code: 0 },
  { words: ["qreceipt"], stdin: message, code: 100 },
  {
    words: ["qmail-local", "-n", "--", "joe", folder, "joe", "", "", "b.org", "x@y.org", "./Maildir/"],
    stdin: message,
    code: 0,
  },
  { words: ["qmail-local"], code: 100 },
  { words: ["datemail", "-bz"], code: 100 },
  { words: ["mailq"], env: home, code: 0 },
  { words: ["mailsubj"], code: 111 },
  { words: ["qmail-getpw"], code: 100 },
  { words: ["checkpassword"], code: 2 },
  { words: ["qmail-popup"], code: 1 },
  { words: ["qmail-popup", "mx.test", "false"], stdin: "STAT\r\nQUIT\r\n", varying: /<[0-9.]+@/g, code: 1 },
  { words: ["qmail-pop3d", "no-such-maildir"], stdin: "QUIT\r\n", code: process.getuid?.() === 0 ? 1 : 0 },
  { words: ["qmail-newmrh"], env: home, code: 0 },
  { words: ["qmail-newu"], env: home, code: 0 },
  { words: ["qmail-pw2u"], env: home, stdin: "joe:x:1000:1000::/home/joe:/bin/sh\n", code: 111 },
  { words: ["qmail-qmqpc"], env: home, code: 55 },
  { words: ["qmail-queue"], env: home, stdin: message, envelope: "Tno sender", code: 91 },
  {
    words: ["qmail-queue"],
    env: { QUAIL_HOME: "/no-such-home" },
    stdin: message,
    envelope: "Fx@y.org\0Tz@a.org\0\0",
    code: 62,
  },
  { words: ["qmail-remote"], code: 0 },
  { words: ["qmail-tcpok"], env: home, code: 111 },
  { words: ["qmail-tcpto"], env: home, code: 111 },
  {
    words: ["qmail-smtpd"],
    env: home,
    stdin: "EHLO x\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nNOOP\r\nQUIT\r\n",
    varying: /id=\d+|seconds=[0-9.]+/g,
    code: 0,
  },
  { words: ["qmail-qread"], env: home, code: 0 },
  { words: ["qmail-qstat"], env: home, code: 0 },
  { words: ["qmail-showctl"], env: home, code: 0 },
  { words: ["config", "--help"], code: 0 },
  { words: ["config-fast", "mail.example.com"], env: home, code: 0 },
  { words: ["qmail-send"], env: home, code: 111 },
  { words: ["qmail-lspawn"], env: home, code: 100 },
  { words: ["qmail-rspawn"], env: home, code: 111 },
  { words: ["qmail-clean"], env: home, code: 111 },
  { words: ["qmail-start"], env: { QUAIL_HOME: "/no-such-home" }, code: 111 },
  { words: ["qmailctl", "help"], env: home, code: 0 },
  { words: ["qmailctl", "begin"], env: home, code: 1 },
  { words: ["splogger", "--help"], code: 0 },
  { words: ["tcp-env", "cat"], env: { PROTO: "TCP" }, stdin: message, code: 0 },
  { words: ["tcp-env"], code: 100 },
  { words: ["maildirwatch"], code: 111 },
  { words: ["elq"], code: 111 },
  { words: ["pinq"], code: 111 },
  { words: ["qail"], code: 111 },
  { words: ["dnsfq"], code: 100 },
  { words: ["dnsip"], code: 100 },
  { words: ["dnsmxip"], code: 100 },
  { words: ["dnsptr"], code: 100 },
  { words: ["instcheck"], env: home, code: 0 },
  { words: ["accustamp", "--help"], code: 0 },
  { words: ["tai64nunix"], stdin: `${label} x\n`, code: 0 },
  { words: ["tai64n2tai"], stdin: `${label} x\n`, code: 0 },
  { words: ["tai2tai64n"], stdin: log, code: 0 },
  { words: ["qlogselect", "from", ".*"], stdin: log, code: 0 },
  { words: ["logselect"], code: 111 },
  { words: ["qfilelog"], code: 1 },
  { words: ["cyclog"], code: 100 },
  { words: ["teepipe", "cat"], stdin: log, code: 0 },
  { words: ["multipipe", "no-such-folder"], code: 1 },
  { words: ["spipe"], code: 1 },
  { words: ["matchup"], stdin: log, code: 0 },
  { words: ["mlmatchup"], stdin: log, code: 0 },
  { words: ["columnt"], stdin: "a bb\n\nccc\n", code: 0 },
  { words: ["xqp", "7"], stdin: matched, code: 0 },
  { words: ["xsender"], stdin: matched, code: 100 },
  { words: ["xrecipient", "local.b@h"], stdin: matched, code: 0 },
  { words: ["zsendmail"], stdin: matched, code: 0 },
  { words: ["zoverall"], stdin: matched, code: 0 },
  { words: ["zddist"], stdin: matched, code: 0 },
  { words: ["zdeferrals"], stdin: matched, code: 0 },
  { words: ["zfailures"], stdin: matched, code: 0 },
  { words: ["zsuccesses"], stdin: matched, code: 0 },
  { words: ["zrecipients", "-r"], stdin: matched, code: 0 },
  { words: ["zrhosts", "--json"], stdin: matched, code: 0 },
  { words: ["zrxdelay", "x"], stdin: matched, code: 100 },
  { words: ["zsenders"], stdin: matched, code: 0 },
  { words: ["zsuids"], stdin: matched, code: 0 },
  { words: ["qmail-upq"], env: home, code: 0 },
  { words: ["ipmeprint"], code: 0 },
  { words: ["fghack"], code: 100 },
  { words: ["fghack", "sh", "-c", "exit 3"], code: 3 },
  { words: ["pgrphack"], code: 100 },
  { words: ["pgrphack", "sh", "-c", "exit 3"], code: 3 },
  { words: ["readproctitle", "four"], code: 100 },
  { words: ["readproctitle", "errors:", "........"], stdin: "x\n", code: 0 },
  { words: ["supervise", "no-such-directory"], code: 111 },
  { words: ["svc", "-ud", "control", "no-such-directory"], code: 0 },
  { words: ["svc", "-z"], code: 100 },
  { words: ["svok", "control"], code: 100 },
  { words: ["svscan", "no-such-directory"], code: 111 },
  { words: ["svscanboot", "--help"], code: 0 },
  { words: ["svstat", "control", "no-such-directory"], code: 0 },
  { words: ["svup", "control"], code: 100 },
];

/** What each run starts from: a small home, at the same path every time, for paths show in what programs say. */
const files: Readonly<Record<string, string>> = {
  "control/me": "mail.a.org\n",
  "control/rcpthosts": "a.org\n",
  "control/morercpthosts": "B.org\n",
  "users/assign": "=joe:joe:1000:1000:/home/joe:::\n.\n",
  "queue/drop/": "",
  "run/": "",
  ".qmail": "|cat\n./Maildir/\n&jim@b.org\n",
};

function lay(): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(name.endsWith("/") ? join(folder, name) : dirname(join(folder, name)), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(folder, name), text);
  }
}

/** Every file and folder below `folder`, with what is in it. */
function found(): Readonly<Record<string, string>> {
  const names = (readdirSync(folder, { recursive: true }) as string[]).sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      statSync(join(folder, name)).isFile() ? readFileSync(join(folder, name), "latin1") : "/",
    ]),
  );
}

after(() => {
  for (const path of [folder, `${folder}.envelope`, `${folder}.bin`]) rmSync(path, { recursive: true, force: true });
});

/** Longer than any program here takes; one that waits for what never comes fails its row. */
const limitMs = 20_000;

/** The program as a process of its own. */
function runApart({ words, stdin = "", envelope }: Row, env: NodeJS.ProcessEnv) {
  const out = envelope === undefined ? ("pipe" as const) : openSync(laid(envelope), "r");
  const [command, ...args] = commandOf(words);
  const result = spawnSync(command, args, {
    cwd: folder,
    env,
    input: Buffer.from(stdin, "latin1"),
    stdio: ["pipe", out, "pipe"],
    timeout: limitMs,
  });
  if (typeof out === "number") closeSync(out);
  return { code: result.status, stdout: result.stdout ?? Buffer.alloc(0), stderr: result.stderr };
}

/** A program that shares its name with a verb of quail (config) is run by its link, as an admin would. */
function commandOf(words: Row["words"]): [string, ...string[]] {
  const [name, ...args] = words;
  if (!verbs.has(name)) return [multiCallPath, ...words];
  mkdirSync(`${folder}.bin`, { recursive: true });
  const link = join(`${folder}.bin`, name);
  rmSync(link, { force: true });
  symlinkSync(multiCallPath, link);
  return [link, ...args];
}

/** A file outside the folder that is compared. */
function laid(content: string): string {
  const path = `${folder}.envelope`;
  writeFileSync(path, content, "latin1");
  return path;
}

for (const row of rows) {
  const { words, stdin = "", envelope, env = {}, varying, code } = row;
  const text = (bytes: Buffer): string => bytes.toString("latin1").replaceAll(varying ?? /$^/g, "...");
  test(`${words.join(" ")}: the same as a process and in process`, { timeout: 2 * limitMs }, async () => {
    const whole = { PATH: process.env.PATH, ...env };
    lay();
    const apart = runApart(row, whole);
    const left = found();
    lay();
    const inside = await runInProcess(findProgram, words, {
      cwd: folder,
      env: whole,
      stdin: Readable.from([Buffer.from(stdin, "latin1")]),
      inputs: new Map(envelope === undefined ? [] : [[1, Readable.from([Buffer.from(envelope, "latin1")])]]),
      maxOutputBytes: 1 << 24,
    });
    assert.ok(inside !== null, `${words[0]} is not in the table of programs`);
    assert.equal(text(inside.stdout), text(apart.stdout));
    assert.equal(text(inside.stderr), text(apart.stderr));
    assert.deepEqual([inside.code, apart.code], [code, code], apart.stdout.toString() + apart.stderr.toString());
    assert.deepEqual(found(), left);
  });
}

test("every program has a row", () => {
  const covered = new Set(rows.map(({ words }) => words[0]));
  assert.deepEqual(
    programNames.filter((name) => !covered.has(name)),
    [],
  );
});
