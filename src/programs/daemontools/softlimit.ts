import { getopt, type NewLimit, type Program, type Resource, UsageError } from "#process";

const usage =
  "softlimit: usage: softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] [-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child";

type Row = { readonly resources: readonly Resource[]; readonly variable: string };

/** What each letter limits, and the variable that says it in place of the letter (daemontools-encore). */
const rows: ReadonlyMap<string, Row> = new Map<string, Row>([
  ["a", { resources: ["as"], variable: "SOFTLIMIT_ALLBYTES" }],
  ["c", { resources: ["core"], variable: "SOFTLIMIT_COREBYTES" }],
  ["d", { resources: ["data"], variable: "SOFTLIMIT_DATABYTES" }],
  ["f", { resources: ["fsize"], variable: "SOFTLIMIT_FILEBYTES" }],
  ["l", { resources: ["memlock"], variable: "SOFTLIMIT_LOCKEDBYTES" }],
  ["m", { resources: ["data", "stack", "memlock", "as"], variable: "SOFTLIMIT_MEMBYTES" }],
  ["o", { resources: ["nofile"], variable: "SOFTLIMIT_OPENFILES" }],
  ["p", { resources: ["nproc"], variable: "SOFTLIMIT_PROCS" }],
  ["r", { resources: ["rss"], variable: "SOFTLIMIT_RSSBYTES" }],
  ["s", { resources: ["stack"], variable: "SOFTLIMIT_STACKBYTES" }],
  ["t", { resources: ["cpu"], variable: "SOFTLIMIT_CPUSECS" }],
]);
const letters = [...rows.keys()].map((letter) => `${letter}:`).join("");

/** `=` is the hard limit, `-` no limit at all; else digits and nothing behind them. Null: none of these. */
export function readLimit(value: string): NewLimit | null {
  if (value === "=") return "hard";
  if (value === "-") return "unlimited";
  return /^[0-9]+$/.test(value) ? BigInt(value) : null;
}

/**
 * `softlimit [-acdflmoprst N ...] PROGRAM [ARG ...]`: runs the program with lower soft limits on its resources. Limits on memory
 * that Node could not live with are left out, with a warning, when the program is one of ours.
 */
export const main: Program = async ({ args, env, exec }) => {
  const parsed = getopt(args, letters);
  if ("problem" in parsed) throw new UsageError(`softlimit: ${parsed.problem}\n${usage}`);
  const fromEnvironment = [...rows].flatMap(([letter, { variable }]) => {
    const value = env[variable];
    return value === undefined || value === "" ? [] : [[letter, value] as const];
  });
  const limits = new Map<Resource, NewLimit>();
  for (const [letter, value] of [...fromEnvironment, ...parsed.options]) {
    const limit = readLimit(value);
    if (limit === null) throw new UsageError(usage);
    for (const resource of rows.get(letter)?.resources ?? []) limits.set(resource, limit);
  }
  const [program, ...rest] = parsed.rest;
  if (program === undefined) throw new UsageError(usage);
  return exec([program, ...rest], { lastOf: "softlimit", limits });
};
