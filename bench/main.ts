/**
 * `npm run bench`: Quail and Debian's Postfix under the same load on the same disk, run by run in turn. What is measured and
 * how far to trust it stands in README.md beside this file.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cell, cellName, fullCells, quickCells } from "./cells.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Patience, type Run } from "./measure.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { findPostfix } from "./postfix.ts";
import { quail } from "./quail.ts";
import {
  alignedLine,
  asJson,
  type CellRuns,
  heads,
  noisyShare,
  resultsPage,
  rowOf,
  type SyncRow,
  syncCells,
} from "./report.ts";
import type { Contender } from "./server.ts";
import { canTrace, syncsPerMessage } from "./syncs.ts";

const checkout = join(import.meta.dirname, "..");
/** A noisy run of a full measurement is made again, but a machine that is never quiet must not hold us for ever. */
const extraRuns = 2;
const syncMessages = 400;

/** What runs now, on one line of a terminal that is overwritten; nothing when stderr is a file. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

/** `runs` quiet runs of each contender, in turn; noisy ones are made again up to `extra` times, then taken as they are. */
async function runCell(
  cell: Cell,
  contenders: readonly Contender[],
  { runs, extra, patience }: { readonly runs: number; readonly extra: number; readonly patience: Patience },
  work: string,
): Promise<CellRuns> {
  const quiet = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]));
  const noisy = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < runs + extra; round++) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) {
      const { name } = contender;
      if (quiet.get(name)!.length >= runs) continue;
      progress(`${cellName(cell)}: ${name}, run ${round + 1}`);
      const run = await measure(contender, cell, work, patience);
      (run.noise > noisyShare ? noisy : quiet).get(name)!.push(run);
    }
  }
  const taken = (name: string): readonly Run[] => {
    const leastNoisy = (noisy.get(name) ?? []).toSorted((a, b) => a.noise - b.noise);
    return [...(quiet.get(name) ?? []), ...leastNoisy].slice(0, runs);
  };
  progress("");
  return { cell, quail: taken("Quail"), postfix: taken("Postfix") };
}

function syncCellsOf(cells: readonly Cell[]): readonly Cell[] {
  return cells.filter((cell) => cell.sizeKb === 10 && cell.sessions > 1 && cell.perConnection === "one");
}

async function countSyncs(cell: Cell, contenders: readonly Contender[], work: string): Promise<SyncRow> {
  const of = async (name: Contender["name"]): Promise<number | null> => {
    const contender = contenders.find((one) => one.name === name);
    progress(`${cellName(cell)}: syncs of ${name}`);
    return contender === undefined ? null : syncsPerMessage(contender, cell, syncMessages, work);
  };
  const row = { cell, quail: await of("Quail"), postfix: await of("Postfix") };
  progress("");
  return row;
}

function findContenders(options: Options): readonly Contender[] {
  const postfix = options.only === "quail" ? null : findPostfix();
  if (typeof postfix === "string") process.stderr.write(`${postfix}\n`);
  return [
    ...(options.only === "postfix" ? [] : [quail(checkout)]),
    ...(typeof postfix === "object" && postfix !== null ? [postfix] : []),
  ];
}

async function bench(options: Options, work: string): Promise<void> {
  const contenders = findContenders(options);
  const cells = (options.quick ? quickCells : fullCells).filter((cell) => cellName(cell).includes(options.cases));
  if (cells.length === 0) throw new Error(`--case ${options.cases}: no cell has that in its name`);
  const say = (line: string): void => {
    if (!options.json) process.stdout.write(`${line}\n`);
  };
  const peers = contenders.filter(({ name }) => name !== "Quail").map(({ name, version }) => `${name}: ${version}`);
  const machine = describeMachine(work, checkout, peers).lines;
  for (const line of machine) say(line);
  say(`\n${alignedLine(heads)}`);
  const effort = options.quick
    ? ({ runs: options.runs, extra: 0, patience: "none" } as const)
    : ({ runs: options.runs, extra: extraRuns, patience: "wait" } as const);
  const rows: CellRuns[] = [];
  for (const cell of cells) {
    rows.push(await runCell(cell, contenders, effort, work));
    say(alignedLine(rowOf(rows.at(-1)!)));
  }
  const syncs: SyncRow[] = [];
  if (options.syncs && canTrace()) {
    say("\nsyncs per message (strace; Quail, Postfix)");
    for (const cell of syncCellsOf(cells)) {
      syncs.push(await countSyncs(cell, contenders, work));
      say(alignedLine(syncCells(syncs.at(-1)!)));
    }
  } else if (options.syncs) process.stderr.write("syncs are left out: strace is not installed or may not trace\n");
  if (options.json) process.stdout.write(`${asJson(machine, rows, syncs)}\n`);
  const isFull = !options.quick && options.cases === "" && options.runs >= 5 && contenders.length === 2;
  if (!isFull) return;
  writeFileSync(join(checkout, "bench", "RESULTS.md"), resultsPage(machine, rows, syncs));
  process.stderr.write("bench/RESULTS.md is written\n");
}

const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  process.stderr.write(options === usage ? `${usage}\n` : `bench: ${options}\n\n${usage}\n`);
  process.exit(options === usage ? 0 : 100);
}
const work = mkdtempSync(join(options.folder ?? tmpdir(), "quail-bench-"));
chmodSync(work, 0o755);
try {
  await bench(options, work);
} catch (error) {
  progress("");
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 111;
} finally {
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}
