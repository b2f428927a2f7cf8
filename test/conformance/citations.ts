/** Which statements of the checklists tests show: pure, from statements and test results to a standing per ID. */
import type { TestResult } from "./results.ts";

/** One line of a checklist. */
export type Statement = { readonly id: string; readonly text: string };

/** `fail` outweighs `pass`: a statement that one test shows and another contradicts does not hold. */
export type Standing = "pass" | "fail" | "uncited";

const bracketed = /\[([^\]]*)\]/g;
const idList = /^[A-Z]+-[0-9]{3}(?:[, ]+[A-Z]+-[0-9]{3})*$/;

/** A checklist file: `ID TAB statement` lines. */
export function parseStatements(text: string): readonly Statement[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ id: line.slice(0, line.indexOf("\t")), text: line.slice(line.indexOf("\t") + 1) }));
}

/**
 * IDs a test's name cites: `refuses a bare LF [Q-030, Q-031]` gives both. A range (`[Q-061..Q-065]`) cites nothing: each
 * statement is named by itself, or it was probably not looked at by itself.
 */
export function citedIds(testName: string): readonly string[] {
  return [...testName.matchAll(bracketed)]
    .map((match) => match[1]!)
    .filter((inside) => idList.test(inside))
    .flatMap((inside) => inside.split(/[, ]+/));
}

/** The standing of every statement, in the order given. */
export function standings(
  statements: readonly Statement[],
  results: readonly TestResult[],
): ReadonlyMap<string, Standing> {
  const passed = new Set(results.filter(({ end }) => end === "pass").flatMap(({ name }) => citedIds(name)));
  const failed = new Set(results.filter(({ end }) => end === "fail").flatMap(({ name }) => citedIds(name)));
  return new Map(
    statements.map(({ id }) => [id, failed.has(id) ? "fail" : passed.has(id) ? "pass" : "uncited"] as const),
  );
}

/** IDs that tests cite and no checklist holds: a slip of the pen. */
export function unknownIds(statements: readonly Statement[], results: readonly TestResult[]): readonly string[] {
  const known = new Set(statements.map(({ id }) => id));
  const cited = new Set(results.flatMap(({ name }) => citedIds(name)));
  return [...cited].filter((id) => !known.has(id)).sort();
}
