import type { Address, ReversePath } from "#mail";
import type { Reply } from "../grammar/reply.ts";
import type { Conversation, SessionEnd } from "./conversation.ts";
import type { DataDecoder } from "./data-decoder.ts";
import type { MessageIntake } from "./message-intake.ts";

/** A reply, and its reason in the log. */
export type Denial = { readonly reply: Reply; readonly reason: string };

/** What MAIL and RCPT have said. `recipients` grows in place: a thousand copies of a thousand addresses would be a gift to a bad client. */
export type Transaction = {
  readonly sender: ReversePath;
  /** The sender as the client wrote it, where control/sendernames shows another. */
  readonly writtenAs?: ReversePath;
  /** What every RCPT will hear if sender or HELO name is denied (spec Q-024); null: they are not. */
  readonly denied: Denial | null;
  readonly recipients: Address[];
};

/** How far the session has got (RFC 5321 §4.1.4). qmail takes MAIL without HELO, so there is no phase before it. */
export type Phase =
  | { readonly at: "idle" }
  | { readonly at: "mail"; readonly transaction: Transaction }
  /** BDAT chunks have been taken, LAST is still to come (RFC 3030 §2). */
  | {
      readonly at: "chunks";
      readonly transaction: Transaction;
      readonly intake: MessageIntake;
      readonly decoder: DataDecoder;
    };

/** A refusal for the log: its reason in one word, whether it counts as a wrong command, and what it was about. */
export type Refusal = {
  readonly reason: string;
  readonly kind: "command" | "sender" | "recipient" | "message";
  readonly from?: string;
  readonly to?: string;
  readonly bytes?: number;
};

/** What a command led to. `end` closes the session after the reply. */
export type Turn = {
  readonly phase: Phase;
  readonly reply: Reply | null;
  readonly refusal?: Refusal;
  readonly end?: SessionEnd;
};

/** The work of one verb in the phases it is legal in. */
export type Run<P extends Phase> = (talk: Conversation, phase: P, argument: string) => Turn | Promise<Turn>;

export const idle: Phase = { at: "idle" };

/** One row of the table: the phases that accept the verb, the reply in any other, the work. */
export function row<At extends Phase["at"]>(
  phases: readonly At[],
  otherwise: Reply | ((phase: Phase) => Reply),
  run: Run<Extract<Phase, { at: At }>>,
): Run<Phase> {
  const fits = (phase: Phase): phase is Extract<Phase, { at: At }> => phases.some((at) => at === phase.at);
  return (talk, phase, argument) => {
    if (fits(phase)) return run(talk, phase, argument);
    const reply = typeof otherwise === "function" ? otherwise(phase) : otherwise;
    return { phase, reply, refusal: { reason: "sequence", kind: "command" } };
  };
}
