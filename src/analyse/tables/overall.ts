import { awkText, fixed } from "../awk-number.ts";
import type { Attempt, Finished } from "./matched.ts";

export const overallHeading = "Basic statistics";
export const overallExplanation = `qtime is the time spent by a message in the queue.

ddelay is the latency for a successful delivery to one recipient: the
end of the successful delivery, minus the time when the message was queued.

xdelay is the latency for a delivery attempt: the time when the attempt
finished, minus the time when it started.

The average concurrency is the total xdelay for all deliveries divided by
the time span; this is a good measure of how busy the mailer is.`;

const secondsPerDay = 86_400;

/** zoverall: labels with their numbers, in order; null stands for the empty line between messages and deliveries. */
export type OverallLine = readonly [label: string, value: string] | null;

/** Gathers zoverall's numbers (spec, section 6). */
export class Overall {
  #messages = 0;
  #bytes = 0;
  #weightedBytes = 0;
  #qtime = 0;
  #recipients = 0;
  #tries = 0;
  #deliveries = 0;
  #successes = 0;
  #failures = 0;
  #ddelay = 0;
  #xdelay = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  take(record: Attempt | Finished): void {
    this.#first = Math.min(this.#first, record.birth);
    this.#last = Math.max(this.#last, record.end);
    if (record.kind === "d") {
      this.#deliveries++;
      if (record.result === "k") {
        this.#successes++;
        this.#ddelay += record.end - record.birth;
      }
      if (record.result === "d") this.#failures++;
      this.#xdelay += record.end - record.start;
      return;
    }
    const { bytes, successes, failures, deferrals } = record;
    this.#messages++;
    this.#bytes += bytes;
    this.#weightedBytes += bytes * successes;
    this.#qtime += record.end - record.birth;
    this.#recipients += successes + failures;
    this.#tries += successes + failures + deferrals;
  }

  lines(): readonly OverallLine[] {
    return [...this.#messageLines(), null, ...this.#deliveryLines()];
  }

  #messageLines(): readonly OverallLine[] {
    const messages = this.#messages;
    const count: OverallLine = ["Completed messages:", String(messages)];
    if (messages === 0) return [count];
    return [
      count,
      ["Recipients for completed messages:", awkText(this.#recipients)],
      ["Total delivery attempts for completed messages:", awkText(this.#tries)],
      ["Average delivery attempts per completed message:", awkText(this.#tries / messages)],
      ["Bytes in completed messages:", awkText(this.#bytes)],
      ["Bytes weighted by success:", awkText(this.#weightedBytes)],
      ["Average message qtime (s):", awkText(this.#qtime / messages)],
    ];
  }

  #deliveryLines(): readonly OverallLine[] {
    const deliveries = this.#deliveries;
    const count: OverallLine = ["Total delivery attempts:", String(deliveries)];
    if (deliveries === 0) return [count];
    const perSuccess: OverallLine = ["Average ddelay per success (s):", fixed(this.#ddelay / this.#successes, 6)];
    return [
      count,
      ["  success:", String(this.#successes)],
      ["  failure:", String(this.#failures)],
      ["  deferral:", String(deliveries - this.#successes - this.#failures)],
      ["Total ddelay (s):", fixed(this.#ddelay, 6)],
      ...(this.#successes === 0 ? [] : [perSuccess]),
      ["Total xdelay (s):", fixed(this.#xdelay, 6)],
      ["Average xdelay per delivery attempt (s):", fixed(this.#xdelay / deliveries, 6)],
      ...this.#spanLines(),
    ];
  }

  #spanLines(): readonly OverallLine[] {
    const span = this.#last - this.#first;
    if (span <= 0) return [];
    return [
      ["Time span (days):", awkText(span / secondsPerDay)],
      ["Average concurrency:", awkText(this.#xdelay / span)],
    ];
  }
}
