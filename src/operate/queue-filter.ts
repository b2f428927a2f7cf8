import { type ByteString, fitsGlob, lowerAscii } from "#bytes";
import { domainOf } from "#mail";
import type { QueuedMessage, QueuedRecipient } from "#queue";

/** Which messages are meant. All that is given must hold; nothing given means every message. */
export type QueueFilter = {
  readonly ids?: ReadonlySet<number>;
  /** An address, `@domain`, or a pattern with `*`; "" or `<>` is the null sender. ASCII case does not matter. */
  readonly sender?: ByteString;
  /** The same, for any recipient that is not finished. */
  readonly recipient?: ByteString;
  /** Some unfinished recipient is at this domain. */
  readonly domain?: ByteString;
  /** Some unfinished recipient is on this channel. */
  readonly channel?: QueuedRecipient["channel"];
  readonly olderMs?: number;
  readonly largerBytes?: number;
  readonly held?: boolean;
};

/** Does an address fit `user@domain`, `@domain` or a pattern with `*`? */
export function fitsAddress(address: ByteString, wanted: ByteString): boolean {
  const pattern = lowerAscii(wanted === "<>" ? "" : wanted);
  const lower = lowerAscii(address);
  if (pattern.includes("*")) return fitsGlob(lower, pattern.split("*"));
  return pattern.startsWith("@") && pattern !== "@" ? `@${domainOf(lower)}` === pattern : lower === pattern;
}

const isUnfinished = ({ state }: QueuedRecipient): boolean => state === "pending" || state === "held";

/** Is this message meant? */
export function isMeant(message: QueuedMessage, filter: QueueFilter, now: Date): boolean {
  const { ids, sender, recipient, domain, channel, olderMs, largerBytes, held } = filter;
  if (ids !== undefined && !ids.has(message.id)) return false;
  if (sender !== undefined && !fitsAddress(message.sender, sender)) return false;
  if (olderMs !== undefined && now.getTime() - message.bornAt.getTime() < olderMs) return false;
  if (largerBytes !== undefined && message.sizeBytes < largerBytes) return false;
  if (held !== undefined && message.held !== held) return false;
  if (recipient === undefined && domain === undefined && channel === undefined) return true;
  return message.recipients.some(
    (each) =>
      isUnfinished(each) &&
      (recipient === undefined || fitsAddress(each.address, recipient)) &&
      (domain === undefined || lowerAscii(domainOf(each.address)) === lowerAscii(domain)) &&
      (channel === undefined || each.channel === channel),
  );
}

const units: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
]);

/** `90s`, `5m`, `2h`, `3d`, `1w`, or seconds without a letter, as milliseconds; null for anything else. */
export function parseSpan(text: string): number | null {
  const match = /^([0-9]{1,9})([smhdw]?)$/.exec(text);
  return match === null ? null : Number(match[1]) * (units.get(match[2] || "s") ?? 0);
}

/** `500`, `10k`, `2M` as bytes; null for anything else. */
export function parseSize(text: string): number | null {
  const match = /^([0-9]{1,12})([kmg]?)$/i.exec(text);
  const power = " kmg".indexOf(match?.[2]?.toLowerCase() || " ");
  return match === null ? null : Number(match[1]) * 1024 ** power;
}
