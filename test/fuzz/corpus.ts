/** Kept inputs: one JSON value a line in `test/corpus/fuzz/NAME.txt`; lines that begin with `#` say where one came from. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "corpus", "fuzz");

const fileOf = (name: string): string => join(folder, `${name}.txt`);

/** The inputs kept for a target, oldest first. */
export function keptInputs(name: string): readonly unknown[] {
  let text: string;
  try {
    text = readFileSync(fileOf(name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => JSON.parse(line) as unknown);
}

/** Keeps an input; its number among the target's, from 1, for `--replay`. */
export function keepInput(name: string, input: unknown, why: string): number {
  appendFileSync(fileOf(name), `# ${why.replace(/\s+/g, " ").slice(0, 200)}\n${JSON.stringify(input)}\n`);
  return keptInputs(name).length;
}
