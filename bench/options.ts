import { parseArgs } from "node:util";
import { type ContenderName, contenderNames } from "./peers/server.ts";
import { defaultBudgetMinutes } from "./plan.ts";

/** What `npm run bench -- ...` was asked for. */
export type Options = {
  readonly quick: boolean;
  /** Servers that take part. */
  readonly only: readonly ContenderName[];
  /** Name of a case, or part of a cell's name; "" takes all. */
  readonly cases: string;
  /** Runs of each cell and server; null: as the budget allows. */
  readonly runs: number | null;
  readonly budgetMinutes: number;
  readonly json: boolean;
  readonly syncs: boolean;
  /** Folder on the disk under test; null: the system's temporary folder. */
  readonly folder: string | null;
};

/** The help text; `caseNames` are listed in it. */
export function usage(caseNames: readonly string[]): string {
  return `usage: npm run bench -- [--quick] [--budget MINUTES] [--only NAME,...] [--case NAME] [--runs N] [--no-syncs] [--folder DIR] [--json]

  --quick       few cells, short runs, under three minutes; RESULTS.md stays as it is
  --budget M    about M minutes in all (${defaultBudgetMinutes}): fewer or shorter runs, then fewer cells
  --only NAMES  these servers only: ${contenderNames.join(", ").toLowerCase()}
  --case NAME   one further case: ${caseNames.join(", ")};
                or only cells whose name contains NAME, such as maildir, sink-10k, 100x, 20x-many
  --runs N      runs of each cell of Quail and Postfix, or of a case
  --no-syncs    leave out the runs under strace
  --folder DIR  queues and mailboxes below DIR (default: the system's temporary folder)
  --json        one JSON object on stdout instead of the tables

A run of everything (no --quick, --only, --case) writes bench/RESULTS.md and bench/results.svg.`;
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function parse(args: readonly string[]): Values | string {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean" },
        budget: { type: "string" },
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
}

const text = (value: string | boolean | undefined): string | null => (typeof value === "string" ? value : null);

function wholeNumber(name: string, value: string | null): number | null | string {
  if (value === null) return null;
  return /^[1-9][0-9]{0,2}$/.test(value) ? Number(value) : `--${name} ${value}: a number from 1 to 999 is wanted`;
}

function readNames(value: string | null): readonly ContenderName[] | string {
  if (value === null) return contenderNames;
  const words = value.toLowerCase().split(",");
  const unknown = words.find((word) => !contenderNames.some((name) => name.toLowerCase() === word));
  if (unknown !== undefined) return `--only ${unknown}: there are ${contenderNames.join(", ").toLowerCase()}`;
  return contenderNames.filter((name) => words.includes(name.toLowerCase()));
}

/** Reads the arguments; a sentence if they make no sense, "help" if help is wanted. */
export function readOptions(args: readonly string[]): Options | string {
  const values = parse(args);
  if (typeof values === "string") return values;
  if (values.help === true) return "help";
  const runs = wholeNumber("runs", text(values.runs));
  const budget = wholeNumber("budget", text(values.budget));
  const only = readNames(text(values.only));
  for (const problem of [runs, budget, only]) if (typeof problem === "string") return problem;
  return {
    quick: values.quick === true,
    only: only as readonly ContenderName[],
    cases: text(values.case) ?? "",
    runs: runs as number | null,
    budgetMinutes: (budget as number | null) ?? defaultBudgetMinutes,
    json: values.json === true,
    syncs: values["no-syncs"] !== true,
    folder: text(values.folder),
  };
}
