import { type Program, UsageError } from "#process";
import { showManual } from "./help.ts";

const sectionNumber = /^[1-9]$/;

/** `quail man NAME`: what `quail help NAME` shows, for fingers that type `man`. A section before the name is taken; no name is in two. */
export const main: Program = async (call) => {
  const words = call.args.length > 1 && sectionNumber.test(call.args[0]!) ? call.args.slice(1) : call.args;
  if (words.length === 0) throw new UsageError("usage: quail man [ SECTION ] NAME");
  return showManual(call, words.join(" "));
};
