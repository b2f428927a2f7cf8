/**
 * Programs are functions: a program gives the same bytes and the same exit code as a process of its own and inside another
 * process. A program joins by a row in `rows`. Rows must not depend on the moment or on the process's number.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { multiCallPath, runInProcess } from "#process";
import { findProgram } from "../src/programs/index.ts";

type Row = {
  readonly words: readonly [string, ...string[]];
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What both must give; the rest of the row's worth is that they agree. */
  readonly code: number;
};

const rows: readonly Row[] = [
  { words: ["quail"], code: 0 },
  { words: ["quail", "help"], code: 0 },
  { words: ["quail", "no-such-verb"], code: 100 },
  { words: ["newaliases"], code: 100 },
  { words: ["sendmail", "-bz"], code: 100 },
  { words: ["predate"], code: 100 },
  { words: ["qmail-inject", "-z"], code: 100 },
  {
    words: ["qmail-inject", "-n", "-fme@sun", "joe"],
    env: { QUAIL_HOME: "/", USER: "joe", QMAILDEFAULTDOMAIN: "example.com" },
    stdin: "Date: x\nMessage-ID: <x@y>\nTo: a@b, (\u00e9) c\n\n\u00e9.\n.\nno last LF",
    code: 0,
  },
  { words: ["predate", "cat", "no such file"], stdin: "To: joe\n\n", code: 1 },
  { words: ["qmail-qmtpd"], env: { QUAIL_HOME: "/" }, stdin: "x", code: 100 },
  { words: ["qmail-qmqpd"], env: { QUAIL_HOME: "/" }, stdin: "", code: 0 },
];

let cwd = "";
before(() => {
  cwd = mkdtempSync(join(tmpdir(), "quail-equal-"));
});
after(() => rmSync(cwd, { recursive: true }));

for (const { words, stdin = "", env = {}, code } of rows) {
  test(`${words.join(" ")}: the same as a process and in process`, async () => {
    const whole = { PATH: process.env.PATH, ...env };
    const [name, ...args] = words;
    const apart = spawnSync(multiCallPath, [name, ...args], { cwd, env: whole, input: Buffer.from(stdin, "latin1") });
    const inside = await runInProcess(findProgram, words, {
      cwd,
      env: whole,
      stdin: Readable.from([Buffer.from(stdin, "latin1")]),
      maxOutputBytes: 1 << 24,
    });
    assert.ok(inside !== null, `${name} is not in the table of programs`);
    assert.equal(inside.stdout.toString("latin1"), apart.stdout.toString("latin1"));
    assert.equal(inside.stderr.toString("latin1"), apart.stderr.toString("latin1"));
    assert.deepEqual([inside.code, apart.status], [code, code]);
  });
}
