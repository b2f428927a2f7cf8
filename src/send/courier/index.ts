/**
 * The couriers' side of the lines to the scheduler: all the `local` service, its workers and `remote` processes need of the room
 * `send`. A door of its own, so that they do not load the scheduler.
 */

export { localFrames, type Resolved } from "./local-questions.ts";
export { type Courier, serveCourier } from "./serve-courier.ts";
