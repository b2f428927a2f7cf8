import type { Socket } from "node:net";
import { done, type Outcome } from "#mail";
import { type QmtpReply, type QmtpResult, sendQmtpPackage } from "#qmtp/client";
import type { OutgoingMail } from "#smtp/client";
import type { Report } from "./report.ts";
import { say, sayOf } from "./texts.ts";

/** Sends a message whose size is known over a fresh QMTP connection, and closes that. `address`: for the report. */
export async function sendByQmtp(
  socket: Socket,
  { sender, recipients, body }: OutgoingMail,
  address: string,
  timeoutMs: number,
): Promise<Report> {
  const sizeBytes = body.sizeBytes ?? 0;
  const result = await sendQmtpPackage(
    socket,
    { sender, recipients, sizeBytes, pieces: () => body.pieces() },
    timeoutMs,
  );
  return reportOf(result, recipients.length, address);
}

/** What a reply's text looks like behind `Remote host said:`. */
const asReply = ({ text }: QmtpReply) => ({ code: 0, text: `${text.replaceAll("\r", "")}\n`, isGarbage: false });

/** QMTP's replies in qmail-remote's words. A K is final for its recipient, whatever becomes of the connection then. */
function reportOf(result: QmtpResult, count: number, address: string): Report {
  const at = sayOf(address);
  if (result.kind === "unreadable") return { recipients: [], message: say.unableToRead };
  const { replies } = result;
  const accepted = replies.find(({ fate }) => fate === "done");
  const died = result.kind === "died" ? (result.sentAll ? at.diedAfterDot : at.died) : null;
  if (replies.length === 0 && died !== null) return { recipients: [], message: died };
  const message = accepted === undefined ? (died ?? at.givingUp) : at.accepted(asReply(accepted));
  const recipients = replies.map((reply): Outcome => {
    if (reply.fate === "done") return done();
    return { fate: reply.fate, text: at.recipientRejected(asReply(reply)).text };
  });
  // Without a reply a recipient waits; the message's own text tells why, unless that is good news.
  const silent: Outcome = { fate: "temporary", text: accepted === undefined ? "" : (died?.text ?? "") };
  return { recipients: [...recipients, ...Array<Outcome>(count - recipients.length).fill(silent)], message };
}
