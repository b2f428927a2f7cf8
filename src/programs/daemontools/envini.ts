import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { errorText } from "#files";
import { getopt, type Program, UsageError } from "#process";

/**
 * `envini [-p PREFIX] FILE PROGRAM [ARG ...]` (daemontools-encore): sets a variable for each line `NAME = VALUE` of the file; behind a
 * line `[SECTION]` names begin with `SECTION_`. `-p` puts a prefix in front of all.
 */
export const main: Program = async ({ args, env, cwd, exec }) => {
  const parsed = getopt(args, "p:");
  const [file, program, ...rest] = "problem" in parsed ? [] : parsed.rest;
  if (file === undefined || program === undefined || "problem" in parsed) {
    throw new UsageError("envini: usage: envini [ -p prefix ] file child", 111);
  }
  const prefix = parsed.options.at(-1)?.[1] ?? "";
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), "utf8");
  } catch (error) {
    throw new UsageError(`envini: fatal: unable to read ${file}: ${errorText(error)}`, 111);
  }
  const variables = Object.fromEntries([...readIni(text)].map(([name, value]) => [prefix + name, value]));
  return exec([program, ...rest], { lastOf: "envini", env: { ...env, ...variables } });
};

/** The variables of such a file; lines that are neither section nor setting do not count, nor does a NUL and what follows it. */
export function readIni(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  let section = "";
  for (const line of text.split("\n")) {
    const words = line.replace(/\0.*$/, "").trim();
    const heading = /^\[([^\]]*)\]$/.exec(words);
    if (heading !== null) section = heading[1] === "" ? "" : `${heading[1]!.trim()}_`;
    const [, name, value] = /^([^=[#;][^=]*?)\s*=\s*(.*)$/.exec(words) ?? [];
    if (heading === null && name !== undefined && value !== undefined) variables.set(section + name, value);
  }
  return variables;
}
