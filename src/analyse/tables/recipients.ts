import type { ByteString } from "#bytes";
import { awkText, fixed } from "../awk-number.ts";
import type { Attempt } from "./matched.ts";
import { entry, type Gathering, type TableReport } from "./report.ts";

type Sums = { bytes: number; messages: number; tries: number; xdelay: number };

/** Sums the attempts by a key: bytes of successes, successes and failures, all attempts, their xdelay. */
function attemptsBy(keyOf: (attempt: Attempt) => ByteString) {
  const sums = new Map<ByteString, Sums>();
  const take: Gathering["take"] = (record) => {
    if (record.kind !== "d") return;
    const sum = entry(sums, keyOf(record), () => ({ bytes: 0, messages: 0, tries: 0, xdelay: 0 }));
    const { result } = record;
    sum.xdelay += record.end - record.start;
    if (result === "k") sum.bytes += record.bytes;
    if (result === "k" || result === "d") sum.messages++;
    if (result === "k" || result === "d" || result === "z") sum.tries++;
  };
  return { take, sums };
}

const gatherBy = (keyOf: (attempt: Attempt) => ByteString): Gathering => {
  const { take, sums } = attemptsBy(keyOf);
  return {
    take,
    rows: () =>
      [...sums].map(([key, { bytes, messages, tries, xdelay }]) => [
        awkText(bytes),
        String(messages),
        String(tries),
        fixed(xdelay, 2),
        key,
      ]),
  };
};

const information = (what: string): string =>
  `* sbytes is the number of bytes successfully delivered to this ${what}.
* mess is the number of messages sent to this ${what} (success plus failure).
* tries is the number of delivery attempts (success, failure, deferral).
* xdelay is the total xdelay incurred by this ${what}.`;

const byRecipient = ({ recipient }: Attempt): ByteString => recipient;
const columns = ["sbytes", "mess", "tries", "xdelay"] as const;

/** zrecipients. */
export const recipients: TableReport = {
  heading: "Recipients",
  explanation: `One line per recipient. Information on each line:\n${information("recipient")}`,
  columns: [...columns, "recipient"],
  sortColumn: 3,
  newGathering: () => gatherBy(byRecipient),
};

/** zrhosts: what stands behind the last `@`, or all of it when there is none. */
export const recipientHosts: TableReport = {
  heading: "Recipient hosts",
  explanation: `One line per recipient host. Information on each line:\n${information("host")}`,
  columns: [...columns, "host"],
  sortColumn: 3,
  newGathering: () => gatherBy(({ recipient }) => recipient.slice(recipient.lastIndexOf("@") + 1)),
};

/** zrxdelay: the quick ones first. The average is of the sum as zrecipients shows it, with two digits. */
export const recipientDelays: TableReport = {
  heading: "Recipients in the best order for mailing lists",
  explanation: `One line per recipient, sorted by avg. Information on each line:
* avg is the average xdelay for this recipient.
* tries is the number of deliveries that avg is based on.`,
  columns: ["avg", "tries", "recipient"],
  sortColumn: 0,
  newGathering() {
    const { take, sums } = attemptsBy(byRecipient);
    const average = ({ xdelay, tries }: Sums): string => fixed(Number(fixed(xdelay, 2)) / Math.max(1, tries), 2);
    return { take, rows: () => [...sums].map(([key, sum]) => [average(sum), String(sum.tries), key]) };
  },
};
