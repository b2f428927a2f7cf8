import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { limitedWords, limitScript, noLimits, type ProgramLimits, readProgramLimits } from "./program-limits.ts";
import { programsNamed, testHome } from "./testing.ts";

const limits = (some: Partial<ProgramLimits>): ProgramLimits => ({ ...noLimits, ...some });

test("without limits nothing is put in front of a program", () => {
  assert.equal(limitScript(noLimits), "");
  assert.deepEqual(limitedWords(noLimits, ["a", "b c"]), ["a", "b c"]);
});

test("limits are in force for the shell and what it starts, hard and soft, in the units of POSIX", () => {
  const script = limitScript(limits({ memoryBytes: 300_000_001, fileBytes: 1_000_000, cpuSeconds: 7 }));
  const said = spawnSync("/bin/sh", ["-c", `${script} sh -c 'ulimit -v; ulimit -f; ulimit -Ht'`], { encoding: "utf8" });
  assert.equal(said.stdout, "292969\n1954\n7\n");
  // A lower limit that is there already stays, and is no reason to give up.
  const lower = spawnSync("/bin/sh", ["-c", `ulimit -t 3; ${script} ulimit -t`], { encoding: "utf8" });
  assert.equal(lower.stdout, "3\n");
});

test("a program that asks for more memory than it may have fails, and the delivery waits", async (t) => {
  const joe = testHome(t, { programLimits: () => limits({ memoryBytes: 100_000_000 }) });
  joe.write(".qmail", "|head -c 300000000 /dev/zero | tail -c 300000000 >/dev/null || exit 111\n");
  assert.equal((await joe.deliver()).fate, "temporary");
  joe.write(".qmail", "|head -c 1000000 /dev/zero | tail -c 1000000 >/dev/null || exit 111\n");
  assert.equal((await joe.deliver()).fate, "done");
});

test("a program that writes without end stops at the limit, and the delivery waits", async (t) => {
  const joe = testHome(t, { programLimits: () => limits({ fileBytes: 100_000 }) });
  joe.write(".qmail", "|exec cat /dev/zero >big\n");
  assert.equal((await joe.deliver()).fate, "temporary");
  assert.equal(joe.read("big").length, 100_352); // In blocks of 512.
});

test("a program that computes without end is stopped when its processor time is used up, and the delivery waits", async (t) => {
  const joe = testHome(t, { programLimits: () => limits({ cpuSeconds: 1 }) });
  joe.write(".qmail", "|while :; do :; done\n");
  assert.equal((await joe.deliver()).fate, "temporary");
});

test("what a program of ours starts is under the limits, too", async (t) => {
  const joe = testHome(t, {
    programs: programsNamed({ front: ({ exec, args }) => exec(args as [string, ...string[]]) }),
    programLimits: () => limits({ fileBytes: 1_000_000, cpuSeconds: 7 }),
  });
  joe.write("tell", "#!/bin/sh\nulimit -f >told\nulimit -t >>told\n");
  fs.chmodSync(join(joe.home, "tell"), 0o755);
  joe.write(".qmail", "|front ./tell\n");
  assert.equal((await joe.deliver()).fate, "done");
  assert.equal(joe.read("told"), "1954\n7\n");
});

test("a fork bomb gets no further than the number of processes its user may have", {
  skip: process.getuid?.() === 0 ? false : "needs root (to be a user with no other process)",
}, () => {
  const bomb = "while :; do sleep 20 >/dev/null 2>&1 & echo $!; done";
  const said = spawnSync("/bin/sh", ["-c", `${limitScript(limits({ processes: 12 }))} ${bomb}`], {
    ...{ uid: 64_871, gid: 64_871, cwd: "/", encoding: "utf8" as const, timeout: 20_000, maxBuffer: 4_000 },
  });
  const started = said.stdout.trim().split("\n").map(Number);
  for (const pid of started) process.kill(pid, "SIGKILL");
  assert.ok(started.length > 0 && started.length < 12, `${started.length} were started`);
  assert.match(said.stderr, /fork/i);
});

test("what a program leaves running lives on, as with qmail, or is killed where the admin says so", async (t) => {
  for (const killStrays of [false, true]) {
    const joe = testHome(t, { programLimits: () => limits({ killStrays }) });
    joe.write(".qmail", "|sleep 300 >/dev/null 2>&1 & echo $! >stray\n");
    assert.equal((await joe.deliver()).fate, "done");
    const pid = Number(joe.read("stray"));
    const state = /^State:\s+(\S)/m;
    const isAlive = (): boolean => {
      try {
        return state.exec(fs.readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] !== "Z";
      } catch {
        return false;
      }
    };
    for (let tries = 0; killStrays && isAlive() && tries < 2_000; tries++)
      await new Promise((go) => setTimeout(go, 10));
    assert.equal(isAlive(), !killStrays);
    if (!killStrays) process.kill(pid, "SIGKILL");
  }
});

test("the control files say what the limits are", (t) => {
  const home = fs.mkdtempSync(join(tmpdir(), "quail-limits-"));
  t.after(() => fs.rmSync(home, { recursive: true }));
  fs.mkdirSync(join(home, "control"));
  assert.deepEqual(readProgramLimits(home), noLimits);
  const files = { programmemory: "1", programoutput: "2", programcpu: "3", programprocesses: "4", programstrays: "0" };
  for (const [name, value] of Object.entries(files)) fs.writeFileSync(join(home, "control", name), `${value}\n`);
  assert.deepEqual(readProgramLimits(home), {
    ...{ memoryBytes: 1, fileBytes: 2, cpuSeconds: 3, processes: 4 },
    killStrays: true,
  });
});
