import type { Program } from "#process";
import { addCr, type ByteFilter, copyThrough, delCr, fixCr } from "#ucspi";

const trouble = 111;

const filters: ReadonlyMap<string, () => ByteFilter> = new Map([
  ["addcr", addCr],
  ["delcr", delCr],
  ["fixcr", fixCr],
]);

/** `addcr`, `delcr`, `fixcr`: standard input to standard output, with other ends of lines. Exit 0; 111 if it could not be written. */
export const main: Program = async ({ name, stdin, stdout }) => {
  const filter = filters.get(name) ?? fixCr;
  return (await copyThrough(stdin, stdout, filter())) ? 0 : trouble;
};
