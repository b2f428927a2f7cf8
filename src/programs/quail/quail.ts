import { type Program, UsageError } from "#process";
import { asksForHelp, helpText } from "../manual.ts";
import { verbs } from "./verbs.ts";

/** A verb's manual; null if the verb itself says how it is used. */
const manualOf = async (name: string) => (await import("../manuals/index.ts")).findManual(`quail ${name}`);

/** `quail VERB ...` runs a verb, `quail PROGRAM ...` one of the classic programs; alone it helps. */
export const main: Program = async (call) => {
  const [word = "help", ...args] = call.args;
  const name = word === "--help" || word === "-h" ? "help" : word;
  const verb = verbs.get(name);
  if (verb !== undefined) {
    const manual = asksForHelp(args) ? await manualOf(name) : null;
    if (manual !== null) {
      call.stdout.write(helpText(manual));
      return 0;
    }
    const { main: run } = await verb.load();
    return run(Object.create(call, { name: { value: `quail ${name}` }, args: { value: args } }));
  }
  const { findProgram } = await import("../index.ts");
  if (findProgram(name) === undefined) {
    throw new UsageError(`quail: there is no verb or program "${word}"; 'quail help' lists them`);
  }
  return call.exec([name, ...args]);
};
