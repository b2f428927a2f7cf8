/** What bin/quail.mjs runs: this process becomes the program of that name. */
import { runProgram } from "#process";
import { findProgram } from "./index.ts";

export async function run(name: string, args: readonly string[]): Promise<never> {
  return runProgram(findProgram, name, args);
}
