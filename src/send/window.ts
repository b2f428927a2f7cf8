import type { ByteString } from "#bytes";
import type { Channel, DueCursor, DueRecipient, QueueStore } from "#queue";
import type { Destinations } from "./destinations.ts";
import { Fifo } from "./fifo.ts";
import { claimKey, type LiveMessages, type Pending } from "./live.ts";

/** Recipients of fresh messages kept in memory per channel; more wait in the store. */
const freshWindow = 5_000;
/** Recipients read from the store at a time, and the mark below which more are read. */
const backlogPage = 1_000;
const backlogLow = 250;
/** Recipients of one destination read from the store at a time. */
const destinationPage = 2_000;
/** A timer can wait no longer than this (2^31 ms); then it looks again. */
const maxTimerMs = 86_400_000;
/** While the disk refuses to take marks the store is not asked: it would name recipients that are finished. */
const diskPauseMs = 1_000;

/** What a window works with. */
type WindowHouse = {
  readonly store: QueueStore;
  readonly live: LiveMessages;
  readonly destinations: Destinations;
  readonly nowMs: () => number;
  /** Something may be startable now. */
  readonly onDue: () => void;
};

/**
 * The part of one channel's due list that is in memory. Fresh messages and the backlog are two lines that take turns, so that a
 * million old recipients do not delay a new one; each is bounded, the rest waits in the store behind a cursor.
 */
export class Window {
  readonly #house: WindowHouse;
  readonly #channel: Channel;
  readonly #fresh = new Fifo<Pending>();
  readonly #backlog = new Fifo<Pending>();
  readonly #claimed = new Set<string>();
  #freshTurn = false;
  #cursor: DueCursor = { dueAtMs: -1, id: 0, index: 0 };
  /** Rows behind the cursor may be due. */
  #more = true;
  #reading = false;
  #nextDueMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(channel: Channel, house: WindowHouse) {
    this.#channel = channel;
    this.#house = house;
  }

  /** Takes in a recipient of a fresh message, or leaves it to the store when the line is long. */
  offer(pending: Pending): void {
    if (this.#fresh.length >= freshWindow) this.notice(pending.live.record.bornAtMs);
    else {
      this.#claim(pending);
      this.#fresh.push(pending);
    }
  }

  /** Nobody waits a turn: who comes now is next. */
  get isIdle(): boolean {
    return this.#fresh.length === 0 && this.#backlog.length === 0;
  }

  /** The next recipient whose turn it is; undefined if none is in memory. */
  next(): Pending | undefined {
    for (;;) {
      this.#freshTurn = !this.#freshTurn;
      const pending = this.#freshTurn
        ? (this.#fresh.shift() ?? this.#backlog.shift())
        : (this.#backlog.shift() ?? this.#fresh.shift());
      if (pending === undefined || !isGone(pending)) return pending;
      this.letGo(pending);
    }
  }

  /** Puts back a recipient that could not be started after all. */
  putBack(pending: Pending): void {
    if (isGone(pending)) this.letGo(pending);
    else this.#backlog.push(pending);
  }

  /** The recipient leaves memory: it is finished, or the store has it. */
  letGo(pending: Pending): void {
    this.#claimed.delete(claimKey(pending));
    this.#house.live.release(pending.live);
  }

  /** Something in the store is due at `dueMs`: it may lie before the cursor, or be the next to wake up for. */
  notice(dueMs: number): void {
    if (dueMs <= this.#cursor.dueAtMs) this.#cursor = { dueAtMs: dueMs - 1, id: 0, index: 0 };
    if (dueMs <= this.#house.nowMs()) this.#more = true;
    else if (dueMs < this.#nextDueMs) this.#wakeAt(dueMs);
  }

  /** Reads more of what is due, soon, if memory runs low. */
  refillSoon(): void {
    if (!this.#more || this.#reading || this.#backlog.length > backlogLow) return;
    this.#reading = true;
    setImmediate(() => {
      this.#reading = false;
      this.#refill();
      this.#house.onDue();
    });
  }

  /**
   * Recipients of a destination that were passed over come back when it has room: a page of them, and the next when memory runs low
   * again. Who cannot be looked for now is left to a scan from the beginning; nobody may be forgotten.
   */
  refillDestination(name: ByteString): void {
    const { store, destinations, nowMs } = this.#house;
    if (this.#backlog.length > backlogLow && !destinations.isQuiet(name)) return; // What is in memory comes back here.
    if (!destinations.wantsMore(name)) return;
    if (this.#backlog.length > backlogLow || !store.flush()) {
      this.notice(0);
      return;
    }
    const now = nowMs();
    const before = this.#backlog.length;
    const rows = store.dueFor(name, now, destinationPage);
    for (const row of rows) this.#load(row, now);
    if (rows.length < destinationPage) return;
    if (this.#backlog.length > before) destinations.expectMore(name);
    else this.notice(0); // All of them are in memory; more may lie behind.
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#more = false;
  }

  #refill(): void {
    const { store, nowMs } = this.#house;
    if (!this.#more) return;
    // What was settled must be in the store before it is asked who is due, or it would be taken up again, and not as `again`.
    if (!store.flush()) {
      this.#more = false;
      this.#wakeAt(nowMs() + diskPauseMs);
      return;
    }
    const now = nowMs();
    const rows = store.due(this.#channel, now, this.#cursor, backlogPage);
    for (const row of rows) this.#load(row, now);
    const last = rows.at(-1);
    if (last !== undefined) this.#cursor = { dueAtMs: last.dueAtMs, id: last.message.id, index: last.index };
    if (rows.length === backlogPage) return;
    this.#more = false;
    this.#wakeAt(store.nextDue(this.#channel, now) ?? Number.POSITIVE_INFINITY);
  }

  #load(row: DueRecipient, now: number): void {
    const { live, destinations } = this.#house;
    if (this.#claimed.has(`${row.message.id}:${row.index}`)) return;
    if (row.channel === "remote" && destinations.passOver(row.destination)) return;
    const { index, address, channel, destination, attempts } = row;
    const pending = {
      live: live.wake(row.message),
      index,
      address,
      channel,
      destination,
      attempts,
      passStartedMs: now,
    };
    this.#claim(pending);
    this.#backlog.push(pending);
  }

  #claim(pending: Pending): void {
    this.#claimed.add(claimKey(pending));
    pending.live.claimed++;
  }

  #wakeAt(dueMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#nextDueMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(Math.max(dueMs - this.#house.nowMs(), 1), maxTimerMs);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#nextDueMs = Number.POSITIVE_INFINITY;
      this.#more = true;
      this.#house.onDue();
    }, waitMs).unref();
  }
}

/** Its message was removed or is held: nothing of it is started. */
export const isGone = ({ live }: Pending): boolean => live.removed || live.held;
