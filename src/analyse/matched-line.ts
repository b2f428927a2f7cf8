import type { ByteString } from "#bytes";
import type { OpenDelivery, OpenMessage, Result } from "./matcher.ts";

type Message = OpenMessage<ByteString>;
type Delivery = OpenDelivery<ByteString>;

/** `d R birth dstart ddone bytes <sender> chan.recip qp uid reason`; without its message birth is dstart and four things are unknown. */
export function deliveryLine(
  { channel, recipient, start }: Delivery,
  message: Message | null,
  result: Result,
  end: ByteString,
  reason: ByteString,
): ByteString {
  // The original leaves both the letter and the blank out for a word it does not know.
  const head = result === "?" ? "?" : `d ${result} `;
  const { birth, bytes, sender, qp, uid } = message ?? { birth: start, bytes: 0, sender: "?", qp: "?", uid: "?" };
  return `${head}${birth} ${start} ${end} ${bytes} ${sender} ${channel}.${recipient} ${qp} ${uid} ${reason}\n`;
}

/** `m birth done bytes nk nd nz <sender> qp uid`: failures before deferrals, unlike in `extra`. */
export function messageLine(message: Message, end: ByteString): ByteString {
  const { birth, bytes, successes, failures, deferrals, sender, qp, uid } = message;
  return `m ${birth} ${end} ${bytes} ${successes} ${failures} ${deferrals} ${sender} ${qp} ${uid}\n`;
}

/** What is known of an unfinished message, as lines that the next run reads first. */
export function pendingMessage({ id, birth, bytes, sender, qp, uid, ...message }: Message): ByteString {
  const { successes, deferrals, failures } = message;
  return (
    `${birth} info msg ${id}: bytes ${bytes} from ${sender} qp ${qp} uid ${uid}\n` +
    `${birth} extra ${id} ${successes} ${deferrals} ${failures}\n`
  );
}

/** The same for an attempt under way. */
export function pendingDelivery({ id, message, channel, recipient, start }: Delivery): ByteString {
  return `${start} starting delivery ${id}: msg ${message} to ${channel} ${recipient}\n`;
}
