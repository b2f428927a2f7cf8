import type { ByteString } from "#bytes";
import type { LocalRoute, Outcome } from "#mail";
import { instructionsFor, refusalOf } from "./carry-out.ts";
import { checkHome } from "./check-home.ts";
import type { Instruction } from "./instructions.ts";

/** What qmail-local -n prints, and how it ends. */
export type Shown = {
  /** On stdout: a line for each instruction. */
  readonly lines: ByteString;
  /** On stderr, before them. */
  readonly warning: ByteString;
  /** A failure as the delivery would end, or done with the count line. */
  readonly outcome: Outcome;
};

function describe(instruction: Instruction): ByteString {
  switch (instruction.kind) {
    case "mbox":
      return `mbox ${instruction.path}\n`;
    case "maildir":
      return `maildir ${instruction.path}\n`;
    case "program":
      return `program ${instruction.command}\n`;
    case "forward":
      return `forward ${instruction.address}\n`;
    case "forward-only":
    case "blank-first":
      return "";
  }
}

/** The instructions that hold for an address, as `qmail-local -n` shows them; nothing is delivered (spec 2.7). */
export function showInstructions(route: LocalRoute, defaultDelivery: () => ByteString): Shown {
  const home = checkHome(route.home);
  const warning = home !== null && "sticky" in home ? "Warning: home directory is sticky.\n" : "";
  if (home !== null && "fate" in home) return { lines: "", warning, outcome: home };
  const found = instructionsFor(route, defaultDelivery);
  if ("fate" in found) return { lines: "", warning, outcome: found };
  const count = { mbox: 0, maildir: 0, forward: 0, program: 0, "forward-only": 0, "blank-first": 0 };
  let { forwardOnly } = found;
  let lines = "";
  for (const instruction of found.instructions) {
    const refusal = refusalOf(instruction, forwardOnly);
    if (refusal !== null) return { lines, warning, outcome: refusal };
    count[instruction.kind]++;
    forwardOnly ||= instruction.kind === "forward-only";
    lines += describe(instruction);
  }
  const text = `did ${count.mbox + count.maildir}+${count.forward}+${count.program}\n`;
  return { lines, warning, outcome: { fate: "done", text } };
}
