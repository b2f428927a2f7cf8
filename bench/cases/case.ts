/** What further cases have in common: each is a file here, a row of `index.ts`, and a table in RESULTS.md. */
import type { Contender, ContenderName } from "../peers/server.ts";
import type { Table } from "../report/table.ts";
import { reasonOf } from "../run-cells.ts";
import { complain } from "../tools/progress.ts";

/** What a case is given. */
export type Setting = {
  /** A folder for it alone on the disk under test; it stays until the end of all. */
  readonly work: string;
  /** How often it should measure. */
  readonly runs: number;
  /** Smaller numbers of messages, for a look whether it works (`--quick`). */
  readonly small: boolean;
  readonly checkout: string;
  /** The contender, or the reason why it is not there. */
  find(name: ContenderName): Contender | string;
  /** What is being done, for the progress line. */
  progress(text: string): void;
};

/** What a case has found. */
export type CaseResult = {
  readonly table: Table;
  /** What the columns mean, and what else a reader must know. */
  readonly notes: readonly string[];
  /** Everything measured, for `--json`. */
  readonly data: unknown;
};

export type Case = {
  readonly name: string;
  readonly title: string;
  /** What so many runs take on a machine like the one DESIGN quotes. */
  readonly minutes: (runs: number) => number;
  run(setting: Setting): Promise<CaseResult>;
};

/** What `work` gives, or the reason why it gave nothing: one server that fails must not end the others' measurements. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return `failed: ${reasonOf(error)}`;
  }
}

/** Contenders by name, each measured `runs` times in turn; a reason instead of values for who failed or is absent. */
export async function inTurn<T extends object>(
  setting: Setting,
  names: readonly ContenderName[],
  measure: (contender: Contender, run: number) => Promise<T>,
): Promise<ReadonlyMap<ContenderName, readonly T[] | string>> {
  const results = new Map<ContenderName, readonly T[] | string>(
    names.map((name) => {
      const found = setting.find(name);
      return [name, typeof found === "string" ? `left out: ${found}` : []];
    }),
  );
  for (let run = 0; run < setting.runs; run++) {
    for (const name of run % 2 === 0 ? names : names.toReversed()) {
      const contender = setting.find(name);
      const sofar = results.get(name);
      if (typeof contender === "string" || sofar === undefined || typeof sofar === "string") continue;
      setting.progress(`${name}, run ${run + 1}`);
      const got = await attempt(() => measure(contender, run));
      if (typeof got !== "string") results.set(name, [...sofar, got]);
      else if (sofar.length === 0) results.set(name, got);
    }
  }
  return results;
}

/** `yes`, `no`, or a dash where nothing was measured. */
export function met(value: number | null, holds: (value: number) => boolean): string {
  if (value === null || Number.isNaN(value)) return "-";
  return holds(value) ? "yes" : "no";
}
