/** Room `operate`, the queue's numbers alone: a door of its own, so that the metrics service loads 20 files instead of 140. */
export { askQueue, type QueueAnswer } from "../ask-queue.ts";
export { exposition, reasonExposition } from "../exposition.ts";
