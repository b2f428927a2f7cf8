import type { Program } from "#process";
import { verbs } from "./verbs.ts";

const lineWidth = 78;

/** Names in lines no wider than a terminal's. */
function wrap(names: readonly string[]): string {
  const lines = [""];
  for (const name of names) {
    if (lines.at(-1)!.length + name.length > lineWidth) lines.push("");
    lines.push(`${lines.pop()} ${name}`);
  }
  return lines.map((line) => ` ${line}\n`).join("");
}

/** `quail help`: every verb with what it is for, and the names of the classic programs. */
export const main: Program = async ({ stdout }) => {
  const { programNames } = await import("../index.ts");
  const width = Math.max(...[...verbs.keys()].map((name) => name.length));
  const lines = [...verbs].map(([name, { summary }]) => `  quail ${name.padEnd(width)}  ${summary}\n`);
  stdout.write(`usage: quail VERB ...      ('quail VERB --help' tells more)\n${lines.join("")}\n`);
  stdout.write("usage: quail PROGRAM ...   (or a link to quail, named after the program)\n");
  stdout.write(wrap(programNames.filter((name) => name !== "quail")));
  return 0;
};
