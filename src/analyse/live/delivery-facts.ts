import { type ByteString, displayText } from "#bytes";
import type { OpenDelivery, OpenMessage, Result } from "../matcher.ts";
import { reasonClass, remoteFacts } from "../reason-class.ts";

const results: Readonly<Record<Result, string>> = { k: "success", z: "deferral", d: "failure", "?": "unknown" };
/** A difference of stamps is worth a microsecond. */
const micro = 1e6;
const span = (seconds: number): number => Math.round(seconds * micro) / micro;

/** One delivery attempt as plain data: times in seconds since 1970, spans in seconds; what is not known is null. */
export function deliveryFacts(
  { id, message: number, channel, recipient, start }: OpenDelivery<number>,
  message: OpenMessage<number> | null,
  result: Result,
  end: number,
  reason: ByteString,
) {
  return {
    delivery: id,
    message: number,
    result: results[result],
    /** Why not, roughly; null for a success. */
    class: result === "z" || result === "d" ? reasonClass(reason) : null,
    channel: displayText(channel),
    recipient: displayText(recipient),
    sender: message === null ? null : displayText(message.sender.replace(/^<|>$/g, "")),
    bytes: message === null ? null : Number(message.bytes),
    qp: message?.qp ?? null,
    uid: message?.uid ?? null,
    birth: message?.birth ?? null,
    start,
    end,
    delay: message === null ? null : span(end - message.birth),
    xdelay: span(end - start),
    remote: channel === "remote" ? remoteFacts(reason) : null,
    reason: displayText(reason).replaceAll("_", " "),
  };
}
