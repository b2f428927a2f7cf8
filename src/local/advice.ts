import type { ByteString } from "#bytes";
import { type Instruction, parseInstructions } from "./instructions.ts";

/** Something in a .qmail file that does what it says, but hardly what was meant. `line` counts from 1; 0 is the whole file. */
export type Advice = { readonly line: number; readonly text: string };

const isDelivery = ({ kind }: Instruction): boolean => kind !== "forward-only" && kind !== "blank-first";

/** Looks a .qmail file's text over for the known traps (G24, G25); the delivery itself never asks. */
export function adviceOn(text: ByteString): readonly Advice[] {
  if (text === "") return [];
  const instructions = parseInstructions(text);
  if (instructions[0]?.kind === "blank-first") {
    return [{ line: 1, text: "the first line is blank: all mail waits until it is not" }];
  }
  const advice: Advice[] = text.split("\n").flatMap((line, number) => {
    if (!/^[ \t]+[^ \t]/.test(line)) return [];
    return [{ line: number + 1, text: "a line that begins with a blank is taken for an address to forward to" }];
  });
  if (instructions.some(isDelivery)) return advice;
  return [...advice, { line: 0, text: "no line delivers anything: all mail is accepted and thrown away" }];
}
