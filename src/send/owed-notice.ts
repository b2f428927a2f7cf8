import { composeDelayNotice, delayRecipient, isAutomatic } from "#bounce";
import { type Address, type Origin, receivedByQueue } from "#mail";
import { mailDate, scanHeader, splitHeader } from "#message";
import { cryptoLater } from "#process/memory";
import type { Failure, MessageRecord } from "#queue";
import type { BounceSettings, OwedBounce } from "./owed-bounce.ts";

/** Header bytes looked at: where the original's body begins, and whether a program wrote it. */
const headerBytes = 128 * 1024;

/** Composes the delay notice about a message; null when there is nobody to tell (a bounce, a list, a program's mail). */
export function owedNotice(
  record: MessageRecord,
  deferred: readonly Failure[],
  settings: BounceSettings,
  from: {
    readonly id: number;
    readonly origin: Origin;
    readonly now: Date;
    readonly read: (offset: number, length: number) => Buffer;
    readonly shown: (recipient: Address) => Address;
    readonly retryUntil: Date;
  },
): OwedBounce | null {
  const to = delayRecipient(record.sender);
  if (to === null || deferred.length === 0) return null;
  const start = from.read(0, Math.min(headerBytes, record.sizeBytes));
  if (isAutomatic(splitHeader(start).fields)) return null;
  const notice = composeDelayNotice({
    to,
    bounceFrom: settings.bounceFrom,
    bounceHost: settings.bounceHost,
    delayed: deferred.map(({ address, report }) => ({ recipient: from.shown(address), report })),
    now: from.now,
    bornAt: new Date(record.bornAtMs),
    retryUntil: from.retryUntil,
    unique: `${from.id}.${cryptoLater().randomBytes(8).toString("hex")}`,
    headerBytes: scanHeader(start).bodyAt,
    format: settings.format,
    maxCopyBytes: settings.maxCopyBytes,
  });
  const received = receivedByQueue(from.id, from.origin, mailDate(from.now));
  return {
    sender: "",
    recipient: to,
    head: Buffer.concat([Buffer.from(received, "latin1"), notice.head]),
    copyBytes: notice.copyBytes,
    tail: notice.tail,
  };
}
