import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deliverByProgram } from "./run-program.ts";
import { job, source } from "./testing/test-world.ts";

function program(t: TestContext, script: string): { path: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "quail-qmailremote-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "program");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return { path, folder };
}

test("QMAILREMOTE gets host, sender, recipient and the message; its report counts [Q-199]", async (t) => {
  const { path, folder } = program(
    t,
    `printf '%s\\n' "$@" >"$FOLDER/args"; cat >"$FOLDER/message"; printf 'r\\0Ktaken\\n\\0'`,
  );
  const deliver = deliverByProgram(path, { PATH: process.env.PATH, FOLDER: folder });
  const text = "0123456789\n".repeat(50_000);
  const outcome = await deliver(job("ann b@there.test", source(text, true)));
  assert.deepEqual(outcome, { fate: "done", text: "taken\n" });
  assert.equal(readFileSync(join(folder, "args"), "latin1"), "there.test\njoe@here.test\nann b@there.test\n");
  assert.ok(readFileSync(join(folder, "message"), "latin1") === text);
});

test("endings are told as qmail-rspawn tells them [Q-199] [Q-200]", async (t) => {
  const rows: readonly (readonly [script: string, fate: string, text: string])[] = [
    ["kill -9 $$", "temporary", "qmail-remote crashed.\n"],
    ["exit 111", "temporary", "Unable to run qmail-remote.\n"],
    ["exit 1", "permanent", "Unable to run qmail-remote.\n"],
    ["exit 0", "temporary", "qmail-remote produced no output.\n"],
    ["printf 'hno\\n\\0DGiving up\\n\\0'", "permanent", "no\nGiving up\n"],
    ["printf 'Z%0100000d' 1", "temporary", "qmail-remote produced no report.\n"],
  ];
  for (const [script, fate, text] of rows) {
    const { path } = program(t, script);
    assert.deepEqual(await deliverByProgram(path, process.env)(job("ann@there.test", source("x\n".repeat(500_000)))), {
      fate,
      text,
    });
  }
});

test("a program that is not there defers the mail", async () => {
  assert.deepEqual(await deliverByProgram("/nonexistent/program", process.env)(job("ann@there.test")), {
    fate: "temporary",
    text: "Unable to run qmail-remote.\n",
  });
});

test("a program whose message cannot be read to the end is killed before it can send the half of it", async (t) => {
  const { path, folder } = program(t, `cat >"$FOLDER/message"; touch "$FOLDER/ended"; printf 'r\\0Ktaken\\n\\0'`);
  const message = {
    sizeBytes: 400_000,
    whole: null,
    read: async (offset: number) => {
      if (offset > 0) throw new Error("the queue is gone");
      return Buffer.alloc(131072, "x");
    },
  };
  const deliver = deliverByProgram(path, { PATH: process.env.PATH, FOLDER: folder });
  assert.deepEqual(await deliver(job("ann@there.test", message)), {
    fate: "temporary",
    text: "Unable to read message. (#4.3.0)\n",
  });
  assert.throws(() => readFileSync(join(folder, "ended")), { code: "ENOENT" });
});
