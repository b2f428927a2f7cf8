import { parseArgs } from "node:util";

/** What `npm run bench -- ...` was asked for. */
export type Options = {
  readonly quick: boolean;
  readonly only: "quail" | "postfix" | null;
  /** Part of a cell's name; "" takes all. */
  readonly cases: string;
  readonly runs: number;
  readonly json: boolean;
  readonly syncs: boolean;
  /** Folder on the disk under test; null: the system's temporary folder. */
  readonly folder: string | null;
};

export const usage = `usage: npm run bench -- [--quick] [--only quail|postfix] [--case TEXT] [--runs N] [--no-syncs] [--folder DIR] [--json]

  --quick       few cells, 3 runs each, under three minutes; RESULTS.md stays as it is
  --only NAME   one server only
  --case TEXT   only cells whose name contains TEXT, such as maildir, sink-10k, 100x, 20x-many
  --runs N      runs of each cell and server (5; quick 3)
  --no-syncs    leave out the runs under strace
  --folder DIR  queue and mailboxes below DIR (default: the system's temporary folder)
  --json        one JSON object on stdout instead of the table

A full run with five runs or more writes bench/RESULTS.md.`;

/** Reads the arguments; a sentence if they make no sense. */
export function readOptions(args: readonly string[]): Options | string {
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean" },
        only: { type: "string" },
        case: { type: "string" },
        runs: { type: "string" },
        folder: { type: "string" },
        "no-syncs": { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { quick = false, only, runs = quick ? "3" : "5" } = values;
  if (values.help === true) return usage;
  if (only !== undefined && only !== "quail" && only !== "postfix")
    return `--only ${only}: there are quail and postfix`;
  if (typeof runs !== "string" || !/^[1-9][0-9]{0,2}$/.test(runs)) return `--runs ${runs}: not a number from 1 to 999`;
  return {
    quick: quick === true,
    only: only ?? null,
    cases: typeof values.case === "string" ? values.case : "",
    runs: Number(runs),
    json: values.json === true,
    syncs: values["no-syncs"] !== true,
    folder: typeof values.folder === "string" ? values.folder : null,
  };
}
