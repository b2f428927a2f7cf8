/** A home laid out as a classic /var/qmail, without a file of ours in it, is used in place, by the programs an admin knows. */
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
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { buildClassicQueue } from "#operate/import/testing";
import { multiCallPath } from "#process";

/** Whose mail it is: ours, or as root an ordinary uid's, to whom the home belongs then. */
const isRoot = process.getuid?.() === 0;
const ids = isRoot ? { uid: 65524, gid: 65524 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

let folder = "";
let home = "";
const running = new Set<ChildProcess>();

function file(name: string, text: string): void {
  mkdirSync(join(home, name, ".."), { recursive: true });
  writeFileSync(join(home, name), text);
}

/** What an admin's installation has in control/, users/ and alias/, and two users with mailboxes. */
function layClassic(): void {
  file("control/me", "mail.example.test\n");
  file("control/locals", "mail.example.test\nexample.test\n");
  file("control/rcpthosts", "mail.example.test\nexample.test\nvirtual.test\n");
  file("control/virtualdomains", "virtual.test:joe-virtual\n");
  file("control/defaultdomain", "example.test\n");
  file("alias/.qmail-postmaster", "&joe\n");
  file("alias/.qmail-info", "&joe@example.test\n");
  const row = (name: string) => `${name}:${ids.uid}:${ids.gid}:${home}/users.d/${name}`;
  file(
    "users/assign",
    `=joe:${row("joe")}:::\n+joe-:${row("joe")}:-::\n=ann:${row("ann")}:::\n+:alias:${ids.uid}:${ids.gid}:${home}/alias:-::\n.\n`,
  );
  for (const name of ["joe", "ann"])
    for (const part of ["new", "cur", "tmp"]) file(`users.d/${name}/Maildir/${part}/.keep`, "");
  file("users.d/joe/.qmail-virtual-default", "./Virtual\n");
}

function give(path: string): void {
  if (!isRoot) return;
  chownSync(path, ids.uid, ids.gid);
  for (const name of readdirSync(path, { recursive: true }) as string[]) chownSync(join(path, name), ids.uid, ids.gid);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quail-classic-"));
  chmodSync(folder, 0o755);
  home = join(folder, "qmail");
});
afterEach(async () => {
  for (const child of running) {
    const gone = new Promise((done) => child.once("close", done));
    child.kill("SIGKILL");
    await gone;
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

function run(words: readonly string[]) {
  const child = spawn(multiCallPath, [...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, QUAIL_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const code = new Promise<number | null>((done) => {
    child.once("close", (status) => {
      running.delete(child);
      done(status);
    });
  });
  return { child, out: () => out, err: () => err, code };
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 1500 && !isSo(); i++) await new Promise((wake) => setTimeout(wake, 20));
  assert.ok(isSo(), what);
}

/** One of the home's own programs, by the link in its bin/. */
function program(name: string, args: readonly string[], input = "") {
  const result = spawnSync(join(home, "bin", name), [...args], {
    cwd: "/",
    env: { PATH: process.env.PATH, USER: "joe" }, // No QUAIL_HOME: the link says which home.
    input,
    encoding: "latin1",
    ...(isRoot ? ids : {}),
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const mail = (path: string): string[] => {
  const names = readdirSync(join(home, path)).filter((name) => !name.startsWith("."));
  return names.map((name) => readFileSync(join(home, path, name), "latin1"));
};

test("a classic home is used in place: its control files, users and aliases; qmail-start's argument is the default delivery [Q-265]", async () => {
  layClassic();
  assert.equal(
    spawnSync(multiCallPath, ["qmail-newu"], { env: { PATH: process.env.PATH, QUAIL_HOME: home } }).status,
    0,
  );
  give(home);
  const before = new Map(
    ["control", "users", "alias"].map((name) => [name, readdirSync(join(home, name)).sort()] as const),
  );
  const started = run(["qmail-start", "./Mailbox\n./Maildir/"]);
  await until(
    "ready",
    () =>
      existsSync(join(home, "ready")) ||
      (started.child.exitCode !== null && assert.fail(started.out() + started.err())),
  );

  assert.deepEqual(program("qmail-inject", ["ann", "info@virtual.test", "postmaster"], "Subject: one\n\nhello\n"), {
    code: 0,
    out: "",
    err: "",
  });
  await until(
    "delivered",
    () => mail("users.d/ann/Maildir/new").length === 1 && mail("users.d/joe/Maildir/new").length === 1,
  );
  assert.match(readFileSync(join(home, "users.d/ann/Mailbox"), "latin1"), /^Subject: one$/m);
  assert.match(
    mail("users.d/joe/Maildir/new").join(""),
    /^Delivered-To: alias-?postmaster@mail\.example\.test$|^Delivered-To: postmaster@/m,
  );
  assert.match(
    readFileSync(join(home, "users.d/joe/Virtual"), "latin1"),
    /^Delivered-To: joe-virtual-info@virtual\.test$/m,
  );
  await until("finished", () => /^end msg /m.test(started.out()));
  assert.match(program("qmail-qstat", []).out, /^messages in queue: 0$/m);
  for (const [name, names] of before)
    assert.deepEqual(readdirSync(join(home, name)).sort(), names, `${name} is as it was`);
  assert.ok(!existsSync(join(home, "home", "you")), "no test account in an admin's home");

  started.child.kill("SIGTERM");
  assert.equal(await started.code, 0);
  assert.match(started.out(), /^status: local 0\/10 remote 0\/20$/m);
  assert.match(started.out(), /^status: exiting$/m);
  assert.doesNotMatch(started.out(), /^@|quail:/m);
  assert.equal(started.err(), "");
});

test("qmail-start gives the log to its logger, without stamps [Q-264]", async () => {
  layClassic();
  give(home);
  const started = run(["qmail-start", "./Maildir/", "sh", "-c", `cat > ${folder}/logged; echo logger ended`]);
  await until(
    "ready",
    () =>
      existsSync(join(home, "ready")) ||
      (started.child.exitCode !== null && assert.fail(started.out() + started.err())),
  );
  started.child.kill("SIGTERM");
  assert.equal(await started.code, 0);
  assert.equal(started.out(), "logger ended\n");
  assert.match(
    readFileSync(join(folder, "logged"), "latin1"),
    /^status: local 0\/10 remote 0\/20\n[\s\S]*status: exiting\n/,
  );
});

test("qmail-start that cannot start says so in the log alone, and exits 111", async () => {
  mkdirSync(home);
  const none = run(["qmail-start", "./Maildir/"]);
  assert.equal(await none.code, 111);
  assert.equal(none.out(), "alert: cannot start: unable to read controls\n");
  assert.equal(none.err(), "");
  assert.deepEqual(readdirSync(home), [], "and makes no home");
  file("control/concurrencylocal", "ten\n");
  file("control/me", "mail.example.test\n");
  give(home);
  const wrong = run(["qmail-start"]);
  assert.equal(await wrong.code, 111);
  assert.match(wrong.out(), /^alert: cannot start: .*control\/concurrencylocal line 1: does not begin with a digit/m);
});

test("an installed qmail with a half-full queue: refused as it is, then adopted, its queue imported, and run", async () => {
  layClassic();
  const born = Math.floor(Date.now() / 1000) - 600;
  const queue = buildClassicQueue(join(home, "queue"));
  queue.preprocessed(7, "Subject: waited\n\nx\n", {
    sender: "kim@far.test",
    local: ["Djoe@example.test", "Tann@example.test"],
    born,
  });
  queue.todo(8, "Subject: just queued\n\ny\n", "kim@far.test", ["joe@example.test"], born);
  file("bin/qmail-send", "the original");
  give(home);
  const quail = (...words: readonly string[]) => {
    const env = { PATH: process.env.PATH, QUAIL_HOME: home };
    const { status, stdout, stderr } = spawnSync(multiCallPath, words, {
      env,
      cwd: "/",
      encoding: "latin1",
      ...(isRoot ? ids : {}),
    });
    return { code: status, said: stdout + stderr };
  };
  assert.equal(quail("qmail-newu").code, 0);
  const refused = quail("qmail-start");
  assert.equal(refused.code, 111);
  assert.match(refused.said, /^alert: cannot start: .* is an installation of qmail .*: quail setup adopt /);

  assert.equal(quail("setup", "adopt").code, 0);
  assert.equal(readFileSync(join(home, "bin.qmail/qmail-send"), "utf8"), "the original");
  const imported = quail("import", "queue", join(home, "queue.qmail"));
  assert.equal(imported.code, 0, imported.said);
  const started = run(["qmail-start", "./Maildir/"]);
  await until("the old mail is delivered", () => (started.out().match(/^end msg /gm) ?? []).length === 2);
  assert.match(mail("users.d/ann/Maildir/new").join(""), /^Subject: waited$/m);
  assert.match(mail("users.d/joe/Maildir/new").join(""), /^Subject: just queued$/m);
  assert.doesNotMatch(
    mail("users.d/joe/Maildir/new").join(""),
    /^Subject: waited$/m,
    "what was done is not done again",
  );
  started.child.kill("SIGTERM");
  assert.equal(await started.code, 0);
});

test("a link in a home's bin works on that home, through any number of links", () => {
  file("control/me", "this.home.test\n");
  mkdirSync(join(home, "bin"));
  symlinkSync(multiCallPath, join(home, "bin", "qmail-showctl"));
  symlinkSync(join(home, "bin", "qmail-showctl"), join(folder, "qmail-showctl"));
  const show = (env: NodeJS.ProcessEnv) =>
    spawnSync(join(folder, "qmail-showctl"), [], { env: { PATH: process.env.PATH, ...env }, encoding: "utf8" }).stdout;
  assert.match(show({}), /^me: My name is this\.home\.test\.$/m);
  assert.doesNotMatch(show({ QUAIL_HOME: "/nowhere" }), /this\.home\.test/, "the environment is stronger");
});
