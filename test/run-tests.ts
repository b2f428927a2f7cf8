/**
 * `npm test` and `npm run test:unit`: the test files in groups, each group with the concurrency it bears. A file or folder on
 * the command line replaces the groups; options (`--test-name-pattern=x`) go to the runner. Results are kept for
 * `npm run conformance -- --last`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { resultsFolder } from "./conformance/results.ts";

/** `timeoutMs`: the longest one test may take. (A file that does not end after its tests is the business of end-in-time.ts.) */
type Group = {
  readonly name: string;
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly timeoutMs: number;
};

const cores = availableParallelism();
const unit: Group = {
  name: "unit",
  files: [
    "src/**/*.test.ts",
    "test/*.test.ts",
    "test/conformance/*.test.ts",
    "test/corpus/*.test.ts",
    "test/fuzz/*.test.ts",
    "bench/**/*.test.ts",
  ],
  concurrency: cores,
  timeoutMs: 240_000,
};
/** These start whole systems and watch the clock: more than one at a time on two cores would measure each other. */
const system: Group = {
  name: "system",
  files: ["test/{system,crash,interop,handbook,faults}/**/*.test.ts"],
  concurrency: Math.max(1, Math.floor(cores / 2)),
  timeoutMs: 600_000,
};

const [which, ...words] = process.argv.slice(2);
const options = words.filter((word) => word.startsWith("-"));
const named = words.filter((word) => !word.startsWith("-"));

function asGlob(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(path, "**/*.test.ts") : path;
}

/** Runs one group; its exit code. */
function run({ name, files, concurrency, timeoutMs }: Group): number {
  mkdirSync(resultsFolder, { recursive: true });
  const { status } = spawnSync(
    process.execPath,
    [
      "--test",
      `--import=${join(import.meta.dirname, "end-in-time.ts")}`,
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${timeoutMs}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      `--test-reporter=${join(import.meta.dirname, "conformance", "reporter.ts")}`,
      `--test-reporter-destination=${join(resultsFolder, `${name}.ndjson`)}`,
      ...options,
      ...files,
    ],
    { stdio: "inherit" },
  );
  return status ?? 1;
}

const groups =
  named.length > 0
    ? [{ name: "named", files: named.map(asGlob), concurrency: cores, timeoutMs: system.timeoutMs }]
    : which === "unit"
      ? [unit]
      : [unit, system];
let failed = 0;
for (const group of groups) failed |= run(group);
process.exit(failed === 0 ? 0 : 1);
