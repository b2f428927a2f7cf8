import { done, type Outcome } from "#mail";
import type { SendResult } from "#smtp/client";
import type { Report } from "./report.ts";
import { say, sayOf } from "./texts.ts";

/** The report on what happened between MAIL and the last reply, as qmail-remote words it. */
export function reportOfSend(result: SendResult, address: string): Report {
  const at = sayOf(address);
  const recipients = result.recipients.map((reply) => (reply.code < 400 ? done() : at.recipientRejected(reply)));
  const report = (message: Outcome): Report => ({ recipients, message });
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

type At = ReturnType<typeof sayOf>;
type Refused = Extract<SendResult, { kind: "refused" }>;

const refusal: Readonly<Record<Refused["at"], (reply: Refused["reply"], at: At) => Outcome>> = {
  mail: (reply, at) => at.senderRejected(reply),
  data: (reply, at) => at.dataFailed(reply),
  message: (reply, at) => at.messageFailed(reply),
};
