import type { Program } from "#process";
import { askChild } from "./ask-child.ts";
import { fatal } from "./repost.ts";

/** `except program [arg ...]`: yes for the program's no, and no (100) for its yes; no telling stays that (spec 2.15). */
export const main: Program = async (call) => {
  const [program, ...args] = call.args;
  if (program === undefined) {
    call.stderr.write("except: usage: except program [ arg ... ]\n");
    return 100;
  }
  const answer = await askChild(call, [program, ...args]);
  if (answer.kind === "unknown") return fatal(call, "except", answer.why, 111);
  return answer.kind === "yes" ? 100 : 0;
};
