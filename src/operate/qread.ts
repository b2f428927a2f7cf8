import { visible } from "#log";
import { mailDate } from "#message";
import type { QueuedMessage, QueuedRecipient } from "#queue";

/** Finished recipients say so; a failed one is finished too: its bounce is owed. */
function recipientLine({ state, channel, address }: QueuedRecipient): string {
  const mark = state === "done" || state === "failed" ? "  done" : "";
  return `${mark}\t${channel}\t${visible(address)}\n`;
}

/**
 * One message as qmail-qread lists it (spec 2.16): `26 Sep 1995 04:46:53 GMT  #457  1234  <sender> ` and ` bouncing` if a bounce
 * is owed, then a line for each recipient, the local ones first.
 */
export function qreadEntry(message: QueuedMessage): string {
  const date = mailDate(message.bornAt).replace(/-0000$/, "GMT");
  const bouncing = message.bouncing ? " bouncing" : "";
  const first = `${date}  #${message.id}  ${message.sizeBytes}  <${visible(message.sender)}> ${bouncing}\n`;
  const on = (channel: QueuedRecipient["channel"]): string =>
    message.recipients
      .filter((recipient) => recipient.channel === channel)
      .map(recipientLine)
      .join("");
  return first + on("local") + on("remote");
}
