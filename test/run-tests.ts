/**
 * `npm test` and `npm run test:unit`: the test files in groups, each group with the concurrency it bears. A file or folder on
 * the command line replaces the groups; options (`--test-name-pattern=x`) go to the runner. Results are kept for
 * `npm run conformance -- --last`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { resultsFolder, resultsOf } from "./conformance/results.ts";

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

/** Files whose failures count at once: they try their luck with seeds of their own, and what they find once is a find. */
const finders = /^test\/(?:crash|fuzz|corpus)\//;
/** More failures than these are no accident. */
const mostAgain = 3;

/**
 * Runs one group; its exit code. Hundreds of tests with processes and sockets share two processors here: a few files that failed are run once
 * more, alone, and it is told which test needed that, for somebody to mend it. Who fails alone, too, has failed.
 */
function runGroup(group: Group): number {
  for (const made of [group.name, `${group.name}-again`])
    rmSync(join(resultsFolder, `${made}.ndjson`), { force: true });
  const status = run(group);
  if (status === 0 || named.length > 0) return status;
  const failed = resultsOf(group.name).filter(({ end }) => end === "fail");
  const files = [...new Set(failed.map(({ file }) => relative(process.cwd(), file)))];
  const isAccident = (file: string): boolean => file !== "" && !finders.test(file);
  if (files.length === 0 || files.length > mostAgain || !files.every(isAccident)) return status;
  process.stdout.write(`\nonce more, alone: ${files.join(" ")}\n`);
  const second = run({ ...group, name: `${group.name}-again`, files, concurrency: 1 });
  if (second !== 0) return second;
  for (const { name, file } of failed) {
    process.stdout.write(`passed only at the second try: ${name} (${relative(process.cwd(), file)})\n`);
  }
  return 0;
}

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
for (const group of groups) failed |= runGroup(group);
process.exit(failed === 0 ? 0 : 1);
