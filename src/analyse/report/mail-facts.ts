import type { ByteString } from "#bytes";
import type { Matcher, OpenDelivery, OpenMessage, Result } from "../matcher.ts";
import { type ReasonClass, reasonClass, remoteFacts } from "../reason-class.ts";
import { Latencies } from "./latencies.ts";
import { TimeSeries } from "./time-series.ts";
import { TopTable } from "./top-table.ts";

/** Names kept per table; beyond it the rarer half is forgotten. */
const maxNames = 20_000;
/** Different reasons kept: they carry addresses and queue numbers of other hosts, so most are seen once. */
const maxReasons = 4_000;
const maxReasonChars = 200;

/** What deliveries to a host, of a sender or to a recipient come to. */
export type DeliverySums = {
  success: number;
  deferral: number;
  failure: number;
  /** Bytes of successes. */
  bytes: number;
  /** Seconds attempts took. */
  xdelay: number;
};

/** Columns of the time series. */
export const mailColumns = ["success", "deferral", "failure", "messages", "bytes", "delay"] as const;
const column = Object.fromEntries(mailColumns.map((name, at) => [name, at])) as Record<
  (typeof mailColumns)[number],
  number
>;

const noSums = (): DeliverySums => ({ success: 0, deferral: 0, failure: 0, bytes: 0, xdelay: 0 });
const tries = ({ success, deferral, failure }: DeliverySums): number => success + deferral + failure;

const sumsKey: Readonly<Record<Exclude<Result, "?">, "success" | "deferral" | "failure">> = {
  k: "success",
  z: "deferral",
  d: "failure",
};

const withoutBrackets = (sender: ByteString): ByteString => (sender.startsWith("<") ? sender.slice(1, -1) : sender);

/** The reason without what differs from one delivery to the next, so that like ones count together. */
const reasonKey = (reason: ByteString): ByteString => {
  const text = reason.length > maxReasonChars ? `${reason.slice(0, maxReasonChars)}...` : reason;
  return text.replace(/\/+$/, "").replaceAll("_", " ");
};

/** What the queue's log tells: messages, deliveries, delays, reasons, and who is behind them. */
export class MailFacts {
  newMessages = 0;
  finishedMessages = 0;
  finishedBytes = 0;
  bounces = 0;
  tripleBounces = 0;
  delayNotices = 0;
  queueStarts = 0;
  unfinishedMessages = 0;
  mostAtOnce = 0;
  attemptSeconds = 0;
  success = 0;
  deferral = 0;
  failure = 0;
  readonly channels = new Map<ByteString, DeliverySums>();
  readonly tls = new Map<string, number>();
  readonly families = { ipv4: 0, ipv6: 0 };
  /** Birth to end of a message; birth to success of a recipient; start to end of an attempt. */
  readonly queueTime = new Latencies();
  readonly delay = new Latencies();
  readonly attempt = new Latencies();
  readonly overTime = new TimeSeries(mailColumns.length);
  readonly hosts = new TopTable(noSums, tries, maxNames);
  readonly senders = new TopTable(noSums, tries, maxNames);
  readonly recipients = new TopTable(noSums, tries, maxNames);
  readonly deferrals = new TopTable(
    () => ({ count: 0 }),
    ({ count }) => count,
    maxReasons,
  );
  readonly failures = new TopTable(
    () => ({ count: 0 }),
    ({ count }) => count,
    maxReasons,
  );
  readonly deferralClasses = new Map<ReasonClass, number>();
  readonly failureClasses = new Map<ReasonClass, number>();

  /** An attempt ended. */
  delivered(
    delivery: OpenDelivery<number>,
    message: OpenMessage<number> | null,
    result: Result,
    end: number,
    reason: ByteString,
  ): void {
    if (result === "?") return;
    const key = sumsKey[result];
    const { channel, recipient, start } = delivery;
    const bytes = result === "k" && message !== null ? Number(message.bytes) : 0;
    const took = Math.max(0, end - start);
    const cell = this.overTime.at(end);
    cell[column[key]]!++;
    this[key]++;
    this.attempt.take(took);
    this.attemptSeconds += took;
    if (result === "k" && message !== null) {
      const delay = Math.max(0, end - message.birth);
      this.delay.take(delay);
      cell[column.delay]! += delay;
      cell[column.bytes]! += bytes;
    }
    const ofChannel = this.#ofChannel(channel);
    const host = recipient.slice(recipient.lastIndexOf("@") + 1);
    const sender = message === null ? "?" : withoutBrackets(message.sender);
    for (const sums of [ofChannel, this.hosts.of(host), this.senders.of(sender), this.recipients.of(recipient)]) {
      sums[key]++;
      sums.bytes += bytes;
      sums.xdelay += took;
    }
    if (result === "k") this.#remote(channel, reason);
    else this.#reason(result, reason);
  }

  /** A message left the queue. */
  finished(message: OpenMessage<number>, end: number): void {
    this.finishedMessages++;
    this.finishedBytes += Number(message.bytes);
    this.queueTime.take(end - message.birth);
  }

  /** A message came in. */
  born(seconds: number): void {
    this.newMessages++;
    this.overTime.at(seconds)[column.messages]!++;
  }

  /** A delivery was started: how many are under way now? */
  started(matcher: Matcher<number>): void {
    if (matcher.openDeliveries > this.mostAtOnce) this.mostAtOnce = matcher.openDeliveries;
  }

  #ofChannel(channel: ByteString): DeliverySums {
    const name = channel === "local" || channel === "remote" ? channel : "?";
    const known = this.channels.get(name);
    if (known !== undefined) return known;
    const fresh = noSums();
    this.channels.set(name, fresh);
    return fresh;
  }

  #remote(channel: ByteString, reason: ByteString): void {
    if (channel !== "remote") return;
    // The address stands first in nearly every report of a success; the slow look is for the others, and for TLS.
    const first = reason.slice(0, reason.indexOf("_"));
    if (!reason.includes("TLS") && /^[0-9.]{7,15}$/.test(first)) {
      this.families.ipv4++;
      return;
    }
    const facts = remoteFacts(reason);
    if (facts === null) return;
    this.families[facts.family === 6 ? "ipv6" : "ipv4"]++;
    if (facts.tls !== null) this.tls.set(facts.tls, (this.tls.get(facts.tls) ?? 0) + 1);
  }

  #reason(result: "z" | "d", reason: ByteString): void {
    const [table, classes] =
      result === "z" ? [this.deferrals, this.deferralClasses] : [this.failures, this.failureClasses];
    table.of(reasonKey(reason)).count++;
    const kind = reasonClass(reason);
    classes.set(kind, (classes.get(kind) ?? 0) + 1);
  }
}
