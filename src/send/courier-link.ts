import type { Socket } from "node:net";
import { fromBytes } from "#bytes";
import { type DeliveryJob, fateOfLetter, type Outcome } from "#mail";
import { FrameLink } from "#net";
import { courierFrames, hostLetter, maxReportBytes, parsePull, renderJob } from "./courier/protocol.ts";

/** How a job given to a courier ended: an outcome, a report that makes no sense, or the courier was lost on the way. */
export type CourierResult = Outcome | "mangled" | "lost";

/** The scheduler's side of a link with one courier. */
export type CourierLink = {
  /** 0 until the courier has said how much it takes. */
  readonly ceiling: () => number;
  readonly busy: () => number;
  readonly closed: () => boolean;
  deliver(job: DeliveryJob): Promise<CourierResult>;
  close(): void;
};

/** A courier may not announce more than this; it is not trusted to be reasonable. */
const maxCeiling = 10_000;

/** Opens the scheduler's side. `onChange` is called when the ceiling is known and when the link is gone. */
export function linkCourier(socket: Socket, onChange: () => void): CourierLink {
  const jobs = new Map<number, { readonly job: DeliveryJob; readonly settle: (result: CourierResult) => void }>();
  let nextNumber = 1;
  let ceiling = 0;

  const servePull = async (id: number, payload: Buffer): Promise<void> => {
    const asked = parsePull(payload);
    const job = jobs.get(id)?.job;
    if (asked === null || job === undefined) return;
    const { sizeBytes } = job.message;
    const length = Math.max(0, Math.min(asked.length, sizeBytes - asked.offset));
    // A part that cannot be read (its message was removed) is answered empty: that delivery defers, the others go on.
    const part =
      length === 0 ? Buffer.alloc(0) : await job.message.read(asked.offset, length).catch(() => Buffer.alloc(0));
    link.send(courierFrames.part, id, part);
  };

  const link = new FrameLink(socket, {
    frame({ kind, id, payload }) {
      if (kind === courierFrames.report) {
        const waiting = jobs.get(id);
        jobs.delete(id);
        waiting?.settle(parseReport(payload));
      } else if (kind === courierFrames.pull) {
        void servePull(id, payload);
      } else if (kind === courierFrames.ceiling) {
        const announced = Number(fromBytes(payload.subarray(0, 10)));
        ceiling = Number.isInteger(announced) ? Math.min(Math.max(announced, 0), maxCeiling) : 0;
        onChange();
      }
    },
    close() {
      ceiling = 0;
      for (const { settle } of jobs.values()) settle("lost");
      jobs.clear();
      onChange();
    },
  });

  return {
    ceiling: () => ceiling,
    busy: () => jobs.size,
    closed: () => link.closed,
    deliver(job) {
      if (link.closed) return Promise.resolve("lost");
      const id = nextNumber;
      nextNumber = nextNumber === 0xffff_ffff ? 1 : nextNumber + 1;
      return new Promise((settle) => {
        jobs.set(id, { job, settle });
        const { message, ...rest } = job;
        const head = renderJob({ ...rest, sizeBytes: message.sizeBytes, inline: message.whole !== null });
        if (message.whole === null) link.send(courierFrames.job, id, head);
        else link.send(courierFrames.job, id, head, message.whole);
      });
    },
    close: () => link.end(),
  };
}

function parseReport(payload: Buffer): CourierResult {
  const text = fromBytes(payload.subarray(0, maxReportBytes + 1));
  if (text.startsWith(hostLetter)) return { fate: "temporary", text: text.slice(1), scope: "host" };
  const fate = fateOfLetter(text.slice(0, 1));
  return fate === null ? "mangled" : { fate, text: text.slice(1) };
}
