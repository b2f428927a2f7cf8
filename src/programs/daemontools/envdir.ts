import { opendirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { errorText } from "#files";
import { getopt, type Program, UsageError } from "#process";

const usage = "envdir: usage: envdir dir child";
/** envdir's own code for wrong usage; every other loader has 100. */
const usageCode = 111;

/**
 * `envdir [-p PREFIX] DIR PROGRAM [ARG ...]`: sets a variable for each file of the folder to its first line; an empty file unsets
 * it. `-p` (daemontools-encore) puts a prefix in front of the names.
 */
export const main: Program = async ({ args, env, cwd, exec }) => {
  const parsed = getopt(args, "p:");
  const [folder, program, ...rest] = "problem" in parsed ? [] : parsed.rest;
  if (folder === undefined || program === undefined || "problem" in parsed) throw new UsageError(usage, usageCode);
  const prefix = parsed.options.at(-1)?.[1] ?? "";
  const changes = readEnvdir(resolve(cwd, folder), folder);
  const prefixed = Object.fromEntries(changes.map(([name, value]) => [prefix + name, value]));
  return exec([program, ...rest], { lastOf: "envdir", env: { ...env, ...prefixed } });
};

/** A file's bytes as a variable's value: its first line without blanks at its end, NUL as LF; undefined (unset) for none at all. */
export function lineValue(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const end = bytes.indexOf(0x0a);
  const line = bytes.subarray(0, end < 0 ? bytes.length : end).toString("utf8");
  return line.replace(/[ \t]+$/, "").replaceAll("\0", "\n");
}

function fatal(text: string): never {
  throw new UsageError(`envdir: fatal: ${text}`, 111);
}

/** The variables of a folder, in the order of their names; `shown` is how complaints name it. */
export function readEnvdir(
  folder: string,
  shown: string,
): readonly (readonly [name: string, value: string | undefined])[] {
  const names = namesIn(folder, shown);
  return names.map((name) => {
    if (name.includes("=")) fatal(`unable to use ${shown}/${name}: a name with = is no variable`);
    try {
      return [name, lineValue(readFileSync(join(folder, name)))];
    } catch (error) {
      return fatal(`unable to read ${shown}/${name}: ${errorText(error)}`);
    }
  });
}

function namesIn(folder: string, shown: string): readonly string[] {
  const names: string[] = [];
  try {
    using entries = opendirSync(folder);
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (!entry.name.startsWith(".")) names.push(entry.name);
    }
  } catch (error) {
    fatal(`unable to switch to directory ${shown}: ${errorText(error)}`);
  }
  return names.sort();
}
