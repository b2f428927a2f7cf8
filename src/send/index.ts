/**
 * Room `send`: the scheduler (qmail-send of old): decides what is tried when, hands jobs to couriers, keeps count, writes the
 * classic log, owes bounces. Couriers (`local` workers, `remote` processes) use `serveCourier`; only the queue service uses the rest.
 */
export { type Courier, serveCourier } from "./courier.ts";
export { type CourierLink, type CourierResult, linkCourier } from "./courier-link.ts";
export { gaveUp, isLastPass, nextRetryMs } from "./retry.ts";
