/**
 * `npm run bench`: Quail and the servers people would pick instead, under the same load on the same disk, run by run in turn. What is
 * measured and how far to trust it stands in README.md beside this file.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cases } from "./cases/index.ts";
import { type Cell, cellName, mainCells, otherCells, sideCells } from "./cells.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { contenderNames } from "./peers/server.ts";
import { type Plan, planFor, quickPlan } from "./plan.ts";
import { costTable, othersTable, speedTable, syncsTable } from "./report/cells-table.ts";
import { chart } from "./report/chart.ts";
import { asJson, type Results, resultsPage } from "./report/page.ts";
import { alignedTable } from "./report/table.ts";
import { type Sitting, sit } from "./sitting.ts";
import { killAll } from "./tools/processes.ts";
import { progress } from "./tools/progress.ts";

const checkout = join(import.meta.dirname, "..");
const caseNames = cases.map(({ name }) => name);

/** The plan with what was asked for by name only; null if nothing has that name. */
function chosen(options: Options): Pick<Sitting, "plan" | "cases"> | null {
  const caseMinutes = (runs: number): number => cases.reduce((sum, { minutes }) => sum + minutes(runs), 0);
  const whole = options.quick ? quickPlan : planFor(options.budgetMinutes, caseMinutes);
  const runs = options.runs;
  const plan: Plan = {
    ...whole,
    ...(runs === null ? {} : { mainRuns: runs, sideRuns: runs, caseRuns: runs }),
    ...(options.syncs ? {} : { synced: [] }),
  };
  if (options.cases === "") return { plan, cases: plan.caseRuns === 0 || options.quick ? [] : cases };
  const named = cases.filter(({ name }) => name === options.cases);
  const nothing = { main: [], side: [], others: [], synced: [] };
  if (named.length > 0) {
    return { plan: { ...plan, ...nothing, caseRuns: runs ?? (options.quick ? 1 : 3) }, cases: named };
  }
  const all = [...mainCells, ...sideCells([20, 100, 1])].filter((cell) => cellName(cell).includes(options.cases));
  const names = new Set(all.map(cellName));
  const among = (cells: readonly Cell[]): readonly Cell[] => cells.filter((cell) => names.has(cellName(cell)));
  if (all.length === 0) return null;
  return { plan: { ...plan, main: all, side: [], others: among(otherCells), synced: among(plan.synced) }, cases: [] };
}

function showTables({ rows, syncs, absent }: Results): string {
  if (rows.length === 0) return ""; // A further case alone has shown its own table.
  const tables = [
    ["Speed", speedTable(rows)],
    ["CPU and memory", costTable(rows)],
    ["Other servers", othersTable(rows, absent)],
    ["Syncs per message (strace)", syncsTable(syncs)],
  ] as const;
  return tables
    .filter(([, table]) => table.rows.length > 0)
    .map(([title, table]) => `\n${title}\n${alignedTable(table)}`)
    .join("\n");
}

function saveResults(results: Results): void {
  writeFileSync(join(checkout, "bench", "RESULTS.md"), resultsPage(results));
  const where = results.machine.filter((line) => /^(date|cores|kernel|Quail|Postfix):/.test(line)).join(" | ");
  const picture = chart(
    results.rows.filter(({ cell }) => cell.sizeKb === 10),
    where,
  );
  if (picture !== null) writeFileSync(join(checkout, "bench", "results.svg"), picture);
  process.stderr.write("bench/RESULTS.md and bench/results.svg are written\n");
}

async function bench(options: Options, what: Pick<Sitting, "plan" | "cases">, work: string): Promise<void> {
  const say = (line: string): void => {
    if (!options.json) process.stdout.write(`${line}\n`);
  };
  const startedAt = Date.now();
  const deadline = startedAt + options.budgetMinutes * 60_000;
  const sitting = { ...what, names: options.only, startedAt, deadline, work, checkout, small: options.quick, say };
  const results = await sit(sitting);
  say(showTables(results));
  for (const remark of results.remarks) say(`- ${remark}`);
  if (options.json) process.stdout.write(`${asJson(results)}\n`);
  const isWhole = !options.quick && options.cases === "" && options.only.length === contenderNames.length;
  if (isWhole) saveResults(results);
}

function refuse(sentence: string): never {
  process.stderr.write(`bench: ${sentence}\n\n${usage(caseNames)}\n`);
  process.exit(100);
}

const options = readOptions(process.argv.slice(2));
if (options === "help") {
  process.stdout.write(`${usage(caseNames)}\n`);
  process.exit(0);
}
if (typeof options === "string") refuse(options);
const what =
  chosen(options) ?? refuse(`--case ${options.cases}: no case has that name, and no cell has that in its name`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    progress("");
    killAll();
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}
const work = mkdtempSync(join(options.folder ?? tmpdir(), "quail-bench-"));
chmodSync(work, 0o755);
try {
  await bench(options, what, work);
} catch (error) {
  progress("");
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 111;
} finally {
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}
