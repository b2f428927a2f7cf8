/**
 * Room `send`: the scheduler (qmail-send of old): decides what is tried when, hands jobs to couriers, keeps count, writes the
 * classic log, owes bounces. Couriers (`local` workers, `remote` processes) use `serveCourier`; only the queue service uses the rest.
 */

export { type CourierLink, type CourierResult, linkCourier } from "./courier-link.ts";
export type { DelayNotices } from "./delay-watch.ts";
export { localOutlet, type RemoteOutlet, remoteOutlet } from "./outlets.ts";
export { type BounceSettings, type OwedBounce, owedBounce } from "./owed-bounce.ts";
export { owedNotice } from "./owed-notice.ts";
export { gaveUp, isLastPass, nextRetryMs } from "./retry.ts";
export {
  destinationOf,
  type Outlet,
  type Scheduler,
  type SchedulerCounts,
  type SchedulerHouse,
  startScheduler,
} from "./scheduler.ts";
