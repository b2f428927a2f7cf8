import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { netstring } from "#bytes";
import { multiCallPath } from "#process";

const programs = [
  "sendmail",
  "mailq",
  "newaliases",
  "qmail-inject",
  "qmail-queue",
  "qmail-qmqpc",
  "qmail-qmqpd",
  "qmail-qmtpd",
];
const more = ["datemail", "predate", "mailsubj"];

/**
 * A home without a running queue, links of the classic names, and a QMAILQUEUE program that keeps what it is given in
 * `message` and `envelope`.
 */
function makePlace() {
  const root = mkdtempSync(join(tmpdir(), "injectors-"));
  chmodSync(root, 0o755);
  for (const folder of ["control", "bin", "queue"]) mkdirSync(join(root, folder));
  mkdirSync(join(root, "queue", "drop"));
  chmodSync(join(root, "queue", "drop"), 0o1733);
  writeFileSync(join(root, "control", "me"), "mail.example.com\n");
  writeFileSync(join(root, "control", "rcpthosts"), "us.test\n");
  for (const name of [...programs, ...more]) symlinkSync(multiCallPath, join(root, "bin", name));
  const keeper = join(root, "keeper");
  const script = `#!/bin/sh\ncat >${root}/message\ncat <&1 >${root}/envelope\nexit $(cat ${root}/code 2>/dev/null || echo 0)\n`;
  writeFileSync(keeper, script, { mode: 0o755 });
  const read = (name: string): string => (existsSync(join(root, name)) ? readFileSync(join(root, name), "latin1") : "");
  return {
    root,
    bin: (name: string) => join(root, "bin", name),
    /** The caller's own environment would decide who writes. */
    env: {
      PATH: `${join(root, "bin")}:${process.env.PATH}`,
      HOME: root,
      USER: "joe",
      QUAIL_HOME: root,
      TZ: "America/Los_Angeles",
    },
    keeping: { QMAILQUEUE: keeper },
    kept: () => ({ message: read("message"), envelope: read("envelope").replaceAll("\0", "~") }),
    drops: () => readdirSync(join(root, "queue", "drop")).map((name) => read(join("queue", "drop", name))),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs a real process; a program that hangs fails its test. */
function run(words: readonly [string, ...string[]], env: NodeJS.ProcessEnv, stdin = "", uid?: number): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = words;
    const who = uid === undefined ? {} : { uid, gid: uid };
    const child = spawn(program, args, { env, timeout: 60_000, cwd: env.HOME, ...who });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("latin1").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.on("error", () => {}); // A program need not read what it was given.
    child.stdin.end(Buffer.from(stdin, "latin1"));
  });
}

const ns = (content: string): string => netstring(content).toString("latin1");
const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

test("qmail-inject hands the message to the QMAILQUEUE program, and its exit code to its user [Q-223]", async () => {
  using place = makePlace();
  const env = { ...place.env, ...place.keeping };
  const ran = await run([place.bin("qmail-inject")], env, "To: fred\n\nbody\n");
  assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
  assert.equal(place.kept().envelope, "Fjoe@mail.example.com~Tfred@mail.example.com~~");
  assert.match(place.kept().message, /^Date: .*\nMessage-ID: .*\nFrom: joe@.*\nTo: fred@.*\n\nbody\n$/);
  for (const [code, exitCode, text] of [
    [53, 111, "qq write error or disk full (#4.3.0)"],
    [31, 100, "mail server permanently rejected message (#5.3.0)"],
  ] as const) {
    writeFileSync(join(place.root, "code"), String(code));
    assert.deepEqual(await run([place.bin("qmail-inject")], env, "To: fred\n\n"), {
      code: exitCode,
      stdout: "",
      stderr: `qmail-inject: fatal: ${text}\n`,
    });
  }
});

test("without a running queue qmail-inject and qmail-queue leave messages in the drop folder [Q-047]", async () => {
  using place = makePlace();
  assert.equal((await run([place.bin("qmail-inject"), "fred@a.b"], place.env, "Subject: 1\n\n")).code, 0);
  writeFileSync(join(place.root, "m"), "Subject: 2\n\nbody");
  writeFileSync(join(place.root, "e"), "Fs@s.s\0Tr@r.r\0\0");
  const script = 'exec "$0" <m 1<e';
  assert.deepEqual(await run(["sh", "-c", script, place.bin("qmail-queue")], place.env), {
    code: 0,
    stdout: "",
    stderr: "",
  });
  const drops = place.drops();
  assert.equal(drops.length, 2);
  assert.ok(drops.some((drop) => drop.includes("fred@a.b\0") && drop.endsWith("\nSubject: 1\n\n")));
  assert.ok(drops.some((drop) => drop.includes("s@s.s\0r@r.r\0") && drop.endsWith("\nSubject: 2\n\nbody")));
});

test("qmail-queue reads its envelope from a pipe on descriptor 1 and says nothing when it is cut [Q-048]", async () => {
  using place = makePlace();
  const script = 'printf "Fs@s.s\\0Tr@r.r\\0" | { exec 3<&0; exec "$0" </dev/null 1<&3; }';
  const ran = await run(["sh", "-c", script, place.bin("qmail-queue")], place.env);
  assert.deepEqual(ran, { code: 54, stdout: "", stderr: "" });
  assert.deepEqual(place.drops(), []);
});

test("the real uid of whoever calls qmail-queue goes with the message [Q-051]", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root can call it as somebody else");
  using place = makePlace();
  const nobody = 65_534;
  const cache = { NODE_COMPILE_CACHE: "" };
  const readable = await run(["test", "-r", multiCallPath], place.env, "", nobody);
  if (readable.code !== 0) return t.skip("this checkout cannot be read by other users");
  const ran = await run([place.bin("qmail-inject"), "a@b.c"], { ...place.env, ...cache }, "\n", nobody);
  assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
  assert.match(place.drops()[0] ?? "", /^[0-9]+\nuser\x0065534\0joe@mail\.example\.com\0a@b\.c\0/);
});

test("sendmail -bs is an SMTP session that relays, and says who it was in Received [Q-225]", async () => {
  using place = makePlace();
  const script =
    "HELO me\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<far@away.test>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n";
  const ran = await run([place.bin("sendmail"), "-bs"], { ...place.env, ...place.keeping }, script);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /^220 .*\r\n250 ok [0-9]+ qp [0-9]+\r\n221 /s);
  assert.equal(place.kept().envelope, "Fa@b.c~Tfar@away.test~~");
  assert.match(place.kept().message, /^Received: from localhost \(HELO me\) \(sendmail-bs@127\.0\.0\.1\)\n/m);
});

test("mailq lists the queue and newaliases says what to use instead [Q-226]", async () => {
  using place = makePlace();
  const aliases = await run([place.bin("newaliases")], place.env);
  assert.deepEqual(aliases, {
    code: 100,
    stdout: "",
    stderr: "sendmail: fatal: please use fastforward/newaliases instead\n",
  });
  const listed = await run([place.bin("mailq")], place.env);
  assert.deepEqual(listed, await run([multiCallPath, "qmail-qread"], place.env));
});

test("datemail and mailsubj work from end to end [Q-227]", async () => {
  using place = makePlace();
  const env = { ...place.env, ...place.keeping };
  assert.equal((await run([place.bin("datemail"), "-t"], env, "To: fred\n\n")).code, 0);
  assert.match(place.kept().message, /^Date: [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} -0[78]00\nTo: fred@/m);
  assert.equal(place.kept().message.match(/^Date:/gm)?.length, 1);
  assert.equal((await run([place.bin("mailsubj"), "hello there", "fred", "joe"], env, "body\n")).code, 0);
  assert.match(place.kept().message, /^Subject: hello there\nTo: fred@mail.*, joe@mail.*\n\nbody\n$/m);
});

test("qmail-qmtpd and qmail-qmqpd speak on stdin and stdout and queue what they take [Q-235] [Q-236] [Q-240]", async () => {
  using place = makePlace();
  const env = {
    ...place.env,
    ...place.keeping,
    TCPREMOTEIP: "192.0.2.1",
    TCPREMOTEHOST: "a.test",
    TCPLOCALHOST: "mx.test",
  };
  const qmtp = ns("\nhi\n") + ns("s@s") + ns(ns("a@us.test") + ns("b@away.test"));
  const ran = await run([place.bin("qmail-qmtpd")], env, qmtp.repeat(2));
  const said =
    /^[0-9]+:Kok [0-9]+ qp [0-9]+,66:Dsorry, that domain isn't in my list of allowed rcpthosts \(#5\.7\.1\),/;
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, said);
  assert.equal(ran.stdout.match(/Kok/g)?.length, 2);
  assert.equal(place.kept().envelope, "Fs@s~Ta@us.test~~");
  assert.match(place.kept().message, /^Received: from a\.test \(192\.0\.2\.1\)\n {2}by mx\.test with QMTP; .*\nhi\n$/);

  const qmqp = await run([place.bin("qmail-qmqpd")], env, ns(ns("hi\n") + ns("s@s") + ns("b@away.test")));
  assert.match(qmqp.stdout, /^[0-9]+:Kok [0-9]+ qp [0-9]+,$/);
  assert.equal(place.kept().envelope, "Fs@s~Tb@away.test~~");
  assert.match(place.kept().message, / with QMQP; /);
  assert.equal((await run([place.bin("qmail-qmtpd")], env, "x")).code, 100, "Q-239");
});

test("qmail-qmqpc without qmqpservers is exit 55, with a server that refuses 73 [Q-241]", async () => {
  using place = makePlace();
  writeFileSync(join(place.root, "m"), "Subject: 2\n\nbody");
  writeFileSync(join(place.root, "e"), "Fs@s.s\0Tr@r.r\0\0");
  const words = ["sh", "-c", 'exec "$0" <m 1<e', place.bin("qmail-qmqpc")] as const;
  assert.equal((await run(words, place.env)).code, 55);
  writeFileSync(join(place.root, "control", "qmqpservers"), "127.0.0.1:1\n");
  assert.deepEqual(await run(words, place.env), { code: 73, stdout: "", stderr: "" });
  writeFileSync(join(place.root, "e"), "Fs@s.s\0Tr@r.r\0");
  assert.equal((await run(words, place.env)).code, 91);
});

test("mutt sends through sendmail [Q-224]", async (t) => {
  if (!has("mutt")) return t.skip("mutt is not installed");
  using place = makePlace();
  const settings = [
    `set sendmail="${place.bin("sendmail")} -oem -oi"`,
    "set copy=no",
    "set use_envelope_from=yes",
    'set from="me@sun.test"',
    'set dsn_notify="failure"',
    'set dsn_return="hdrs"',
  ].flatMap((setting) => ["-e", setting]);
  const words = ["mutt", "-n", "-F", "/dev/null", ...settings, "-s", "a subject", "fred@b.test"] as const;
  const ran = await run(words, { ...place.env, ...place.keeping }, ".\nbody\n");
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(place.kept().envelope, "Fme@sun.test~Tfred@b.test~~");
  assert.match(place.kept().message, /^Subject: a subject$/m);
  assert.match(place.kept().message, /\n\n\.\nbody\n$/);
});

/** s-nail refuses to work for a uid without an account. */
function hasAccount(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false; // ENOENT: no such account.
  }
}

test("s-nail sends through sendmail [Q-224]", async (t) => {
  if (!has("s-nail")) return t.skip("s-nail is not installed");
  if (!hasAccount()) return t.skip("s-nail wants an account for this uid, and there is none");
  using place = makePlace();
  const words = ["s-nail", "-n", "-S", `mta=${place.bin("sendmail")}`, "-r", "me@sun.test", "-s", "a subject"] as const;
  const ran = await run([...words, "-b", "secret@c.test", "fred@b.test"], { ...place.env, ...place.keeping }, "body\n");
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(place.kept().envelope, "Fme@sun.test~Tfred@b.test~Tsecret@c.test~~");
  assert.match(place.kept().message, /^Subject: a subject$/m);
  assert.doesNotMatch(place.kept().message, /^Bcc:/im);
});
