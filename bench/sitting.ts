/** One sitting: the cells, the further cases, the slower servers, the syncs, most telling first, within a budget of time. */
import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { attempt, type Case } from "./cases/case.ts";
import { type Cell, cellName, inTableOrder } from "./cells.ts";
import { findContenders } from "./peers/find.ts";
import type { Contender, ContenderName } from "./peers/server.ts";
import type { Plan } from "./plan.ts";
import type { SyncRow } from "./report/cells-table.ts";
import type { CaseReport, Results } from "./report/page.ts";
import { figure, median, quotient, spread, times } from "./report/statistics.ts";
import { alignedTable } from "./report/table.ts";
import { type CellRuns, type Entry, reasonOf, runCell } from "./run-cells.ts";
import { canTrace, syncsPerMessage } from "./syncs.ts";
import { describeMachine } from "./tools/machine.ts";
import { progress, progressBy, progressOf } from "./tools/progress.ts";

const syncMessages = 400;
/** How long the pieces of a sitting take, relative to each other: for the progress bar. */
const weights = { main: 3, case: 3, other: 2, side: 2, sync: 1 } as const;
/** Of a slow machine's time the main cells leave some to the rest. */
const mainShare = 0.75;
/** Files of all runs stay until the end; a full sitting needs about this much. */
const neededGb = 40;

export type Sitting = {
  readonly plan: Plan;
  readonly cases: readonly Case[];
  readonly names: readonly ContenderName[];
  /** Unix milliseconds: when it began, and after which nothing more is begun. */
  readonly startedAt: number;
  readonly deadline: number;
  readonly work: string;
  readonly checkout: string;
  readonly small: boolean;
  /** Hears each result as soon as it is there. */
  readonly say: (line: string) => void;
};

const isSlow = (name: ContenderName): boolean => name === "OpenSMTPD" || name === "Exim";

/** A cell on one line, for who watches. */
function summary({ cell, runs, failures }: CellRuns): string {
  const rates = Object.entries(runs).flatMap(([name, all]) =>
    all.length === 0 ? [] : [`${name} ${spread(all.map((run) => run.rate))}`],
  );
  const of = (name: ContenderName): number | null => {
    const all = runs[name] ?? [];
    return all.length === 0 ? null : median(all.map((run) => run.rate));
  };
  const ratio = quotient(of("Quail"), of("Postfix"));
  const failed = Object.entries(failures).map(([name, reason]) => `${name} failed: ${reason}`);
  return [cellName(cell).padEnd(22), ...rates, ...(ratio === null ? [] : [times(ratio)]), ...failed].join("  ");
}

/** Two halves of one row: slower servers are measured after the cases, in the cells that are there already. */
function merged(rows: readonly CellRuns[], more: CellRuns): readonly CellRuns[] {
  const same = rows.find((row) => cellName(row.cell) === cellName(more.cell));
  if (same === undefined) return [...rows, more];
  const both = { ...same, runs: { ...same.runs, ...more.runs }, failures: { ...same.failures, ...more.failures } };
  return rows.map((row) => (row === same ? both : row));
}

/** Everything of a sitting that grows while it goes on. */
class Notebook {
  rows: readonly CellRuns[] = [];
  syncs: readonly SyncRow[] = [];
  reports: readonly CaseReport[] = [];
  remarks: readonly string[] = [];
}

async function runCells(
  sitting: Sitting,
  notebook: Notebook,
  cells: readonly Cell[],
  entriesFor: (cell: Cell) => readonly Entry[],
  { deadline, weight }: { readonly deadline: number; readonly weight: number },
): Promise<void> {
  const { plan, work, say } = sitting;
  for (const cell of cells) {
    progressBy(cell === cells[0] ? 0 : weight);
    if (Date.now() > deadline) {
      notebook.remarks = [...notebook.remarks, `${cellName(cell)}: no time was left`];
      continue;
    }
    const entries = entriesFor(cell).filter(({ runs }) => runs > 0);
    if (entries.length === 0) continue;
    const row = await runCell(cell, entries, { length: plan.length, extra: plan.extraRuns, work });
    progress("");
    say(summary(row));
    notebook.rows = merged(notebook.rows, row);
    const failed = Object.entries(row.failures).map(
      ([name, why]) => `${cellName(cell)}: a run of ${name} failed: ${why}`,
    );
    notebook.remarks = [...notebook.remarks, ...failed];
  }
  if (cells.length > 0) progressBy(weight);
}

/** Quail and Postfix, with the ceiling beside the first flow that has this load. */
function fastEntries(contenders: readonly Contender[], runs: number, notebook: Notebook) {
  return (cell: Cell): readonly Entry[] => {
    const hasCeiling = notebook.rows.some(
      ({ cell: other, runs: all }) =>
        all.bare !== undefined &&
        other.sessions === cell.sessions &&
        other.sizeKb === cell.sizeKb &&
        other.perConnection === cell.perConnection,
    );
    return contenders
      .filter(({ name }) => !isSlow(name))
      .map((contender) => ({
        contender,
        runs: contender.name !== "bare" ? runs : hasCeiling ? 0 : Math.min(runs, 3),
      }));
  };
}

async function runCases(sitting: Sitting, notebook: Notebook, find: (name: ContenderName) => Contender | string) {
  const { cases, plan, checkout, small, say } = sitting;
  for (const { name, title, run } of cases) {
    if (Date.now() > sitting.deadline) {
      notebook.remarks = [...notebook.remarks, `case ${name}: no time was left`];
      continue;
    }
    const work = join(sitting.work, `case-${name}`);
    mkdirSync(work);
    const told = (text: string): void => progress(`${name}: ${text}`);
    const setting = { work, runs: Math.max(1, plan.caseRuns), small, checkout, find, progress: told };
    const startedAt = Date.now();
    const result = await attempt(() => run(setting));
    progressBy(weights.case);
    progress("");
    if (typeof result === "string") {
      notebook.remarks = [...notebook.remarks, `case ${name} ${result}`];
      say(`\n${title}\n${result}`);
      continue;
    }
    notebook.reports = [...notebook.reports, { name, title, result }];
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    say(`\n${title} (case ${name}, ${seconds} s)\n${alignedTable(result.table)}\n${result.notes.join("\n")}`);
  }
}

async function countSyncs(sitting: Sitting, notebook: Notebook, contenders: readonly Contender[]): Promise<void> {
  const traced = contenders.filter(({ name }) => name !== "bare");
  for (const cell of sitting.plan.synced) {
    if (Date.now() > sitting.deadline) return;
    const pairs: (readonly [ContenderName, number | string])[] = [];
    for (const contender of traced) {
      if (isSlow(contender.name) && !(cell.sessions === 20 && cell.perConnection === "many")) continue;
      progress(`${cellName(cell)}: syncs of ${contender.name}`);
      try {
        pairs.push([contender.name, await syncsPerMessage(contender, cell, syncMessages, sitting.work)]);
      } catch (error) {
        pairs.push([contender.name, `failed: ${reasonOf(error)}`]);
      }
    }
    progressBy(weights.sync);
    notebook.syncs = [...notebook.syncs, { cell, syncs: Object.fromEntries(pairs) }];
    progress("");
    const words = pairs.map(([name, value]) => `${name} ${typeof value === "number" ? figure(value) : value}`);
    sitting.say(`${cellName(cell).padEnd(22)}  syncs per message: ${words.join("  ")}`);
  }
}

function remarkOnDisk(work: string): readonly string[] {
  const { bavail, bsize } = statfsSync(work);
  const gb = (bavail * bsize) / 2 ** 30;
  return gb < neededGb ? [`${Math.round(gb)} GB are free on the disk: a full run may need ${neededGb}`] : [];
}

/** Measures what the plan says. What fails stands in the results with its reason; nothing ends the sitting. */
export async function sit(sitting: Sitting): Promise<Results> {
  const { plan, say, startedAt, deadline } = sitting;
  const mainDeadline = startedAt + (deadline - startedAt) * mainShare;
  progress("looking for servers; packages that are missing are fetched once");
  const { contenders, absent } = findContenders(sitting.names, sitting.checkout);
  const peers = contenders
    .filter(({ name }) => name !== "Quail" && name !== "bare")
    .map(({ name, version }) => `${name}: ${version}`);
  const machine = describeMachine(sitting.work, sitting.checkout, peers).lines;
  progress("");
  for (const line of machine) say(line);
  for (const { name, absent: reason } of absent) say(`${name} is left out: ${reason}`);
  say("");
  const notebook = new Notebook();
  if (!sitting.small) notebook.remarks = remarkOnDisk(sitting.work);
  const find = (name: ContenderName): Contender | string =>
    contenders.find((one) => one.name === name) ?? absent.find((one) => one.name === name)?.absent ?? "not asked for";
  const slow = contenders.filter(({ name }) => isSlow(name)).map((contender) => ({ contender, runs: plan.otherRuns }));
  const { main, side, others, synced } = plan;
  const pieces = [
    [main, weights.main],
    [sitting.cases, weights.case],
    [others, weights.other],
    [side, weights.side],
    [synced, weights.sync],
  ] as const;
  progressOf(pieces.reduce((sum, [list, weight]) => sum + list.length * weight, 0));
  const fast = (runs: number) => fastEntries(contenders, runs, notebook);
  await runCells(sitting, notebook, main, fast(plan.mainRuns), { deadline: mainDeadline, weight: weights.main });
  await runCases(sitting, notebook, find);
  await runCells(sitting, notebook, others, () => slow, { deadline, weight: weights.other });
  await runCells(sitting, notebook, side, fast(plan.sideRuns), { deadline, weight: weights.side });
  if (canTrace()) await countSyncs(sitting, notebook, contenders);
  const { syncs, reports, remarks } = notebook;
  const rows = notebook.rows.toSorted((a, b) => inTableOrder(a.cell, b.cell));
  return { machine, rows, syncs, cases: reports, absent, remarks };
}
