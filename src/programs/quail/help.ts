import { type Program, type ProgramCall, UsageError } from "#process";
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

/** The manual of a program, a verb or a file; `config` means the verb unless a program has that name. */
export async function showManual({ name: asked, stdout }: ProgramCall, name: string): Promise<number> {
  const { findManual } = await import("../manuals/index.ts");
  const { helpText } = await import("../manual.ts");
  const spellings = [name, `quail ${name}`, name.replace(/^quail-/, "quail ")];
  const found = await Promise.all(spellings.map(findManual));
  const manual = found.find((each) => each !== null) ?? null;
  if (manual === null) throw new UsageError(`${asked}: there is no manual of "${name}"; 'quail help' lists programs`);
  stdout.write(helpText(manual));
  return 0;
}

/** `quail help`: every verb with what it is for, and the names of the classic programs. `quail help NAME`: one manual. */
export const main: Program = async (call) => {
  const { stdout, args } = call;
  if (args.length > 0) return showManual(call, args.join(" "));
  const { programNames } = await import("../index.ts");
  const width = Math.max(...[...verbs.keys()].map((name) => name.length));
  const lines = [...verbs].map(([name, { summary }]) => `  quail ${name.padEnd(width)}  ${summary}\n`);
  stdout.write(`usage: quail VERB ...      ('quail VERB --help' tells more)\n${lines.join("")}\n`);
  stdout.write("usage: quail PROGRAM ...   (or a link to quail, named after the program)\n");
  stdout.write(wrap(programNames.filter((name) => name !== "quail")));
  stdout.write("\n'quail help NAME' shows the manual of a verb, a program, or one of these:\n");
  const { allManuals } = await import("../manuals/index.ts");
  const formats = (await allManuals()).filter(({ section }) => section === 5).map(({ name }) => name);
  stdout.write(wrap(formats.toSorted()));
  return 0;
};
