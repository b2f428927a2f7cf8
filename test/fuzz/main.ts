/**
 * `npm run fuzz -- --minutes N [--only NAME] [--seed S]`: fires new inputs at every target in turn until the time is over. What fails is
 * shrunk, kept in `test/corpus/fuzz/NAME.txt` and from then on part of the tests. `--replay NAME:N` runs one kept input alone.
 */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { keepInput, keptInputs } from "./corpus.ts";
import type { Target } from "./target.ts";
import { targets } from "./targets.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    only: { type: "string" },
    seed: { type: "string" },
    replay: { type: "string" },
  },
});

/** One turn of one target. */
const turnMs = 2_000;

const chosen = targets.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  process.stderr.write(`fuzz: no target ${values.only}; there are ${targets.map(({ name }) => name).join(" ")}\n`);
  process.exit(100);
}

async function replay(which: string): Promise<number> {
  const [name = "", number = "1"] = which.split(":");
  const target = targets.find((one) => one.name === name);
  const input = keptInputs(name)[Number(number) - 1];
  if (target === undefined || input === undefined) {
    process.stderr.write(`fuzz: there is no kept input ${which}\n`);
    return 100;
  }
  process.stdout.write(`${JSON.stringify(input)}\n`);
  try {
    await target.check(input);
  } catch (error) {
    process.stdout.write(`fails: ${error instanceof Error ? error.stack : error}\n`);
    return 1;
  }
  process.stdout.write("passes\n");
  return 0;
}

/** One turn: how many inputs, and whether one failed. */
async function turn(target: Target, seed: number): Promise<{ readonly runs: number; readonly failed: boolean }> {
  const result = await fc.check(target.property, {
    seed,
    numRuns: 10_000_000,
    interruptAfterTimeLimit: turnMs,
    markInterruptAsFailure: false,
  });
  if (!result.failed) return { runs: result.numRuns, failed: false };
  const [input] = result.counterexample ?? [];
  const why = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  const number = keepInput(target.name, input, `seed ${seed}: ${why}`);
  process.stdout.write(
    `\nFAILED ${target.name} (seed ${seed}): ${JSON.stringify(input)}\n${why}\n` +
      `kept in test/corpus/fuzz/${target.name}.txt; replay it with: npm run fuzz -- --replay ${target.name}:${number}\n`,
  );
  return { runs: result.numRuns, failed: true };
}

async function fuzz(): Promise<number> {
  const until = Date.now() + Number(values.minutes) * 60_000;
  const runs = new Map<string, number>();
  const failures = new Set<string>();
  let seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  while (Date.now() < until && failures.size < chosen.length) {
    for (const target of chosen) {
      if (Date.now() >= until || failures.has(target.name)) continue;
      const result = await turn(target, seed++ | 0);
      runs.set(target.name, (runs.get(target.name) ?? 0) + result.runs);
      if (result.failed) failures.add(target.name);
    }
  }
  for (const [name, count] of runs)
    process.stdout.write(`${name.padEnd(24)} ${count} inputs${failures.has(name) ? ", FAILED" : ""}\n`);
  return failures.size === 0 ? 0 : 1;
}

process.exitCode = values.replay === undefined ? await fuzz() : await replay(values.replay);
