import { type Program, UsageError } from "#process";
import { verbs } from "./verbs.ts";

/** `quail VERB ...` runs a verb, `quail PROGRAM ...` one of the classic programs; alone it helps. */
export const main: Program = async (call) => {
  const [word = "help", ...args] = call.args;
  const name = word === "--help" || word === "-h" ? "help" : word;
  const verb = verbs.get(name);
  if (verb !== undefined) {
    const { main: run } = await verb.load();
    return run(Object.create(call, { name: { value: `quail ${name}` }, args: { value: args } }));
  }
  const { findProgram } = await import("../index.ts");
  if (findProgram(name) === undefined) {
    throw new UsageError(`quail: there is no verb or program "${word}"; 'quail help' lists them`);
  }
  return call.exec([name, ...args]);
};
