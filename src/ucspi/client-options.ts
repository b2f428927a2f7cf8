import { utf8ToByteString } from "#bytes";
import type { Family } from "./host-addresses.ts";
import { dottedQuad, scanNumber } from "./scan-number.ts";
import type { Verbosity } from "./server-log.ts";
import { verbosityOf } from "./server-options.ts";

/** Letters of tcpclient: the original's, and `4 6` of the IPv6 forks. */
export const clientLetters = "hHrRdDqQv46i:p:T:l:t:";

/** What a client was told by its options. */
export type ClientOptions = {
  readonly verbosity: Verbosity;
  readonly from: string | undefined;
  readonly fromPort: number | undefined;
  readonly seconds: readonly [first: number, second: number];
  readonly localHost: string | undefined;
  readonly identTimeoutMs: number | null;
  readonly asksRemoteHost: boolean;
  readonly noDelay: boolean;
  readonly family: Family;
};

const secondsDefault = [2, 58] as const;
const identSecondsDefault = 26;

/** Reads them; `problem`: an address that is none. */
export function readClientOptions(
  options: readonly (readonly [letter: string, value: string])[],
): ClientOptions | { readonly problem: string } {
  const last = (letters: string): readonly [string, string] | undefined =>
    options.findLast(([letter]) => letters.includes(letter));
  const value = (letter: string): string | undefined => last(letter)?.[1];
  const from = value("i");
  const port = value("p");
  const address = from === undefined ? undefined : from.includes(":") ? from : dottedQuad(from);
  if (address === null) return { problem: `no IP address: ${utf8ToByteString(from ?? "")}` };
  const family = last("46")?.[0];
  return {
    verbosity: verbosityOf(options),
    from: address,
    fromPort: port === undefined ? undefined : scanNumber(port),
    seconds: secondsOf(value("T")),
    localHost: value("l"),
    identTimeoutMs: last("rR")?.[0] === "R" ? null : 1000 * scanNumber(value("t") ?? String(identSecondsDefault)),
    asksRemoteHost: last("hH")?.[0] !== "H",
    noDelay: last("dD")?.[0] === "D",
    family: family === "4" || family === "6" ? family : "any",
  };
}

/** `x+y`; `x` alone is a single pass. */
function secondsOf(word: string | undefined): readonly [number, number] {
  if (word === undefined) return secondsDefault;
  const [first = "", second = ""] = word.split("+");
  return [scanNumber(first), scanNumber(second)];
}
