/** From the runs of all cells to the rows of three tables: Quail beside Postfix and the ceiling, the other servers, syncs. */
import type { Cell } from "../cells.ts";
import type { Run } from "../measure.ts";
import type { Absent, ContenderName } from "../peers/server.ts";
import type { CellRuns } from "../run-cells.ts";
import { noisyShare } from "../tools/quiet.ts";
import { middle, none, quotient, shown, spread, times, whole } from "./statistics.ts";
import type { Table } from "./table.ts";

/** Sync calls per message in one cell, by contender; a sentence where they could not be counted. */
export type SyncRow = { readonly cell: Cell; readonly syncs: Partial<Record<ContenderName, number | string>> };

const rateOf = (run: Run): number => run.rate;

/** User and system time, seconds per 1000 messages. */
export const cpuOf = (run: Run): number => run.userPer1000 + run.systemPer1000;

const cellWords = (cell: Cell): readonly string[] => [
  cell.flow,
  String(cell.sizeKb),
  String(cell.sessions),
  cell.perConnection,
];
const cellHeads = ["into", "KB", "sessions", "per conn."];

/** The ratio to Postfix that DESIGN section 10 asks for, with its floor. */
function target({ flow, sessions, sizeKb, perConnection }: Cell): string {
  if (sizeKb !== 10) return none;
  if (flow === "sink") return "4x (3x)";
  if (sessions === 1) return none;
  return perConnection === "many" ? "8x (6x)" : "6x (4x)";
}

/** The ceiling knows no flows: one measurement stands beside both. */
export function bareRate(rows: readonly CellRuns[], cell: Cell): number | null {
  const same = rows.find(
    (row) =>
      row.runs.bare !== undefined &&
      row.cell.sessions === cell.sessions &&
      row.cell.sizeKb === cell.sizeKb &&
      row.cell.perConnection === cell.perConnection,
  );
  return middle((same?.runs.bare ?? []).map(rateOf));
}

/** The cell's runs of a contender, or none. */
const runsOf = (row: CellRuns, name: ContenderName): readonly Run[] => row.runs[name] ?? [];

/** Rates, or why there are none. */
function ratesOrReason(row: CellRuns, name: ContenderName): string {
  const runs = runsOf(row, name);
  const failure = row.failures[name];
  return runs.length === 0 && failure !== undefined ? `failed: ${failure}` : spread(runs.map(rateOf));
}

/** Quail and Postfix, side by side. */
export function speedTable(rows: readonly CellRuns[]): Table {
  return {
    heads: [
      ...cellHeads,
      ...["Quail msgs/s", "Postfix msgs/s", "ratio", "target (floor)", "bare msgs/s", "Quail/bare"],
      ...["accepted/s Q", "P", "noisy"],
    ],
    rows: rows.map((row) => {
      const [quail, postfix] = [runsOf(row, "Quail"), runsOf(row, "Postfix")];
      const ceiling = bareRate(rows, row.cell);
      const all = [...quail, ...postfix];
      return [
        ...cellWords(row.cell),
        ratesOrReason(row, "Quail"),
        ratesOrReason(row, "Postfix"),
        times(quotient(middle(quail.map(rateOf)), middle(postfix.map(rateOf)))),
        target(row.cell),
        whole(ceiling),
        shown(quotient(middle(quail.map(rateOf)), ceiling)),
        ...[quail, postfix].map((runs) => whole(middle(runs.map((run) => run.acceptedRate)))),
        `${all.filter((run) => run.noise > noisyShare).length} of ${all.length}`,
      ];
    }),
  };
}

/** What the same runs cost. */
export function costTable(rows: readonly CellRuns[]): Table {
  return {
    heads: [
      ...cellHeads,
      ...["CPU s/1000 Quail", "user+sys", "CPU s/1000 Postfix", "user+sys", "less by", "target"],
      ...["RSS MB Q", "P", "PSS MB Q", "P"],
    ],
    rows: rows.map((row) => {
      const pair = [runsOf(row, "Quail"), runsOf(row, "Postfix")] as const;
      const cpu = pair.map((runs) => middle(runs.map(cpuOf)));
      const parts = pair.map(
        (runs) =>
          `${shown(middle(runs.map((run) => run.userPer1000)))}+${shown(middle(runs.map((run) => run.systemPer1000)))}`,
      );
      return [
        ...cellWords(row.cell),
        ...[shown(cpu[0] ?? null), parts[0]!, shown(cpu[1] ?? null), parts[1]!],
        times(quotient(cpu[1] ?? null, cpu[0] ?? null)),
        row.cell.flow === "maildir" ? "5x" : none,
        ...pair.map((runs) => whole(middle(runs.map((run) => run.peakRssMb)))),
        ...pair.map((runs) => whole(middle(runs.map((run) => run.pssMb)))),
      ];
    }),
  };
}

const others = ["OpenSMTPD", "Exim"] as const;

/** The slower servers, one row for each in each cell they took part in, beside what Quail did there; absent ones with the reason. */
export function othersTable(rows: readonly CellRuns[], absent: readonly Absent[]): Table {
  const heads = ["server", ...cellHeads, "msgs/s", "Quail is", "accepted/s", "CPU s/1000", "RSS MB", "PSS MB", "runs"];
  const present = others.flatMap((name) =>
    rows.flatMap((row) => {
      const runs = runsOf(row, name);
      const failure = row.failures[name];
      if (runs.length === 0 && failure === undefined) return [];
      const ratio = quotient(middle(runsOf(row, "Quail").map(rateOf)), middle(runs.map(rateOf)));
      return [
        [
          name,
          ...cellWords(row.cell),
          ratesOrReason(row, name),
          times(ratio),
          whole(middle(runs.map((run) => run.acceptedRate))),
          shown(middle(runs.map(cpuOf))),
          whole(middle(runs.map((run) => run.peakRssMb))),
          whole(middle(runs.map((run) => run.pssMb))),
          String(runs.length),
        ],
      ];
    }),
  );
  const missing = absent
    .filter(({ name }) => name === "OpenSMTPD" || name === "Exim")
    .map(({ name, absent: reason }) => [name, `left out: ${reason}`, ...heads.slice(2).map(() => none)]);
  return { heads, rows: [...present, ...missing] };
}

/** Syncs per message. */
export function syncsTable(rows: readonly SyncRow[]): Table {
  const names = (["Quail", "Postfix", "OpenSMTPD", "Exim"] as const).filter((name) =>
    rows.some((row) => row.syncs[name] !== undefined),
  );
  const word = (value: number | string | undefined): string =>
    typeof value === "number" ? shown(value) : (value ?? none);
  return {
    heads: [...cellHeads, ...names, "target for Quail"],
    rows: rows.map(({ cell, syncs }) => [
      ...cellWords(cell),
      ...names.map((name) => word(syncs[name])),
      cell.sessions === 100 ? "0.2" : none,
    ]),
  };
}
