import type { Socket } from "node:net";
import { toBytes } from "#bytes";
import { type DeliveryJob, letterOfFate, type MessageSource, type Outcome, temporary } from "#mail";
import { FrameLink } from "#net";
import { courierFrames, hostLetter, maxPartBytes, maxReportBytes, parseJob, renderPull } from "./protocol.ts";

/** Unknown trouble in a courier is temporary: our bug must not bounce someone's mail. */
const surprised = (error: unknown): Outcome =>
  temporary(`Internal error: ${error instanceof Error ? error.message : "unknown"}. (#4.3.0)\n`);

/** A courier at work on one link. */
export type Courier = {
  /** Deliveries under way. */
  readonly busy: () => number;
  /** Resolves when the link is gone. */
  readonly closed: Promise<void>;
  /** Takes no more work: the link ends once what is under way is reported. */
  readonly end: () => void;
};

/**
 * The courier's side of a link with the scheduler: announces `ceiling`, gives each job to `deliver`, sends its outcome back. A
 * `deliver` that throws is a temporary failure. When the link breaks, deliveries under way run on but reach nobody; the
 * scheduler will give them out again with `again` set.
 */
export function serveCourier(socket: Socket, deliver: (job: DeliveryJob) => Promise<Outcome>, ceiling = 120): Courier {
  const pulls = new Map<number, { resolve: (part: Buffer) => void; reject: (error: Error) => void }[]>();
  let busy = 0;
  let ending = false;
  let gone: () => void;
  const closed = new Promise<void>((done) => {
    gone = done;
  });

  const sourceOf = (id: number, sizeBytes: number, inline: Buffer | null): MessageSource => ({
    sizeBytes,
    whole: inline,
    read(offset, length) {
      if (inline !== null) return Promise.resolve(inline.subarray(offset, offset + length));
      return new Promise((resolve, reject) => {
        if (link.closed) return reject(new Error("the queue is gone"));
        // Parts of one message come back in the order they were asked for.
        const waiting = pulls.get(id) ?? [];
        waiting.push({
          reject,
          resolve: (part) => {
            if (part.length === 0 && offset < sizeBytes && length > 0)
              reject(new Error("the queue cannot read the message"));
            else resolve(part);
          },
        });
        pulls.set(id, waiting);
        link.send(courierFrames.pull, id, renderPull(offset, Math.min(length, maxPartBytes)));
      });
    },
  });

  const report = (id: number, outcome: Outcome): void => {
    busy--;
    pulls.delete(id);
    const text = outcome.text.replaceAll("\0", "?").slice(0, maxReportBytes);
    link.send(
      courierFrames.report,
      id,
      toBytes(`${outcome.scope === "host" ? hostLetter : letterOfFate[outcome.fate]}${text}`),
    );
    if (ending && busy === 0) link.end();
  };

  const link = new FrameLink(socket, {
    frame({ kind, id, payload }) {
      if (kind === courierFrames.job) {
        const { job, message } = parseJob(payload);
        const { sizeBytes, inline, ...rest } = job;
        busy++;
        deliver({ ...rest, message: sourceOf(id, sizeBytes, inline ? message : null) }).then(
          (outcome) => report(id, outcome),
          (error: unknown) => report(id, surprised(error)),
        );
      } else if (kind === courierFrames.part) {
        pulls.get(id)?.shift()?.resolve(payload);
      }
    },
    close() {
      for (const waiting of pulls.values()) for (const { reject } of waiting) reject(new Error("the queue is gone"));
      pulls.clear();
      gone();
    },
  });
  link.send(courierFrames.ceiling, 0, toBytes(String(ceiling)));
  return {
    busy: () => busy,
    closed,
    end() {
      ending = true;
      if (busy === 0) link.end();
    },
  };
}
