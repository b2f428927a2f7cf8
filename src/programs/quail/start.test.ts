import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { multiCallPath } from "#process";

let folder = "";
let home = "";
let ports: readonly string[] = [];
const running = new Set<ChildProcess>();

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quail-start-"));
  chmodSync(folder, 0o755);
  home = join(folder, "home");
  const numbers = [await freePort(), await freePort(), await freePort(), await freePort()];
  const named = ["smtp", "submission", "metrics", "pop3"].map((name, at) => `${name}=${numbers[at]}`);
  ports = [...named, "smtps=off", "pop3s=off"].flatMap((port) => ["--port", port]);
});
afterEach(async () => {
  for (const child of running) await ended(child, "SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

type Started = { readonly child: ChildProcess; readonly said: () => string; readonly code: Promise<number | null> };

function run(words: readonly string[], as?: { readonly uid: number; readonly gid: number }): Started {
  const child = spawn(multiCallPath, ["start", ...words], { cwd: folder, stdio: ["ignore", "pipe", "pipe"], ...as });
  running.add(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  const code = new Promise<number | null>((done) => {
    child.once("close", (status) => {
      running.delete(child);
      done(status);
    });
  });
  return { child, said: () => said, code };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((done) => child.once("close", done));
  child.kill(signal);
  await gone;
}

/** Starts a house and waits until it is ready. */
async function ready(words: readonly string[] = ["--quiet"], as?: { uid: number; gid: number }): Promise<Started> {
  const started = run(["--home", home, ...ports, ...words], as);
  for (let i = 0; i < 1500 && !started.said().includes("quail: ready\n"); i++) {
    if (started.child.exitCode !== null) break;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  assert.match(started.said(), /^quail: ready$/m);
  return started;
}

/** Gone, or waiting for whoever adopted it to take note of its end. */
function hasEnded(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return true;
  }
}

const mode = (name: string): string => (statSync(join(home, name)).mode & 0o7777).toString(8);

test("a first start makes a home that says what is in it, and a second one keeps it", async () => {
  const first = await ready([]);
  assert.ok(existsSync(join(home, "ready")));
  const modes = ["queue/drop", "run", "home/you", "home/you/Maildir/new", "welcome.txt", "control/poppasswd", "queue"];
  assert.deepEqual(modes.map(mode), ["1733", "711", "700", "700", "600", "600", "711"]);
  const password = /password\s+(\S+)/.exec(readFileSync(join(home, "welcome.txt"), "utf8"))?.[1] ?? "";
  assert.match(password, /^[A-Za-z0-9_-]{16}$/);
  assert.match(
    readFileSync(join(home, "control/poppasswd"), "utf8"),
    /^you@localhost:\$scrypt\$ln=14,r=8,p=1\$[^$:]+\$[^$:]+:\d+:\d+:.*\/home\/you\n$/,
  );
  assert.match(first.said(), new RegExp(`smtp +127\\.0\\.0\\.1:${ports[1]?.slice(5)} `));
  assert.match(first.said(), /mailbox {2}you@localhost/);
  assert.match(first.said(), /\| QUAIL_HOME=\S+ \S+ sendmail you@localhost\n/);
  first.child.kill("SIGINT");
  assert.equal(await first.code, 0);
  assert.ok(!existsSync(join(home, "ready")), "no longer ready");
  assert.equal(readdirSync(join(home, "run")).includes("services"), false);

  writeFileSync(join(home, "control", "locals"), "localhost\nexample.test\n");
  rmSync(join(home, "alias", ".qmail-abuse"));
  const second = await ready();
  second.child.kill("SIGTERM");
  assert.equal(await second.code, 0);
  assert.ok(readFileSync(join(home, "welcome.txt"), "utf8").includes(password));
  assert.equal(readFileSync(join(home, "control", "locals"), "utf8"), "localhost\nexample.test\n");
  assert.ok(!existsSync(join(home, "alias", ".qmail-abuse")), "what was removed stays removed");
  assert.equal(second.said(), "quail: ready\n");
});

test("programs are found under their classic names in bin of the home", async () => {
  const { child, code } = await ready();
  assert.ok(readdirSync(join(home, "bin")).includes("qmail-inject"));
  child.kill("SIGTERM");
  await code;
});

test("control files laid before the first start count", async () => {
  mkdirSync(join(home, "control"), { recursive: true });
  writeFileSync(join(home, "control", "me"), "mail.example.test\n");
  const { child, code } = await ready();
  assert.equal(readFileSync(join(home, "control", "me"), "utf8"), "mail.example.test\n");
  assert.ok(existsSync(join(home, "home", "you", "Maildir")));
  child.kill("SIGTERM");
  await code;
});

test("a port in use is named, with the way to choose another", async () => {
  const number = ports[3]?.slice("submission=".length);
  const taken = createServer().listen(Number(number), "127.0.0.1");
  const { code, said } = run(["--home", home, ...ports]);
  assert.equal(await code, 111);
  taken.close();
  assert.equal(
    said(),
    `quail: port 127.0.0.1:${number} (submission) is in use by another program; stop that one, or choose another with --port submission=N\n`,
  );
});

test("a second Quail on a home is refused and told which process has it", async () => {
  const first = await ready();
  const second = run(["--home", home, ...ports]);
  assert.equal(await second.code, 111);
  assert.equal(
    second.said(),
    `quail: another Quail (process ${first.child.pid}) runs on ${home}; stop it first, or take another --home\n`,
  );
  assert.ok(existsSync(join(home, "ready")), "the first one is untouched");
  first.child.kill("SIGTERM");
  await first.code;
});

test("a wrong control value is told with file, line and reason", async () => {
  mkdirSync(join(home, "control"), { recursive: true });
  writeFileSync(join(home, "control", "queuelifetime"), "a week\n");
  writeFileSync(join(home, "control", "locals"), "localhost\n bad.example\n");
  const { code, said } = run(["--home", home, ...ports]);
  assert.equal(await code, 111);
  assert.match(said(), /^quail: .*control\/locals line 2: begins with a blank/m);
  assert.match(said(), /^quail: .*control\/queuelifetime line 1: does not begin with a digit/m);
});

test("an installation of qmail is left alone", async () => {
  mkdirSync(join(home, "queue", "intd"), { recursive: true });
  mkdirSync(join(home, "queue", "mess", "7"), { recursive: true });
  writeFileSync(join(home, "queue", "mess", "7", "7"), "a message of qmail's");
  const { code, said } = run(["--home", home, ...ports]);
  assert.equal(await code, 111);
  assert.match(
    said(),
    /^quail: .* is an installation of qmail \(it has queue\/intd\); take another folder with --home/,
  );
  assert.equal(readFileSync(join(home, "queue", "mess", "7", "7"), "utf8"), "a message of qmail's");
  assert.deepEqual(readdirSync(home), ["queue"]);
});

test("a home that cannot be made is one sentence", async () => {
  writeFileSync(join(folder, "file"), "");
  const { code, said } = run(["--home", join(folder, "file", "home"), ...ports]);
  assert.equal(await code, 111);
  assert.equal(said(), `quail: cannot make ${folder}/file/home: a part of that path is a file, not a folder\n`);
});

test("after kill -9 of the supervisor its services end by themselves and the next start works", async () => {
  const first = await ready();
  const pids = readFileSync(join(home, "run", "services"), "utf8")
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[1]));
  assert.ok(pids.length >= 5);
  first.child.kill("SIGKILL");
  await first.code;
  const second = await ready();
  for (const pid of pids) assert.ok(hasEnded(pid), `process ${pid} has ended`);
  second.child.kill("SIGTERM");
  assert.equal(await second.code, 0);
});

test("a service that is killed comes back while the others go on", async () => {
  const { child, code, said } = await ready();
  const pidOf = (name: string) =>
    new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(join(home, "run", "services"), "utf8"))?.[1];
  const [remote, queue] = [pidOf("remote"), pidOf("queue")];
  process.kill(Number(remote), "SIGKILL");
  for (let i = 0; i < 500 && !said().includes("remote is at work again"); i++)
    await new Promise((wake) => setTimeout(wake, 20));
  assert.notEqual(pidOf("remote"), remote);
  assert.equal(pidOf("queue"), queue);
  child.kill("SIGTERM");
  assert.equal(await code, 0);
});

test("--help tells the options and starts nothing", async () => {
  const { code, said } = run(["--help"]);
  assert.equal(await code, 0);
  assert.match(said(), /--port NAME=N/);
});

const root = process.getuid?.() === 0;
const ordinary = { uid: 65524, gid: 65524 };

test("started as root, the home is handed to an unprivileged uid and everything runs as that", {
  skip: !root && "needs root",
}, async () => {
  const { child, code, said } = await ready([]);
  const uid = statSync(home).uid;
  assert.notEqual(uid, 0);
  assert.match(said(), new RegExp(`^quail: started as root; everything runs as uid ${uid} \\(`, "m"));
  const pids = readFileSync(join(home, "run", "services"), "utf8")
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[1]));
  for (const pid of [child.pid, ...pids]) {
    assert.match(
      readFileSync(`/proc/${pid}/status`, "latin1"),
      new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, "m"),
    );
  }
  child.kill("SIGTERM");
  await code;
});

test("an ordinary user runs it too, and a home of somebody else is refused", {
  skip: !root && "needs root to become one",
}, async () => {
  chownSync(folder, ordinary.uid, ordinary.gid);
  const { child, code } = await ready(["--quiet"], ordinary);
  assert.equal(statSync(home).uid, ordinary.uid);
  child.kill("SIGTERM");
  assert.equal(await code, 0);
  const stranger = run(["--home", home, ...ports], { uid: 65523, gid: 65523 });
  assert.equal(await stranger.code, 111);
  assert.match(stranger.said(), /belongs to another user; start as its owner or as root/);
  const again = await ready([]);
  assert.match(again.said(), /everything runs as uid 65524 \(to whom the home belongs\)/);
  again.child.kill("SIGTERM");
  await again.code;
});

test("root opens a port below 1024 for services that are not root", { skip: !root && "needs root" }, async () => {
  const taken = createServer();
  const free = await new Promise<boolean>((done) => {
    taken.once("error", () => done(false));
    taken.listen(925, "127.0.0.1", () => taken.close(() => done(true)));
  });
  if (!free) return;
  ports = ["--port", "smtp=925", ...ports.slice(2)];
  const { child, code } = await ready();
  const { connect } = await import("node:net");
  const greeting = (): Promise<string> =>
    new Promise((done) => {
      const socket = connect(925, "127.0.0.1");
      socket.once("data", (chunk) => {
        done(chunk.toString());
        socket.end();
      });
      socket.once("error", () => done(""));
    });
  assert.match(await greeting(), /^220 /);
  const services = (): string => readFileSync(join(home, "run/services"), "latin1");
  const smtpd = (): number => Number(/^smtpd (\d+)$/m.exec(services())?.[1] ?? 0);
  const first = smtpd();
  process.kill(first, "SIGKILL");
  let again = "";
  for (let i = 0; i < 1500 && !(again.startsWith("220 ") && ![0, first].includes(smtpd())); i++) {
    await new Promise((wake) => setTimeout(wake, 20));
    again = await greeting();
  }
  assert.match(again, /^220 /, "a service that is started again finds its port");
  child.kill("SIGTERM");
  await code;
});

test("where an unprivileged uid would not get to the home, root runs it with a warning and runs nobody's programs", {
  skip: !root && "needs root",
}, async () => {
  chmodSync(folder, 0o700);
  const { child, code, said } = await ready([]);
  assert.match(
    said(),
    /^quail: WARNING: everything runs as root, because uid \d+ cannot get to \S+; programs in \.qmail files are off$/m,
  );
  writeFileSync(join(home, "home", "you", ".qmail-program"), "|touch /tmp/never\n");
  const send = (to: string) =>
    spawnSync(multiCallPath, ["sendmail", to], {
      input: "Subject: x\n\nx\n",
      env: { ...process.env, QUAIL_HOME: home },
    });
  assert.equal(send("you@localhost").status, 0);
  assert.equal(send("you-program@localhost").status, 0);
  const wanted = () => said().includes("did_1+0+0/") && /delivery \d+: deferral: /.test(said());
  for (let i = 0; i < 500 && !wanted(); i++) await new Promise((wake) => setTimeout(wake, 20));
  assert.equal(readdirSync(join(home, "home", "you", "Maildir", "new")).length, 1);
  assert.match(said(), /delivery \d+: deferral: /);
  child.kill("SIGTERM");
  await code;
});
