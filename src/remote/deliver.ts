import { type DeliveryJob, domainOf, type Outcome } from "#mail";
import { breaksCommand } from "#smtp/client";
import { sharing } from "./shared-transaction.ts";
import { say } from "./texts.ts";
import type { RemoteWorld } from "./world.ts";

/**
 * Makes the remote channel's `deliver`: one recipient, one attempt (qmail-rspawn and qmail-remote in one). Deliveries of one
 * message to one host may share a transaction.
 */
export function makeDeliver(world: RemoteWorld): (job: DeliveryJob) => Promise<Outcome> {
  const deliver = sharing(world);
  return async (job) => {
    if (!job.recipient.includes("@")) return say.noHostInAddress;
    if ([domainOf(job.recipient), job.sender, job.recipient].some(breaksCommand)) return say.lineBreakInAddress;
    return deliver(job);
  };
}
