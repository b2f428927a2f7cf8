/** RESULTS.md and the JSON of everything that was measured. */
import type { CaseResult } from "../cases/case.ts";
import { cellName } from "../cells.ts";
import { type Absent, contenderNames, durability } from "../peers/server.ts";
import type { CellRuns } from "../run-cells.ts";
import { noisyShare } from "../tools/quiet.ts";
import { costTable, othersTable, type SyncRow, speedTable, syncsTable } from "./cells-table.ts";
import { markdownTable } from "./table.ts";

/** A case and what it gave. */
export type CaseReport = { readonly name: string; readonly title: string; readonly result: CaseResult };

/** All that a run of the benchmark knows at its end. */
export type Results = {
  readonly machine: readonly string[];
  readonly rows: readonly CellRuns[];
  readonly syncs: readonly SyncRow[];
  readonly cases: readonly CaseReport[];
  readonly absent: readonly Absent[];
  /** What was left out or went wrong, as sentences. */
  readonly remarks: readonly string[];
};

/** One case as a section. */
export function caseSection({ name, title, result }: CaseReport): string {
  const notes = result.notes.length === 0 ? "" : `${result.notes.join("\n")}\n\n`;
  return `## ${title}\n\n${notes}${markdownTable(result.table)}\n\nAlone: \`npm run bench -- --case ${name}\`.\n`;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

/** Runs are counted per server and cell: `5`, or `3 to 5`. */
function runCounts(rows: readonly CellRuns[]): string {
  const counts = rows.flatMap(({ runs }) => [runs.Quail, runs.Postfix].flatMap((all) => (all ? [all.length] : [])));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? String(least) : `${least} to ${most}`;
}

/** The whole of RESULTS.md. */
export function resultsPage({ machine, rows, syncs, cases, absent, remarks }: Results): string {
  const remarkSection = remarks.length === 0 ? "" : `\n## Left out, or failed\n\n${list(remarks)}\n`;
  return `# Results of \`npm run bench\`

Written by the benchmark; do not edit. How it measures stands in \`bench/README.md\`.

![Messages per second and CPU per message](results.svg)

${list(machine)}

What a \`250\` means:

${list(contenderNames.map((name) => `${name}: ${durability[name]}`))}

## Speed

Medians of ${runCounts(rows)} runs (minimum-maximum), servers in turn, each started afresh with an empty queue and warmed up for each run.
**ratio** = Quail's messages per second over Postfix's. **bare** = a server of 60 lines that says 250 and does nothing, the same load:
what the load tools and Node leave (Quail/bare: at least 0.5 is wanted). **noisy** = runs during which other processes and kernel
threads used more than ${noisyShare * 100}% of the machine.

${markdownTable(speedTable(rows))}

## CPU and memory

The same runs. **less by** = Postfix's CPU time over Quail's. RSS is the peak and counts a page once for every process that maps it; PSS,
at the end of the load, shares it out.

${markdownTable(costTable(rows))}

## Other servers

From Debian's packages, unpacked, with limits lifted. "Quail is" = Quail's messages per second over theirs, in the same cell.

${markdownTable(othersTable(rows, absent))}

## Syncs per message

fsync, fdatasync, syncfs and sync_file_range calls of all server processes, counted by strace in runs of their own.

${markdownTable(syncsTable(syncs))}

${cases.map(caseSection).join("\n")}${remarkSection}`;
}

/** Everything measured, for programs: one object per cell, every run in it. */
export function asJson({ machine, rows, syncs, cases, absent, remarks }: Results): string {
  return JSON.stringify(
    {
      machine,
      cells: rows.map((row) => ({ name: cellName(row.cell), ...row })),
      syncs: syncs.map((row) => ({ name: cellName(row.cell), ...row })),
      cases: cases.map(({ name, title, result }) => ({ name, title, ...result })),
      absent,
      remarks,
    },
    null,
    2,
  );
}
