/** Where test results are kept between the run that made them and the report that reads them, and how one looks. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Not part of the tree: made by each run. */
export const resultsFolder: string = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "quail-tests");

/** How one test ended. A skipped test shows nothing, so it is no pass. */
export type TestResult = { readonly name: string; readonly end: "pass" | "fail" | "skip" };

/** Every result kept; none if no run has been made. */
export function readResults(): readonly TestResult[] {
  let files: readonly string[];
  try {
    files = readdirSync(resultsFolder);
  } catch {
    return []; // No run yet.
  }
  return files
    .filter((file) => file === "unit.ndjson" || file === "system.ndjson")
    .flatMap((file) => readFileSync(join(resultsFolder, file), "utf8").split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as TestResult);
}
