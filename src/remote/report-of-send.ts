import { done, type Outcome } from "#mail";
import type { SendResult, ServerReply } from "#smtp/client";
import type { Report } from "./report.ts";
import { say, sayOf } from "./texts.ts";

/** The report on what happened between MAIL and the last reply, as qmail-remote words it. */
export function reportOfSend(result: SendResult, address: string): Report {
  const at = sayOf(address);
  const recipients = result.recipients.map((reply) => (reply.code < 400 ? done() : at.recipientRejected(reply)));
  const report = (message: Outcome): Report => ({ recipients, message, tooMany: tooManyOf(result.recipients) });
  switch (result.kind) {
    case "accepted":
      return report(at.accepted(result.reply));
    case "no-recipients":
      return report(at.givingUp);
    case "needs-smtputf8":
      return report(at.needsSmtputf8);
    case "unreadable":
      return report(say.unableToRead);
    case "died":
      return report(result.afterDot ? at.diedAfterDot : at.died);
    case "refused":
      return report(refusal[result.at](result.reply, at));
  }
}

/** 452, and 552, which must be taken for it (RFC 5321 §4.5.3.1.10), once another recipient was accepted. */
const tooManyCodes: ReadonlySet<number> = new Set([452, 552]);

function tooManyOf(replies: readonly ServerReply[]): readonly number[] {
  const firstAccepted = replies.findIndex(({ code }) => code < 400);
  return replies.flatMap(({ code }, index) =>
    firstAccepted >= 0 && index > firstAccepted && tooManyCodes.has(code) ? [index] : [],
  );
}

type At = ReturnType<typeof sayOf>;
type Refused = Extract<SendResult, { kind: "refused" }>;

const refusal: Readonly<Record<Refused["at"], (reply: Refused["reply"], at: At) => Outcome>> = {
  mail: (reply, at) => at.senderRejected(reply),
  data: (reply, at) => at.dataFailed(reply),
  message: (reply, at) => at.messageFailed(reply),
};
