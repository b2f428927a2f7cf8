/**
 * Room `queue`: the messages that were accepted and are not finished: `queue/queue.db` (SQLite) and `queue/mess/` (bodies over
 * 128 KiB). Owned by the queue service alone; offline tools may read. Nothing is acknowledged before it is durable, nothing is
 * forgotten before its fate is. The state table stands in `store.ts`.
 */
export { largeBodyBytes, prepareBodies, type StoredBody } from "./bodies.ts";
export { checkQueue, type QueueCheck, type QueueFault } from "./check-queue.ts";
export { editQueue, type NewRoute, type QueueEditor } from "./edit-queue.ts";
export { type BodyGatherer, bodyGathering } from "./gather-body.ts";
export { type QueuedMessage, type QueuedRecipient, type QueueReader, readQueue } from "./read-queue.ts";
export { type Channel, type DueRecipient, type MessageRecord, recipientStates } from "./records.ts";
export { openReserve, type Reserve } from "./reserve.ts";
export {
  type DueCursor,
  type Failure,
  type Mark,
  type NewMessage,
  type NewRecipient,
  type NoticeSettled,
  openStore,
  type QueueStore,
  type Settled,
} from "./store.ts";
export {
  openTakeOver,
  prepareQueueFolder,
  type TakenMessage,
  type TakenRecipient,
  type TakeOver,
} from "./take-over.ts";
