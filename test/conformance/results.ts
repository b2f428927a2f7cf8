/** Where test results are kept between the run that made them and the report that reads them, and how one looks. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Not part of the tree: made by each run. */
export const resultsFolder: string = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "quail-tests");

/** How one test ended. A skipped test shows nothing, so it is no pass. */
export type TestResult = {
  readonly name: string;
  /** Absolute path of the test file. */
  readonly file: string;
  readonly end: "pass" | "fail" | "skip";
};

/** Results of one run; none if it was not made. */
export function resultsOf(run: string): readonly TestResult[] {
  let text: string;
  try {
    text = readFileSync(join(resultsFolder, `${run}.ndjson`), "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as TestResult);
}

/** Every result kept; none if no run has been made. For files that were run a second time the second run counts. */
export function readResults(): readonly TestResult[] {
  return ["unit", "system"].flatMap((run) => {
    const again = resultsOf(`${run}-again`);
    const files = new Set(again.map(({ file }) => file));
    return [...resultsOf(run).filter(({ file }) => !files.has(file)), ...again];
  });
}
