/**
 * A hundred thousand crashes of a simulated machine: the real store, body files, scheduler and Maildir delivery on a disk that forgets
 * what was not synced. Every seed is one life with up to six crashes; the same seed is the same life. A seed that fails is printed,
 * with the command that replays it. Other seeds: `QUAIL_SEED=1000000 npm test -- test/crash/simulation`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const program = join(import.meta.dirname, "run.ts");
const firstSeed = Number(process.env.QUAIL_SEED ?? 1);
/** Half of the lives each; a life has three crashes and a half on the average. */
const processes = 2;
const lives = 29_000;
/** On a machine that has other things to do the lives end here, however many there were. */
const limitSeconds = 110;
const limitMs = 200_000;

type Result = {
  readonly lives: number;
  readonly crashes: number;
  readonly acknowledged: number;
  /** Of these, answered for when they had arrived, and never stored. */
  readonly handedOver: number;
  readonly failure: { readonly seed: number; readonly why: string } | null;
};

async function simulate(...words: readonly string[]): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], { timeout: limitMs });
  return JSON.parse(stdout) as Result;
}

test(`100,000 crashes at any operation on the disk, seeds from ${firstSeed}: what was acknowledged arrives whole, once [Q-052, Q-053]`, async (t) => {
  const each = lives / processes;
  const results = await Promise.all(
    Array.from({ length: processes }, (_, n) =>
      simulate(`--from=${firstSeed + n * each}`, `--lives=${each}`, `--seconds=${limitSeconds}`),
    ),
  );
  for (const { failure } of results) {
    if (failure === null) continue;
    const { seed, why } = failure;
    assert.fail(`seed ${seed}: ${why}\nreplay: node test/crash/simulation/run.ts --from ${seed}`);
  }
  const sum = (of: (result: Result) => number): number => results.reduce((total, result) => total + of(result), 0);
  t.diagnostic(
    `${sum((r) => r.crashes)} crashes in ${sum((r) => r.lives)} lives, ${sum((r) => r.acknowledged)} messages, ${sum((r) => r.handedOver)} of them never stored`,
  );
  assert.ok(sum((r) => r.crashes) >= 10_000, "hardly anything was simulated");
  assert.ok(sum((r) => r.handedOver) >= 1_000, "hardly anything was handed over");
});

for (const mutant of [
  "answers before its commit",
  "answers before it has arrived",
  "does not sync a file",
  "does not sync a folder",
  "reports success before syncfs",
  "renames before it writes",
]) {
  test(`a mail system that ${mutant} is found out`, async (t) => {
    const { failure, crashes } = await simulate("--from=1", "--lives=3000", `--mutant=${mutant}`);
    assert.ok(failure !== null, `not within ${crashes} crashes`);
    t.diagnostic(`seed ${failure.seed}, after ${crashes} crashes: ${failure.why}`);
  });
}

/** Kernels forget what they failed to write: a later sync says that all is well. */
const forgetful = "--failed-syncs-forget";
const forgetfulLives = 1_500;

test("on a disk that forgets failed writes a repeated delivery does not rest on a later sync: what was acknowledged arrives whole, once", async (t) => {
  const { failure, crashes } = await simulate(`--from=${firstSeed}`, `--lives=${forgetfulLives}`, forgetful);
  if (failure !== null)
    assert.fail(
      `seed ${failure.seed}: ${failure.why}\nreplay: node test/crash/simulation/run.ts ${forgetful} --from ${failure.seed}`,
    );
  t.diagnostic(`${crashes} crashes`);
});
