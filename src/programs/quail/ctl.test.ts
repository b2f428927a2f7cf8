import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
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
import { type TestContext, test } from "node:test";
import { findRunning, isAlive } from "#operate";
import { multiCallPath, type Program, runInProcess } from "#process";
import { reloadRules } from "./ctl.ts";

const isRoot = process.getuid?.() === 0;
const ids = isRoot ? { uid: 65524, gid: 65524 } : {};

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** A home with its ports in control/startoptions, and qmailctl on it; whatever runs there is stopped when the test ends. */
async function house(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "quail-ctl-"));
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  mkdirSync(join(home, "control"), { recursive: true });
  const options = ["smtp", "submission", "pop3"].map(async (name) => `--port=${name}=${await freePort()}\n`);
  writeFileSync(
    join(home, "control", "startoptions"),
    `# ports of this test\n${(await Promise.all(options)).join("")}--port=metrics=off\n--port=smtps=off\n--port=pop3s=off\n`,
  );
  if (isRoot) {
    chownSync(home, 65524, 65524);
    for (const name of readdirSync(home, { recursive: true }) as string[]) chownSync(join(home, name), 65524, 65524);
  }
  const quail = (...words: readonly string[]) => {
    const env = { PATH: process.env.PATH, QUAIL_HOME: home };
    const { status, stdout, stderr } = spawnSync(multiCallPath, words, {
      env,
      encoding: "utf8",
      timeout: 120_000,
      ...ids,
    });
    return { code: status, out: stdout, err: stderr };
  };
  t.after(() => {
    quail("stop");
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  return { home, quail, ctl: (...words: readonly string[]) => quail("qmailctl", ...words) };
}

const usage = "Usage: qmailctl {start|stop|restart|doqueue|flush|reload|stat|pause|cont|cdb|queue|help}\n";

/** What the kernel says a process is doing: `T` is stopped. */
const stateOf = (pid: number): string =>
  /^State:\t(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "";

test("qmailctl starts, shows, pauses, restarts and stops the mail system in the book's words [Q-263]", async (t) => {
  const { home, ctl, quail } = await house(t);
  assert.deepEqual(ctl("stop"), { code: 1, out: "", err: `qmailctl: no Quail is running on ${home}\n` });
  assert.deepEqual(ctl("start"), { code: 0, out: "Starting qmail\n", err: "" });
  const { supervisor } = findRunning(home)!;
  assert.deepEqual(ctl("start"), { code: 0, out: `Quail is running already (process ${supervisor})\n`, err: "" });
  const pid = (name: string): number => findRunning(home)!.services.find((one) => one.name === name)?.pid ?? 0;

  const stat = ctl("stat");
  assert.equal(stat.code, 0);
  assert.match(stat.out, new RegExp(`^supervisor: up \\(pid ${supervisor}\\) \\d+ seconds$`, "m"));
  assert.match(stat.out, new RegExp(`^queue: up \\(pid ${pid("queue")}\\) \\d+ seconds$`, "m"));
  assert.match(stat.out, /^messages in queue: 0\nmessages in queue but not yet preprocessed: 0\n$/m);

  assert.equal(ctl("pause").out, "Pausing qmail-send\nPausing qmail-smtpd\n");
  if (process.platform === "linux") assert.deepEqual([stateOf(pid("queue")), stateOf(pid("smtpd"))], ["T", "T"]);
  assert.equal(ctl("cont").out, "Continuing qmail-send\nContinuing qmail-smtpd\n");
  if (process.platform === "linux") assert.notEqual(stateOf(pid("queue")), "T");

  assert.deepEqual(ctl("reload"), { code: 0, out: "Sending HUP signal to qmail-send.\n", err: "" });
  assert.deepEqual(ctl("doqueue"), {
    code: 0,
    out: "Flushing timeout table and sending ALRM signal to qmail-send.\n",
    err: "",
  });
  assert.deepEqual(ctl("queue").out, "messages in queue: 0\nmessages in queue but not yet preprocessed: 0\n");

  const before = [pid("queue"), pid("smtpd"), pid("local")];
  assert.deepEqual(ctl("restart"), {
    code: 0,
    out: "Restarting qmail:\n* Stopping qmail-smtpd.\n* Sending qmail-send SIGTERM and restarting.\n* Restarting qmail-smtpd.\n",
    err: "",
  });
  const now = [pid("queue"), pid("smtpd"), pid("local")];
  assert.ok(now[0] !== before[0] && now[1] !== before[1] && now[2] === before[2], `${before} became ${now}`);
  assert.equal(findRunning(home)?.supervisor, supervisor);

  assert.equal(ctl("pause").code, 0, "what is paused can be stopped too");
  assert.deepEqual(quail("stop"), { code: 0, out: "Stopping qmail...\n  qmail-smtpd\n  qmail-send\n", err: "" });
  assert.ok(!isAlive(supervisor) && findRunning(home) === null);
  assert.ok(!existsSync(join(home, "ready")));
  const down = ctl("stat");
  assert.equal(down.code, 1);
  assert.match(down.out, /: down\nmessages in queue: 0$/m);
});

test("qmailctl start tells why Quail does not start", async (t) => {
  const { home, ctl } = await house(t);
  writeFileSync(join(home, "control", "startoptions"), "--prot=smtp=25\n");
  const { code, out, err } = ctl("start");
  assert.deepEqual([code, out], [111, "Starting qmail\n"]);
  assert.match(
    err,
    /control\/startoptions: quail start: unknown option --prot=smtp=25; .*\nqmailctl: Quail did not start\n$/,
  );
});

test("a word qmailctl does not know gets its usage and exit 1; help has a line for each command [Q-263]", async (t) => {
  const { ctl } = await house(t);
  assert.deepEqual(ctl("begin"), { code: 1, out: usage, err: "" });
  assert.deepEqual(ctl(), { code: 1, out: usage, err: "" });
  const { code, out } = ctl("help");
  assert.equal(code, 0);
  const names = out.split("\n").map((line) => line.split(" ")[0]);
  for (const name of usage.replace(/^.*\{|\}\n/g, "").split("|")) assert.ok(names.includes(name), name);
});

test("qmailctl cdb looks control/tcp.smtp over, and compiles the book's file with tcprules [Q-263]", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quail-cdb-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "control"));
  const classic = join(folder, "tcp.smtp");
  let compiled: readonly string[] = [];
  const tcprules: Program = async ({ args, stdin }) => {
    let text = "";
    for await (const chunk of stdin) text += chunk;
    compiled = [...args, text];
    writeFileSync(args[0]!, "cdb", { mode: 0o600 });
    return 0;
  };
  const cdb: Program = (call) => reloadRules(call, folder, classic);
  const run = async () => {
    const index = (name: string) =>
      name === "cdb" ? async () => cdb : name === "tcprules" ? async () => tcprules : undefined;
    const result = await runInProcess(index, ["cdb"], { env: {}, cwd: folder });
    return [result?.code, result?.output.toString()];
  };
  assert.deepEqual(await run(), [1, `cdb: there is neither ${folder}/control/tcp.smtp nor ${classic}\n`]);
  writeFileSync(join(folder, "control", "tcp.smtp"), '127.:allow,RELAYCLIENT=""\n:alow\n');
  assert.deepEqual(await run(), [111, "cdb: control/tcp.smtp line 2 is no rule: :alow\n"]);
  writeFileSync(join(folder, "control", "tcp.smtp"), ":allow\n");
  writeFileSync(classic, ":deny\n");
  assert.deepEqual(await run(), [0, `Reloaded ${folder}/control/tcp.smtp.\nReloaded ${classic}.\n`]);
  assert.deepEqual(compiled, [`${classic}.cdb`, `${classic}.tmp`, ":deny\n"]);
  assert.equal(statSync(`${classic}.cdb`).mode & 0o777, 0o644);
});
