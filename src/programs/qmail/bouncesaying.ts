import type { Program } from "#process";
import { askChild } from "./ask-child.ts";
import { fatal } from "./repost.ts";

/** `bouncesaying error [program [arg ...]]`: bounces the message with this text, if the program says yes to it (spec 2.15). */
export const main: Program = async (call) => {
  const [text, program, ...args] = call.args;
  if (text === undefined) {
    call.stderr.write("bouncesaying: usage: bouncesaying error [ program [ arg ... ] ]\n");
    return 100;
  }
  if (program !== undefined) {
    const answer = await askChild(call, [program, ...args]);
    if (answer.kind === "unknown") return fatal(call, "bouncesaying", answer.why, 111);
    if (answer.kind === "no") return 0;
  }
  call.stderr.write(`${text}\n`);
  return 100;
};
