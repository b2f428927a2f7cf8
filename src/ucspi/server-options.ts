import { readFileSync } from "node:fs";
import { errorText } from "#files";
import { type Networks, parseNetworks } from "#net";
import type { Family } from "./host-addresses.ts";
import { scanNumber } from "./scan-number.ts";
import type { Verbosity } from "./server-log.ts";

/** Letters of tcpserver: the original's; `4 6 I` of the IPv6 forks, `C` of another fork; ours are `W Y`. */
export const serverLetters = "1UXpPhHrRoOdDqQv46c:x:B:g:u:b:l:t:C:I:W:Y:";

/** What a server was told by its options. */
export type ServerOptions = {
  readonly verbosity: Verbosity;
  readonly limit: () => number;
  /** Reads the limit again if it stands in a file; why that failed, or null. */
  readonly reloadLimit: () => string | null;
  readonly limitPerHost: number;
  readonly rulesPath: string | null;
  readonly rulesMayBeMissing: boolean;
  readonly banner: string;
  readonly gid: number | null;
  readonly uid: number | null;
  readonly backlog: number;
  readonly localHost: string | undefined;
  readonly identTimeoutMs: number | null;
  readonly asksRemoteHost: boolean;
  readonly isParanoid: boolean;
  readonly noDelay: boolean;
  readonly printsPort: boolean;
  readonly family: Family;
  readonly scope: string | undefined;
  readonly proxies: Networks | null;
  readonly drainMs: number;
};

type Options = readonly (readonly [letter: string, value: string])[];

const limitDefault = 40;
const backlogDefault = 20;
const identSecondsDefault = 26;
/** How long connections in this process may go on after SIGTERM, in seconds. */
const drainSecondsDefault = 60;

/** The last of these letters decides; undefined if none was given. */
function last(options: Options, letters: string): readonly [letter: string, value: string] | undefined {
  return options.findLast(([letter]) => letters.includes(letter));
}

/** How much is said, which also counts for the usage line. */
export function verbosityOf(options: Options): Verbosity {
  const letter = last(options, "qQv")?.[0];
  return letter === "q" ? "nothing" : letter === "v" ? "all" : "errors";
}

/** Reads what a server is told by options and environment; or what is wrong with it (exit 111). */
export function readServerOptions(
  options: Options,
  env: NodeJS.ProcessEnv,
): ServerOptions | { readonly problem: string } {
  const is = (letters: string, letter: string): boolean => last(options, letters)?.[0] === letter;
  const value = (letter: string): string | undefined => last(options, letter)?.[1];
  const number = (letter: string, otherwise: number): number => {
    const word = value(letter);
    return word === undefined ? otherwise : scanNumber(word);
  };
  const limit = limitOf(value("c"));
  if ("problem" in limit) return limit;
  const proxies = networksOf(value("Y"));
  if (proxies !== null && "problem" in proxies) return proxies;
  const ids = identity(options, env);
  return {
    ...limit,
    ...ids,
    verbosity: verbosityOf(options),
    limitPerHost: value("C") === undefined ? perHostOf(env.MAXPERIP) : number("C", 0),
    rulesPath: value("x") ?? null,
    rulesMayBeMissing: value("X") !== undefined,
    banner: value("B") ?? "",
    backlog: number("b", backlogDefault),
    localHost: value("l"),
    identTimeoutMs: is("rR", "R") ? null : 1000 * number("t", identSecondsDefault),
    asksRemoteHost: !is("hH", "H"),
    isParanoid: is("pP", "p"),
    noDelay: is("dD", "D"),
    printsPort: value("1") !== undefined,
    family: is("46", "4") ? "4" : is("46", "6") ? "6" : "any",
    scope: value("I") || undefined, // Of sslserver it is a letter without value.
    proxies,
    drainMs: 1000 * number("W", drainSecondsDefault),
  };
}

function perHostOf(variable: string | undefined): number {
  return variable === undefined ? Number.POSITIVE_INFINITY : scanNumber(variable);
}

/** `-U`, `-g` and `-u` as they are read: the later word wins. */
function identity(
  options: Options,
  env: NodeJS.ProcessEnv,
): { readonly uid: number | null; readonly gid: number | null } {
  let [uid, gid]: (number | null)[] = [null, null];
  for (const [letter, value] of options) {
    if (letter === "u") uid = scanNumber(value);
    if (letter === "g") gid = scanNumber(value);
    if (letter !== "U") continue;
    if (env.UID !== undefined) uid = scanNumber(env.UID);
    if (env.GID !== undefined) gid = scanNumber(env.GID);
  }
  return { uid: uid ?? null, gid: gid ?? null };
}

/** A number, or (a word with a slash) a file that holds one. */
function limitOf(
  word: string | undefined,
): Pick<ServerOptions, "limit" | "reloadLimit"> | { readonly problem: string } {
  if (word === undefined || !word.includes("/")) {
    const limit = word === undefined ? limitDefault : scanNumber(word);
    return { limit: () => limit, reloadLimit: () => null };
  }
  let limit = 0;
  const reloadLimit = (): string | null => {
    try {
      limit = scanNumber(readFileSync(word, "latin1").trim());
      return null;
    } catch (error) {
      return `unable to read ${word}: ${errorText(error)}`;
    }
  };
  const problem = reloadLimit();
  return problem === null ? { limit: () => limit, reloadLimit } : { problem };
}

function networksOf(word: string | undefined): Networks | null | { readonly problem: string } {
  if (word === undefined) return null;
  const entries = word.split(/[\s,]+/).filter((entry) => entry !== "");
  const networks = parseNetworks(entries);
  return "badEntry" in networks ? { problem: `no network: ${entries[networks.badEntry]}` } : networks;
}
