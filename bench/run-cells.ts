/** Runs of one cell, servers in turn. */
import { type Cell, cellName } from "./cells.ts";
import { type Length, measure, type Run } from "./measure.ts";
import type { Contender, ContenderName } from "./peers/server.ts";
import { complain, progress } from "./tools/progress.ts";
import { noisyShare } from "./tools/quiet.ts";

/** All runs of one cell, by contender; failures are reasons of runs that gave nothing. */
export type CellRuns = {
  readonly cell: Cell;
  readonly runs: Partial<Record<ContenderName, readonly Run[]>>;
  readonly failures: Partial<Record<ContenderName, string>>;
};

/** A contender and how many quiet runs of it are wanted. */
export type Entry = { readonly contender: Contender; readonly runs: number };

/** After so many failed runs in one cell a contender is not asked again. */
const failuresTolerated = 2;

/** The first line of what went wrong. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!.slice(0, 120);
}

/** What one contender has shown so far in a cell. */
class Tally {
  readonly #wanted: number;
  readonly #quiet: Run[] = [];
  readonly #noisy: Run[] = [];
  #failures = 0;
  failure: string | null = null;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  add(run: Run): void {
    (run.noise > noisyShare ? this.#noisy : this.#quiet).push(run);
  }

  fail(error: unknown): void {
    this.#failures += 1;
    this.failure = reasonOf(error);
  }

  /** Rounds up to `wanted` are for everybody, those after it for who still lacks quiet runs. */
  wantsMore(): boolean {
    return this.#failures < failuresTolerated && this.#quiet.length < this.#wanted;
  }

  /** As many as wanted, the quiet ones first, then the least noisy. */
  taken(): readonly Run[] {
    return [...this.#quiet, ...this.#noisy.toSorted((a, b) => a.noise - b.noise)].slice(0, this.#wanted);
  }
}

/** Quiet runs of each entry, in turn, who goes first alternating; noisy ones are made again up to `extra` times. */
export async function runCell(
  cell: Cell,
  entries: readonly Entry[],
  { length, extra, work }: { readonly length: Length; readonly extra: number; readonly work: string },
  runOnce: typeof measure = measure,
): Promise<CellRuns> {
  const tallies = new Map(entries.map(({ contender, runs }) => [contender.name, new Tally(runs)]));
  const rounds = Math.max(...entries.map(({ runs }) => runs)) + extra;
  for (let round = 0; round < rounds; round++) {
    for (const { contender, runs } of round % 2 === 0 ? entries : entries.toReversed()) {
      const tally = tallies.get(contender.name)!;
      if (round >= runs + extra || !tally.wantsMore()) continue;
      progress(`${cellName(cell)}: ${contender.name}, run ${round + 1}`);
      try {
        tally.add(await runOnce(contender, cell, work, length));
      } catch (error) {
        tally.fail(error);
        complain(
          `${cellName(cell)}: a run of ${contender.name} failed: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
  }
  const failed = [...tallies].flatMap(([name, { failure }]) => (failure === null ? [] : [[name, failure] as const]));
  return {
    cell,
    runs: Object.fromEntries([...tallies].map(([name, tally]) => [name, tally.taken()])),
    failures: Object.fromEntries(failed),
  };
}
