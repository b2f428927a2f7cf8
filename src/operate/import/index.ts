/**
 * A part of the room `operate` with a door of its own: takes the queue of another mail system in. `importQueue` reads a classic
 * on-disk queue (spec 4.1) and leaves its files, taken over, in `imported/`.
 */
export { type Imported, importQueue } from "./import-queue.ts";
export { ImportRefused } from "./import-refused.ts";
