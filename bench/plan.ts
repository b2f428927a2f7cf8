/** What a run of the benchmark does, and how a budget of minutes shortens it. */
import { type Cell, mainCells, otherCells, quickCells, sideCells } from "./cells.ts";
import type { Length } from "./measure.ts";

export type Plan = {
  readonly length: Length;
  /** Cells of Quail, Postfix and the bare ceiling, with that many runs each; those after `main` only while time is left. */
  readonly main: readonly Cell[];
  readonly mainRuns: number;
  readonly side: readonly Cell[];
  readonly sideRuns: number;
  /** Cells of OpenSMTPD and Exim. */
  readonly others: readonly Cell[];
  readonly otherRuns: number;
  /** Cells whose syncs are counted. */
  readonly synced: readonly Cell[];
  /** Runs of each further case; 0: no cases. */
  readonly caseRuns: number;
  /** Noisy runs are made again up to this often. */
  readonly extraRuns: number;
};

export const defaultBudgetMinutes = 55;

/** Counting syncs is for batches: several sessions. */
const syncedCells = mainCells.filter((cell) => cell.sessions > 1);
const wait = "wait" as const;

/** From the longest to the shortest; the first that fits a budget is taken, the last if none does. */
const levels: readonly Plan[] = [
  {
    length: { warmSeconds: 3, seconds: 4, maxSeconds: 10, patience: wait },
    ...{ main: mainCells, mainRuns: 7, side: sideCells([20, 100, 1]), sideRuns: 5, others: otherCells, otherRuns: 3 },
    ...{ synced: syncedCells, caseRuns: 3, extraRuns: 2 },
  },
  {
    length: { warmSeconds: 2.5, seconds: 3, maxSeconds: 6, patience: wait },
    ...{ main: mainCells, mainRuns: 5, side: sideCells([20, 100, 1]), sideRuns: 3, others: otherCells, otherRuns: 3 },
    ...{ synced: syncedCells, caseRuns: 3, extraRuns: 2 },
  },
  {
    length: { warmSeconds: 2.5, seconds: 2.5, maxSeconds: 5, patience: wait },
    ...{ main: mainCells, mainRuns: 5, side: sideCells([20, 100]), sideRuns: 3, others: otherCells.slice(0, 4) },
    ...{ otherRuns: 3, synced: syncedCells.slice(0, 4), caseRuns: 3, extraRuns: 1 },
  },
  {
    length: { warmSeconds: 2, seconds: 2.5, maxSeconds: 4, patience: wait },
    ...{ main: mainCells, mainRuns: 5, side: sideCells([20, 100]), sideRuns: 3, others: otherCells.slice(0, 3) },
    ...{ otherRuns: 2, synced: syncedCells.slice(0, 4), caseRuns: 2, extraRuns: 1 },
  },
  {
    length: { warmSeconds: 2, seconds: 2.5, maxSeconds: 3.5, patience: wait },
    ...{ main: mainCells, mainRuns: 5, side: sideCells([20]), sideRuns: 3, others: otherCells.slice(0, 2) },
    ...{ otherRuns: 2, synced: syncedCells.slice(0, 4), caseRuns: 2, extraRuns: 1 },
  },
  {
    length: { warmSeconds: 2, seconds: 2, maxSeconds: 3, patience: wait },
    ...{ main: mainCells.filter(({ sessions }) => sessions !== 1), mainRuns: 5, side: [], sideRuns: 0 },
    ...{ others: otherCells.slice(0, 2), otherRuns: 1, synced: syncedCells.slice(0, 2), caseRuns: 1, extraRuns: 1 },
  },
  {
    length: { warmSeconds: 2, seconds: 2, maxSeconds: 3, patience: wait },
    ...{ main: mainCells.filter(({ sessions }) => sessions !== 1), mainRuns: 3, side: [], sideRuns: 0 },
    ...{ others: otherCells.slice(0, 2), otherRuns: 1, synced: syncedCells.slice(0, 2), caseRuns: 1, extraRuns: 0 },
  },
];

/** `--quick`. */
export const quickPlan: Plan = {
  length: { warmSeconds: 1.5, seconds: 1.5, maxSeconds: 2, patience: "none" },
  ...{ main: quickCells, mainRuns: 3, side: [], sideRuns: 0, others: otherCells.slice(0, 1), otherRuns: 1 },
  ...{ synced: quickCells.slice(0, 1), caseRuns: 0, extraRuns: 0 },
};

/** Starting, waiting for quiet, settling, stopping: seconds that every run costs. */
const overheadSeconds = 3;
const syncSeconds = 10;

/** Minutes a plan takes on a machine like the one DESIGN quotes; `caseMinutes` is what all further cases take. */
export function estimateMinutes(plan: Plan, caseMinutes: (runs: number) => number): number {
  const { length, main, mainRuns, side, sideRuns, others, otherRuns, synced, caseRuns } = plan;
  const start = overheadSeconds + length.warmSeconds;
  // Quail, Postfix, and the ceiling for every other cell: one measurement stands beside both flows.
  const round = start + length.seconds + (start + length.maxSeconds) + start / 2;
  const other = 2 * (start + length.maxSeconds + 3);
  const seconds =
    round * (main.length * mainRuns + side.length * sideRuns) +
    other * others.length * otherRuns +
    2 * syncSeconds * synced.length;
  return seconds / 60 + (caseRuns === 0 ? 0 : caseMinutes(caseRuns));
}

/** The longest plan that fits into `minutes`. */
export function planFor(minutes: number, caseMinutes: (runs: number) => number): Plan {
  return levels.find((plan) => estimateMinutes(plan, caseMinutes) <= minutes) ?? levels.at(-1)!;
}
