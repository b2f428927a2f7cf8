/** From runs to rows, and from rows to a table for the terminal and one for RESULTS.md. */
import { type Cell, cellName } from "./cells.ts";
import type { Run } from "./measure.ts";
import { figure, median } from "./statistics.ts";

/** All runs of one cell, by contender. */
export type CellRuns = { readonly cell: Cell; readonly quail: readonly Run[]; readonly postfix: readonly Run[] };

/** Sync calls per message in one cell; null for a contender that did not take part. */
export type SyncRow = { readonly cell: Cell; readonly quail: number | null; readonly postfix: number | null };

/** The part of a machine that others may use before a run counts as noisy (the comparison quoted in DESIGN took 15%). */
export const noisyShare = 0.15;

const none = "-";

function spread(runs: readonly Run[], of: (run: Run) => number): string {
  const values = runs.map(of);
  if (values.length === 0) return none;
  return `${figure(median(values))} (${figure(Math.min(...values))}-${figure(Math.max(...values))})`;
}

function middle(runs: readonly Run[], of: (run: Run) => number | null): number | null {
  const values = runs.map(of).filter((value) => value !== null);
  return values.length === 0 ? null : median(values);
}

const shown = (value: number | null): string => (value === null ? none : figure(value));
const whole = (value: number | null): string => (value === null ? none : String(Math.round(value)));

function ratio(upper: number | null, lower: number | null): string {
  return upper === null || lower === null || lower === 0 ? none : `${figure(upper / lower)}x`;
}

const cpuOf = (run: Run): number => run.userPer1000 + run.systemPer1000;

/** Column heads of `rowOf`. */
export const heads = [
  "into",
  "KB",
  "sessions",
  "per conn.",
  "Quail msgs/s",
  "Postfix msgs/s",
  "ratio",
  "accepted/s Q",
  "P",
  "CPU s/1000 Q",
  "P",
  "less by",
  "RSS MB Q",
  "P",
  "PSS MB Q",
  "P",
  "noisy",
] as const;

/** One row: medians with minimum and maximum; "ratio" is Quail's rate over Postfix's, "less by" Postfix's CPU over Quail's. */
export function rowOf({ cell, quail, postfix }: CellRuns): readonly string[] {
  const cpu = { quail: middle(quail, cpuOf), postfix: middle(postfix, cpuOf) };
  const runs = [...quail, ...postfix];
  return [
    ...[cell.flow, String(cell.sizeKb), String(cell.sessions), cell.perConnection],
    ...[spread(quail, (run) => run.rate), spread(postfix, (run) => run.rate)],
    ratio(
      middle(quail, (run) => run.rate),
      middle(postfix, (run) => run.rate),
    ),
    whole(middle(quail, (run) => run.acceptedRate)),
    whole(middle(postfix, (run) => run.acceptedRate)),
    ...[shown(cpu.quail), shown(cpu.postfix), ratio(cpu.postfix, cpu.quail)],
    ...[whole(middle(quail, (run) => run.peakRssMb)), whole(middle(postfix, (run) => run.peakRssMb))],
    ...[whole(middle(quail, (run) => run.pssMb)), whole(middle(postfix, (run) => run.pssMb))],
    `${runs.filter((run) => run.noise > noisyShare).length} of ${runs.length}`,
  ];
}

/** Widths that hold for rows not yet known: a table that is printed while it grows must not shift. */
const widths = heads.map((head, column) => Math.max(head.length, [7, 3, 8, 9, 19, 19, 5][column] ?? 4));

/** A row with its columns aligned, numbers to the right, words to the left. */
export function alignedLine(cells: readonly string[]): string {
  return cells
    .map((text, column) =>
      column === 0 || column === 3 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!),
    )
    .join("  ")
    .trimEnd();
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** One line of the sync table, for terminal and file. */
export function syncCells({ cell, quail, postfix }: SyncRow): readonly string[] {
  return [cell.flow, String(cell.sizeKb), String(cell.sessions), cell.perConnection, shown(quail), shown(postfix)];
}

const syncHeads = ["into", "KB", "sessions", "per conn.", "Quail", "Postfix"];

/** The whole of RESULTS.md. */
export function resultsPage(machine: readonly string[], rows: readonly CellRuns[], syncs: readonly SyncRow[]): string {
  return `# Results of \`npm run bench\`

Written by the benchmark; do not edit. How it measures stands in \`bench/README.md\`.

${machine.map((line) => `- ${line}`).join("\n")}

## Speed, CPU and memory

Medians of ${Math.min(...rows.map((row) => row.quail.length))} runs (minimum-maximum), servers in turn, each started afresh with an empty queue for each run.
**ratio** = Quail's messages per second over Postfix's. **less by** = Postfix's CPU time over Quail's. **noisy** = runs during which other
processes and kernel threads used more than ${noisyShare * 100}% of the machine.

${markdownTable(heads, rows.map(rowOf))}

## Syncs per message

fsync, fdatasync, syncfs and sync_file_range calls of all server processes, counted by strace in runs of their own.

${markdownTable(syncHeads, syncs.map(syncCells))}
`;
}

/** Everything measured, for programs: one object per cell, every run in it. */
export function asJson(machine: readonly string[], rows: readonly CellRuns[], syncs: readonly SyncRow[]): string {
  return JSON.stringify(
    {
      machine,
      cells: rows.map((row) => ({ name: cellName(row.cell), ...row })),
      syncs: syncs.map((row) => ({ name: cellName(row.cell), ...row })),
    },
    null,
    2,
  );
}
