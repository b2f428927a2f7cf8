/**
 * `npm run conformance`: runs the tests, then prints for each checklist how many statements are cited by passing tests, by a
 * failing one, by none. `--last` reads the results of the last `npm test` instead; `--json` prints every ID's standing and
 * nothing else on stdout; `--uncited` lists the statements that wait for a test.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseStatements, type Standing, standings, unknownIds } from "./citations.ts";
import { readResults } from "./results.ts";

const options = new Set(process.argv.slice(2));
const known = new Set(["--json", "--last", "--uncited"]);
const stray = [...options].filter((option) => !known.has(option));
if (stray.length > 0) {
  process.stderr.write(`conformance: unknown option ${stray[0]}; there are ${[...known].join(", ")}\n`);
  process.exit(100);
}

if (!options.has("--last")) {
  // The runner's own report goes to stderr: stdout is for ours.
  spawnSync(process.execPath, [join(import.meta.dirname, "..", "run-tests.ts"), "all"], { stdio: ["ignore", 2, 2] });
}

const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".tsv"))
  .sort()
  .map((name) => ({
    name: name.replace(/\.tsv$/, ""),
    statements: parseStatements(readFileSync(join(import.meta.dirname, name), "utf8")),
  }));
const all = files.flatMap(({ statements }) => statements);
const results = readResults();
if (results.length === 0) {
  process.stderr.write("conformance: there are no test results; run it without --last, or `npm test` first\n");
  process.exit(1);
}
const standing = standings(all, results);

function count(ids: readonly { readonly id: string }[], wanted: Standing): number {
  return ids.filter(({ id }) => standing.get(id) === wanted).length;
}

function table(): string {
  const width = Math.max(...files.map(({ name }) => name.length));
  const row = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(width)}${cells.map((cell) => String(cell).padStart(9)).join("")}\n`;
  const counts = (ids: readonly { readonly id: string }[]): readonly number[] => [
    count(ids, "pass"),
    count(ids, "fail"),
    count(ids, "uncited"),
    ids.length,
  ];
  return [
    row("checklist", ["pass", "failing", "uncited", "all"]),
    ...files.map(({ name, statements }) => row(name, counts(statements))),
    row("together", counts(all)),
  ].join("");
}

if (options.has("--json")) {
  process.stdout.write(`${JSON.stringify(Object.fromEntries(standing), null, 1)}\n`);
} else {
  process.stdout.write(table());
  if (options.has("--uncited")) {
    for (const { id, text } of all) if (standing.get(id) === "uncited") process.stdout.write(`${id}  ${text}\n`);
  }
}
const stranger = unknownIds(all, results);
if (stranger.length > 0)
  process.stderr.write(`conformance: tests cite IDs that no checklist holds: ${stranger.join(" ")}\n`);
process.exitCode = count(all, "fail") > 0 ? 1 : 0;
