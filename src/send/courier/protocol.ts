import { toBytes } from "#bytes";
import type { DeliveryJob } from "#mail";

/** Frames between the scheduler and a courier (a local worker or a remote process). All of one delivery carry its number. */
export const courierFrames = {
  /** courier -> scheduler, once: how many deliveries it takes at a time (the classic first byte, without its limit of 255). */
  ceiling: 1,
  /** scheduler -> courier: `u32 length | JSON | whole message if it is small`. */
  job: 2,
  /** courier -> scheduler: `u32 offset high | u32 offset low | u32 length`: give me that part of the message. */
  pull: 3,
  /** scheduler -> courier: the part. */
  part: 4,
  /** courier -> scheduler: a letter K, Z, D and the report. */
  report: 5,
} as const;

/** Longest part of a message in one frame. */
export const maxPartBytes = 256 * 1024;

/** What the scheduler keeps of a report (spec 4.9: qmail-send's 10000). */
export const maxReportBytes = 10_000;

/** Stands for Z in a report when the trouble is the host's, not the recipient's. */
export const hostLetter = "Y";

/** A delivery as it crosses the line; the message follows, or is pulled. */
export type WireJob = Omit<DeliveryJob, "message"> & { readonly sizeBytes: number; readonly inline: boolean };

export function renderJob(job: WireJob): Buffer {
  const text = toBytes(JSON.stringify(job));
  const head = Buffer.allocUnsafe(4 + text.length);
  head.writeUInt32BE(text.length, 0);
  text.copy(head, 4);
  return head;
}

/** Splits a JOB payload; throws if it is not one (the queue is trusted by couriers, so that is a bug). */
export function parseJob(payload: Buffer): { readonly job: WireJob; readonly message: Buffer } {
  const end = 4 + payload.readUInt32BE(0);
  return { job: JSON.parse(payload.toString("latin1", 4, end)) as WireJob, message: payload.subarray(end) };
}

export function renderPull(offset: number, length: number): Buffer {
  const payload = Buffer.allocUnsafe(12);
  payload.writeUInt32BE(Math.floor(offset / 0x1_0000_0000), 0);
  payload.writeUInt32BE(offset >>> 0, 4);
  payload.writeUInt32BE(length, 8);
  return payload;
}

/** Null if the payload is no pull or asks for too much. */
export function parsePull(payload: Buffer): { readonly offset: number; readonly length: number } | null {
  if (payload.length !== 12) return null;
  const offset = payload.readUInt32BE(0) * 0x1_0000_0000 + payload.readUInt32BE(4);
  const length = payload.readUInt32BE(8);
  return length > maxPartBytes ? null : { offset, length };
}
