import { Readable } from "node:stream";
import { toBytes } from "#bytes";
import { type Program, type ProgramCall, UsageError } from "#process";
import { hasCrashed } from "./ask-child.ts";
import { fatal, variable } from "./repost.ts";

const usage = "preline: usage: preline cmd [ arg ... ]";

/** Which lines are put in front: small letters leave one out, capitals put it in again. */
type Lines = { readonly f: boolean; readonly r: boolean; readonly d: boolean };

function parseArguments(args: readonly string[]): { readonly lines: Lines; readonly words: readonly string[] } {
  const lines = { f: true, r: true, d: true };
  let at = 0;
  for (; at < args.length && /^-./.test(args[at]!) && args[at] !== "--"; at++) {
    for (const letter of args[at]!.slice(1)) {
      const line = letter.toLowerCase();
      if (line !== "f" && line !== "r" && line !== "d") throw new UsageError(usage);
      lines[line] = letter !== line;
    }
  }
  return { lines, words: args.slice(args[at] === "--" ? at + 1 : at) };
}

async function* preceded(top: string, stdin: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield toBytes(top);
  yield* stdin;
}

/**
 * `preline [-frdFRD] cmd [arg ...]`: runs a command on the message with the From_, Return-Path and Delivered-To lines in front
 * (UFLINE, RPLINE, DTLINE), and ends as it ends (spec 2.15).
 */
export const main: Program = async (call: ProgramCall) => {
  const [from, returnPath, deliveredTo] = ["UFLINE", "RPLINE", "DTLINE"].map((name) => variable(call, name));
  if (from === undefined || returnPath === undefined || deliveredTo === undefined) throw new UsageError(usage);
  const { lines, words } = parseArguments(call.args);
  const [program, ...args] = words;
  if (program === undefined) throw new UsageError(usage);
  const top = [lines.f && from, lines.r && returnPath, lines.d && deliveredTo]
    .filter((line) => line !== false)
    .join("");
  const stdin = Readable.from(top === "" ? call.stdin : preceded(top, call.stdin), { objectMode: false });
  const code = await call.exec([program, ...args], { stdin });
  return hasCrashed(code) ? fatal(call, "preline", "child crashed", 111) : code;
};
