import { realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadProgram, ProgramIndex } from "./program.ts";

/** A command that is one of ours: how to load it, and the words without what only led to it. */
export type OwnProgram = {
  readonly load: LoadProgram;
  readonly name: string;
  readonly args: readonly string[];
};

/** The multi-call executable that links of classic names point to. */
export const multiCallPath: string = join(fileURLToPath(new URL("../..", import.meta.url)), "bin", "quail");

function isMultiCall(path: string): boolean {
  try {
    return realpathSync(path) === realpathSync(multiCallPath);
  } catch {
    return false; // No such file: then it is not ours, and whoever spawns it says what is wrong.
  }
}

/**
 * Is this command one of our programs? A bare name is looked up in the index; a path counts when it leads to `bin/quail`
 * (so an installed original keeps being the original). `quail NAME ...` is NAME. Null if it is not ours.
 */
export function findOwn(index: ProgramIndex, words: readonly [string, ...string[]]): OwnProgram | null {
  const [word, ...args] = words;
  if (word.includes("/") && !isMultiCall(word)) return null;
  const name = basename(word);
  const load = index(name);
  return load === undefined ? null : { load, name, args };
}
