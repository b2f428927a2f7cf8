import type { ByteString } from "#bytes";
import { awkText, fixed } from "../awk-number.ts";
import type { Attempt, Finished } from "./matched.ts";
import { entry, type TableReport } from "./report.ts";

type Sums = {
  messages: number;
  bytes: number;
  receivedBytes: number;
  weightedBytes: number;
  recipients: number;
  tries: number;
  xdelay: number;
};

const noSums = (): Sums => ({
  messages: 0,
  bytes: 0,
  receivedBytes: 0,
  weightedBytes: 0,
  recipients: 0,
  tries: 0,
  xdelay: 0,
});

/** A table by sender or uid: sums of finished messages, and the xdelay of all attempts. Who has finished none has no line. */
const senderReport = (
  heading: string,
  what: string,
  keyName: string,
  keyOf: (record: Attempt | Finished) => ByteString,
): TableReport => ({
  heading,
  explanation: `One line per ${what}. Information on each line:
* mess is the number of messages sent by this ${keyName}.
* bytes is the number of bytes sent by this ${keyName}.
* sbytes is the number of bytes successfully received from this ${keyName}.
* rbytes is the number of bytes from this ${keyName}, weighted by recipient.
* recips is the number of recipients (success plus failure).
* tries is the number of delivery attempts (success, failure, deferral).
* xdelay is the total xdelay incurred by this ${keyName}.`,
  columns: ["mess", "bytes", "sbytes", "rbytes", "recips", "tries", "xdelay", keyName],
  sortColumn: 6,
  newGathering() {
    const sums = new Map<ByteString, Sums>();
    return {
      take(record) {
        const sum = entry(sums, keyOf(record), noSums);
        if (record.kind === "d") {
          sum.xdelay += record.end - record.start;
          return;
        }
        const { bytes, successes, failures, deferrals } = record;
        sum.messages++;
        sum.bytes += bytes;
        sum.receivedBytes += bytes * successes;
        sum.weightedBytes += bytes * (successes + failures);
        sum.recipients += successes + failures;
        sum.tries += successes + failures + deferrals;
      },
      rows: () => [...sums].filter(([, { messages }]) => messages > 0).map(([key, sum]) => row(key, sum)),
    };
  },
});

const row = (key: ByteString, sum: Sums): readonly ByteString[] => [
  String(sum.messages),
  awkText(sum.bytes),
  awkText(sum.receivedBytes),
  awkText(sum.weightedBytes),
  awkText(sum.recipients),
  awkText(sum.tries),
  fixed(sum.xdelay, 6),
  key,
];

/** zsenders: two users may send under one address, so the key is `uid/<sender>`. */
export const senders = senderReport("Senders", "sender", "sender", ({ uid, sender }) => `${uid}/${sender}`);
/** zsuids. */
export const senderUids = senderReport("Sender uids", "sender uid", "uid", ({ uid }) => uid);
