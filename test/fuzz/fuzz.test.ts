/**
 * Every parser of peers' bytes under random fire, and every input that ever failed once more. The seed is new each time and
 * printed when something fails; `QUAIL_SEED` sets it. Longer: `npm run fuzz -- --minutes 60`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keptInputs } from "./corpus.ts";
import { targets } from "./targets.ts";

/** Time for new inputs, all targets together, in milliseconds. */
const budgetMs = Number(process.env.QUAIL_FUZZ_MS ?? 25_000);
const seed = Number(process.env.QUAIL_SEED ?? Date.now() % 2 ** 31);

for (const { name, check, property } of targets) {
  test(`${name} bears anything (seed ${seed})`, async () => {
    for (const [at, input] of keptInputs(name).entries()) {
      await assert.doesNotReject(
        async () => check(input),
        (error: unknown) => {
          throw new Error(`kept input ${at + 1} of test/corpus/fuzz/${name}.txt`, { cause: error });
        },
      );
    }
    await fc.assert(property, {
      seed,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: budgetMs / targets.length,
      markInterruptAsFailure: false,
    });
  });
}
