/** What makes a delivery the one it is: the same on every attempt, different from that of any other delivery on this host. */
export type DeliveryMark = {
  /** When the message entered the queue, Unix milliseconds. */
  readonly bornAtMs: number;
  readonly queueId: number;
  /** Which recipient of the message: 0.. */
  readonly index: number;
};

/** A host name as it may stand in a Maildir file name: `/` and `:` in octal (Maildir's own rule). */
export function hostInName(host: string): string {
  return host.replaceAll("/", "\\057").replaceAll(":", "\\072");
}

/**
 * The Maildir name of a delivery: `<seconds>.M<microseconds>Q<queueId>R<index>.<host>`. A repeated delivery makes the same
 * name, so it finds what an earlier attempt left. `copy` counts from 0 the copies one delivery puts into one Maildir.
 * Example: `maildirName({ bornAtMs: 1500, queueId: 7, index: 0 }, "a.b")` is `1.M500000Q7R0.a.b`.
 */
export function maildirName(mark: DeliveryMark, host: string, copy = 0): string {
  const seconds = Math.floor(mark.bornAtMs / 1000);
  const microseconds = Math.floor(mark.bornAtMs - seconds * 1000) * 1000;
  return `${seconds}.M${microseconds}Q${mark.queueId}R${mark.index}${copy === 0 ? "" : `C${copy}`}.${hostInName(host)}`;
}

let made = 0;

/** A name for a delivery that no queue stands behind: `<seconds>.M<microseconds>P<pid>Q<count>.<host>`; never the same twice. */
export function freshMaildirName(now: Date, host: string): string {
  const ms = now.getTime();
  const seconds = Math.floor(ms / 1000);
  return `${seconds}.M${(ms - seconds * 1000) * 1000}P${process.pid}Q${++made}.${hostInName(host)}`;
}
