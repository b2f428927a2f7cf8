import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { multiCallPath, runInProcess } from "#process";
import { findProgram } from "../index.ts";
import { queueProgram } from "../testing/queue-program.ts";

const message = "Subject: x\n\nbody\n";

/** A home with a Maildir, and qmail-local for it. */
function joe(t: TestContext) {
  const home = fs.mkdtempSync(join(tmpdir(), "quail-joe-"));
  t.after(() => fs.rmSync(home, { recursive: true }));
  for (const part of ["Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur"]) fs.mkdirSync(join(home, part));
  return {
    home,
    write: (name: string, text: string, mode = 0o600): void => fs.writeFileSync(join(home, name), text, { mode }),
    async local(
      change: {
        options?: readonly string[];
        dash?: string;
        ext?: string;
        env?: NodeJS.ProcessEnv;
        input?: string;
      } = {},
    ) {
      const { options = [], dash = "", ext = "", env = {}, input = message } = change;
      const words = ["joe", home, `joe${dash}${ext}`, dash, ext, "host.test", "jim@a.test", "./Maildir/"];
      const call = {
        env: { PATH: process.env.PATH, QUAIL_HOME: home, ...env },
        cwd: tmpdir(),
        stdin: Readable.from([Buffer.from(input, "latin1")]),
      };
      const result = await runInProcess(findProgram, ["qmail-local", ...options, ...words], call);
      assert.ok(result !== null);
      return { code: result.code, stdout: result.stdout.toString("latin1"), stderr: result.stderr.toString("latin1") };
    },
  };
}

test("qmail-local delivers and says how much it did [Q-157]", async (t) => {
  const user = joe(t);
  assert.deepEqual(await user.local({ options: ["--"] }), { code: 0, stdout: "did 1+0+0\n", stderr: "" });
  await user.local();
  const names = fs.readdirSync(join(user.home, "Maildir", "new"));
  assert.equal(names.length, 2);
  assert.equal(
    fs.readFileSync(join(user.home, "Maildir", "new", names[0]!), "latin1"),
    `Return-Path: <jim@a.test>\nDelivered-To: joe@host.test\n${message}`,
  );
});

test("a message that does not fit into memory is delivered whole, twice from its beginning", async (t) => {
  const user = joe(t);
  const input = `Subject: y\n\n${"line of text\n".repeat(40_000)}`;
  user.write(".qmail", "|cat > copy\n./Maildir/\n");
  assert.deepEqual(await user.local({ input }), { code: 0, stdout: "did 1+0+1\n", stderr: "" });
  assert.equal(fs.readFileSync(join(user.home, "copy"), "latin1"), input);
  const [name] = fs.readdirSync(join(user.home, "Maildir", "new"));
  assert.ok(fs.readFileSync(join(user.home, "Maildir", "new", name!), "latin1").endsWith(input));
});

test("forwards go through the queue and their number is told [Q-151] [Q-157]", async (t) => {
  const user = joe(t);
  const queue = queueProgram(t);
  user.write(".qmail-list", "&a@x.test\nb@x.test\n");
  user.write(".qmail-list-owner", "");
  const { code, stdout } = await user.local({ dash: "-", ext: "list", env: { QMAILQUEUE: queue.path } });
  assert.equal(code, 0);
  assert.match(stdout, /^did 0\+2\+0\nqp [0-9]+\n$/);
  assert.deepEqual(queue.queued(), {
    envelope: ["Fjoe-list-owner@host.test", "Ta@x.test", "Tb@x.test"],
    message: `Delivered-To: joe-list@host.test\n${message}`,
  });
});

test("exit codes: 100 for good, 111 for now; the reason is on stderr, what programs print on stdout", async (t) => {
  const user = joe(t);
  assert.deepEqual(await user.local({ dash: "-", ext: "none" }), {
    code: 100,
    stdout: "",
    stderr: "Sorry, no mailbox here by that name. (#5.1.1)\n",
  });
  user.write(".qmail", "|echo said; exit 1\n");
  assert.deepEqual(await user.local(), { code: 111, stdout: "said\n", stderr: "" });
  user.write(".qmail", "|bouncesaying 'Not here.'\n");
  assert.deepEqual(await user.local(), { code: 100, stdout: "Not here.\n", stderr: "" });
});

test("-n prints the four kinds of instructions and delivers nothing [Q-162]", async (t) => {
  const user = joe(t);
  user.write(".qmail", "# comment\n./Mailbox \n/var/x/Maildir/\n\n|touch here; true\n&a@x.test\nb@x.test\n");
  assert.deepEqual(await user.local({ options: ["-n"] }), {
    code: 0,
    stdout: [
      "mbox ./Mailbox",
      "maildir /var/x/Maildir/",
      "program touch here; true",
      "forward a@x.test",
      "forward b@x.test",
      "did 2+2+1\n",
    ].join("\n"),
    stderr: "",
  });
  assert.deepEqual(fs.readdirSync(user.home).sort(), [".qmail", "Maildir"]);
  assert.deepEqual(fs.readdirSync(join(user.home, "Maildir", "new")), []);
  assert.equal((await user.local({ options: ["-nN"] })).code, 111, "-N delivers: there is no /var/x/Maildir");
});

test("-n shows the default delivery, and what would be refused", async (t) => {
  const user = joe(t);
  assert.equal((await user.local({ options: ["-n"] })).stdout, "maildir ./Maildir/\ndid 1+0+0\n");
  user.write(".qmail", "a@x.test\n|true\n", 0o700);
  fs.chmodSync(join(user.home, ".qmail"), 0o700);
  assert.deepEqual(await user.local({ options: ["-n"] }), {
    code: 111,
    stdout: "forward a@x.test\n",
    stderr: "Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)\n",
  });
});

test("a sticky home is only warned about with -n, and no loop is looked for [Q-143]", async (t) => {
  const user = joe(t);
  fs.chmodSync(user.home, 0o1755);
  const input = "Delivered-To: joe@host.test\n\n";
  assert.deepEqual(await user.local({ options: ["-n"], input }), {
    code: 0,
    stdout: "maildir ./Maildir/\ndid 1+0+0\n",
    stderr: "Warning: home directory is sticky.\n",
  });
  assert.equal((await user.local()).code, 111);
});

test("wrong arguments get the usage and 100", async () => {
  const usage = "qmail-local: usage: qmail-local [ -nN ] user homedir local dash ext domain sender aliasempty\n";
  const eight = ["joe", "/home/joe", "joe", "", "", "h", "s@h", "./Maildir/"];
  for (const args of [[], eight.slice(0, 7), [...eight, "x"], ["-x", ...eight], ["joe", "home", ...eight.slice(2)]]) {
    const call = { env: {}, cwd: tmpdir() };
    const result = await runInProcess(findProgram, ["qmail-local", ...args], call);
    assert.deepEqual([result?.code, result?.stderr.toString()], [100, usage]);
  }
});

test("as a process of its own it does the same, from a file on stdin", {
  skip: !fs.existsSync(multiCallPath),
}, async (t) => {
  const user = joe(t);
  user.write("message", message);
  user.write(".qmail", "|cat\n./Maildir/\n");
  const stdin = fs.openSync(join(user.home, "message"), "r");
  const words = ["--", "joe", user.home, "joe", "", "", "host.test", "", "./Mailbox"];
  const ran = spawnSync(process.execPath, [`${multiCallPath}.mjs`, "qmail-local", ...words], {
    stdio: [stdin, "pipe", "pipe"],
    env: { PATH: process.env.PATH, QUAIL_HOME: user.home },
  });
  fs.closeSync(stdin);
  assert.deepEqual([ran.status, ran.stdout.toString(), ran.stderr.toString()], [0, `${message}did 1+0+1\n`, ""]);
});
