import { type BounceFormat, bounceRecipient, composeBounce } from "#bounce";
import type { ByteString } from "#bytes";
import { type Address, type Origin, parseAddress, type ReversePath, receivedByQueue } from "#mail";
import { mailDate, scanHeader } from "#message";
import { cryptoLater } from "#process/memory";
import type { Failure, MessageRecord } from "#queue";

/** Control values a bounce is made with (spec 3.2, 4.6). */
export type BounceSettings = {
  readonly bounceFrom: ByteString;
  readonly bounceHost: ByteString;
  /** doublebounceto@doublebouncehost; its local part may be empty: then double bounces are thrown away. */
  readonly doubleBounceTo: Address;
  readonly format: BounceFormat;
  readonly maxCopyBytes: number;
  readonly subject: ByteString | null;
  readonly text: ByteString | null;
};

/** A bounce that is to be queued: the pieces of its body are `head`, `copyBytes` of the original, `tail`. */
export type OwedBounce = {
  readonly sender: ReversePath;
  readonly recipient: Address;
  readonly head: Buffer;
  readonly copyBytes: number;
  readonly tail: Buffer;
};

/** Header bytes looked at to find where the original's body begins. */
const headerBytes = 128 * 1024;

/** Composes the bounce a finished message owes; null when there is nobody left to tell (a triple bounce). */
export function owedBounce(
  record: MessageRecord,
  failures: readonly Failure[],
  settings: BounceSettings,
  from: {
    readonly id: number;
    readonly origin: Origin;
    readonly now: Date;
    readonly read: (offset: number, length: number) => Buffer;
    readonly shown: (recipient: Address) => Address;
  },
): OwedBounce | null {
  const plan = bounceRecipient(record.sender);
  if (plan.kind === "triple") return null;
  const to = plan.kind === "single" ? plan.to : settings.doubleBounceTo;
  const bounce = composeBounce({
    kind: plan.kind,
    to,
    bounceFrom: settings.bounceFrom,
    bounceHost: settings.bounceHost,
    sender: record.sender,
    failures: failures.map(({ address, report }) => ({ recipient: from.shown(address), report })),
    now: from.now,
    bornAt: new Date(record.bornAtMs),
    unique: `${from.id}.${cryptoLater().randomBytes(8).toString("hex")}`,
    original: {
      sizeBytes: record.sizeBytes,
      headerBytes: scanHeader(from.read(0, Math.min(headerBytes, record.sizeBytes))).bodyAt,
    },
    format: settings.format,
    maxCopyBytes: settings.maxCopyBytes,
    subject: settings.subject,
    text: settings.text,
  });
  const received = receivedByQueue(from.id, from.origin, mailDate(from.now));
  return {
    sender: plan.kind === "single" ? "" : "#@[]",
    recipient: parseAddress(to) ?? settings.doubleBounceTo,
    head: Buffer.concat([Buffer.from(received, "latin1"), bounce.head]),
    copyBytes: bounce.copyBytes,
    tail: bounce.tail,
  };
}
