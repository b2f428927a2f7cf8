import type { ByteString } from "#bytes";
import type { DeliveryJob } from "#mail";
import { type Address, domainOf, expandVerp, type MessageSource, type Outcome, temporary } from "#mail";
import type { Channel, DueCursor, DueRecipient, MessageRecord, NewMessage, QueueStore } from "#queue";
import type { CourierResult } from "./courier-link.ts";
import { Destinations } from "./destinations.ts";
import { Fifo } from "./fifo.ts";
import { claimKey, type Live, type Pending } from "./live.ts";
import { say } from "./log-lines.ts";
import { gaveUp, isLastPass, nextRetryMs } from "./retry.ts";

/** One of the two outlets: what stands between the scheduler and the couriers of a channel. */
export type Outlet = {
  /** Deliveries its couriers take at a time; 0 while there is none. */
  readonly ceiling: () => number;
  deliver(job: Omit<DeliveryJob, "route">): Promise<CourierResult>;
};

/** What a scheduler works with. */
export type SchedulerHouse = {
  readonly store: QueueStore;
  readonly outlets: Readonly<Record<Channel, Outlet>>;
  readonly log: (line: string) => void;
  readonly nowMs: () => number;
  /** control/concurrencylocal and concurrencyremote; 0 holds the channel. */
  readonly concurrency: Readonly<Record<Channel, number>>;
  /** Deliveries to one remote destination at a time. */
  readonly destinationConcurrency: number;
  readonly lifetimeSeconds: number;
  /**
   * Makes the bounce `record` owes, its body durable if it is a file. Null: there is nobody to tell. Rejects when the disk
   * refuses.
   */
  readonly composeBounce: (
    record: MessageRecord,
  ) => Promise<{ readonly message: NewMessage; readonly uid: number } | null>;
};

/** Counters since the start, for the metrics. */
export type SchedulerCounts = {
  accepted: number;
  acceptedBytes: number;
  finished: number;
  bounced: number;
  readonly deliveries: Record<Channel, Record<Outcome["fate"], number>>;
};

/** The scheduler at work: qmail-send. */
export type Scheduler = {
  /** A message was queued: log it and start on it. Call it from the store's `settled`, so that no scan of the store comes before. */
  adopt(message: NewMessage, uid: number): void;
  /** A courier came or went: see what can be started. */
  wake(): void;
  /** SIGALRM: everything is due now. */
  hurry(): void;
  hold(id: number): number;
  release(id: number): number;
  retry(id: number): number;
  expire(id: number): number;
  renew(id: number): number;
  remove(id: number): number;
  readonly counts: SchedulerCounts;
  inFlight(channel: Channel): number;
  /** SIGTERM: starts nothing new; resolves when what runs has ended. */
  stop(): Promise<void>;
};

/** Recipients of fresh messages kept in memory per channel; more wait in the store. */
const freshWindow = 5_000;
/** Recipients read from the store at a time, and the mark below which more are read. */
const backlogPage = 1_000;
const backlogLow = 250;
/** Message bytes kept in memory for their first attempt. */
const maxBodyBytes = 64 * 1024 * 1024;
/** Pause before a recipient is tried again whose courier was lost, and before a bounce is tried again (spec 4.6: 123 s). */
const lostPauseMs = 1_000;
const maxLosses = 5;
const bouncePauseMs = 123_000;
/** Recipients made due per step of SIGALRM, so that no step holds up the rest. */
const hurryStep = 20_000;
/** A timer can wait no longer than this (2^31 ms); then it looks again. */
const maxTimerMs = 86_400_000;

const start: DueCursor = { dueAtMs: -1, id: 0, index: 0 };

type Lane = {
  readonly channel: Channel;
  readonly fresh: Fifo<Pending>;
  readonly backlog: Fifo<Pending>;
  readonly claimed: Set<string>;
  busy: number;
  freshTurn: boolean;
  cursor: DueCursor;
  /** Rows behind the cursor may be due. */
  more: boolean;
  refilling: boolean;
  nextDueMs: number;
  timer: NodeJS.Timeout | null;
};

const lostText = { local: "qmail-local crashed.\n", remote: "qmail-remote crashed.\n" } as const;

/** Starts the scheduler on an open store: what is due is tried, what was finished but not forgotten is finished. */
export function startScheduler(house: SchedulerHouse): Scheduler {
  const { store, log, nowMs, outlets } = house;
  const live = new Map<number, Live>();
  const lanes: Readonly<Record<Channel, Lane>> = { local: newLane("local"), remote: newLane("remote") };
  const destinations = new Destinations(house.destinationConcurrency);
  const counts: SchedulerCounts = {
    accepted: 0,
    acceptedBytes: 0,
    finished: 0,
    bounced: 0,
    deliveries: {
      local: { done: 0, temporary: 0, permanent: 0 },
      remote: { done: 0, temporary: 0, permanent: 0 },
    },
  };
  /** Recipients whose courier was lost in a row, by claim key. */
  const losses = new Map<string, number>();
  let bodyBytes = 0;
  let deliveries = 0;
  let exiting = false;
  let idle: (() => void) | null = null;

  const limitOf = (channel: Channel): number =>
    exiting ? 0 : Math.min(house.concurrency[channel], outlets[channel].ceiling());
  const use = (channel: Channel): string => `${lanes[channel].busy}/${house.concurrency[channel]}`;
  const status = (): void => log(say.status({ local: use("local"), remote: use("remote") }, exiting));

  // ---- claiming: which recipients are in memory

  const claim = (lane: Lane, pending: Pending): void => {
    lane.claimed.add(claimKey(pending.live.record.id, pending.index));
    pending.live.claimed++;
  };
  const unclaim = (lane: Lane, pending: Pending): void => {
    const { live: message } = pending;
    lane.claimed.delete(claimKey(message.record.id, pending.index));
    message.claimed--;
    if (message.claimed === 0) forget(message);
  };
  const forget = (message: Live): void => {
    if (message.body !== null) bodyBytes -= message.body.length;
    message.body = null;
    live.delete(message.record.id);
  };
  /** A message of the store in memory. Call only right after `store.flush()`: its numbers come from what was committed. */
  const wakeMessage = (record: MessageRecord): Live => {
    const known = live.get(record.id);
    if (known !== undefined) return known;
    const message: Live = {
      record,
      left: store.unfinished(record.id),
      claimed: 0,
      failed: store.failures(record.id).length > 0,
      held: false,
      removed: false,
      body: null,
    };
    live.set(record.id, message);
    return message;
  };

  // ---- from the store into memory

  /** Something at `dueMs` may lie before the cursor, or be the next thing due. */
  const notice = (lane: Lane, dueMs: number): void => {
    if (dueMs <= lane.cursor.dueAtMs) lane.cursor = { dueAtMs: dueMs - 1, id: 0, index: 0 };
    if (dueMs <= nowMs()) lane.more = true;
    else if (dueMs < lane.nextDueMs) {
      lane.nextDueMs = dueMs;
      arm(lane);
    }
  };
  const arm = (lane: Lane): void => {
    if (lane.timer !== null) clearTimeout(lane.timer);
    lane.timer = null;
    if (lane.nextDueMs === Number.POSITIVE_INFINITY) return;
    lane.timer = setTimeout(
      () => {
        lane.timer = null;
        lane.nextDueMs = Number.POSITIVE_INFINITY;
        lane.more = true;
        pump(lane);
      },
      Math.min(Math.max(lane.nextDueMs - nowMs(), 1), maxTimerMs),
    ).unref();
  };
  const load = (lane: Lane, row: DueRecipient, now: number): void => {
    if (lane.claimed.has(claimKey(row.message.id, row.index))) return;
    if (row.channel === "remote" && destinations.passOver(row.destination)) return;
    const pending: Pending = {
      live: wakeMessage(row.message),
      index: row.index,
      address: row.address,
      channel: row.channel,
      destination: row.destination,
      attempts: row.attempts,
      passStartedMs: now,
    };
    claim(lane, pending);
    lane.backlog.push(pending);
  };
  const refill = (lane: Lane): void => {
    lane.refilling = false;
    if (!lane.more || lane.backlog.length > backlogLow || limitOf(lane.channel) === 0) return;
    store.flush();
    const now = nowMs();
    const rows = store.due(lane.channel, now, lane.cursor, backlogPage);
    for (const row of rows) load(lane, row, now);
    const last = rows.at(-1);
    if (last !== undefined) lane.cursor = { dueAtMs: last.dueAtMs, id: last.message.id, index: last.index };
    if (rows.length < backlogPage) {
      lane.more = false;
      lane.nextDueMs = store.nextDue(lane.channel, now) ?? Number.POSITIVE_INFINITY;
      arm(lane);
    }
    pump(lane);
  };
  /** Recipients of a destination that were passed over come back when it has room. */
  const refillDestination = (lane: Lane, name: ByteString): void => {
    if (!destinations.wantsMore(name)) return;
    store.flush();
    const now = nowMs();
    for (const row of store.dueFor(name, now, 2 * backlogPage)) load(lane, row, now);
  };

  // ---- starting deliveries

  const takeNext = (lane: Lane): Pending | undefined => {
    for (;;) {
      lane.freshTurn = !lane.freshTurn;
      const pending = lane.freshTurn
        ? (lane.fresh.shift() ?? lane.backlog.shift())
        : (lane.backlog.shift() ?? lane.fresh.shift());
      if (pending === undefined) return undefined;
      if (pending.live.removed || pending.live.held) {
        unclaim(lane, pending);
        continue;
      }
      if (lane.channel === "local") return pending;
      const turn = destinations.take(pending);
      if (turn === "start") return pending;
      if (turn === "skipped") unclaim(lane, pending);
    }
  };
  const pump = (lane: Lane): void => {
    const limit = limitOf(lane.channel);
    while (lane.busy < limit) {
      const pending = takeNext(lane);
      if (pending === undefined) break;
      begin(lane, pending);
    }
    if (lane.more && !lane.refilling && lane.backlog.length <= backlogLow && limit > 0) {
      lane.refilling = true;
      setImmediate(refill, lane);
    }
  };
  const sourceOf = (message: Live): MessageSource => {
    const { record } = message;
    const whole = message.body ?? (record.sizeBytes <= inlineBytes ? store.read(record, 0, record.sizeBytes) : null);
    return {
      sizeBytes: record.sizeBytes,
      whole,
      read: async (offset, length) => store.read(record, offset, Math.min(length, record.sizeBytes - offset)),
    };
  };
  const begin = (lane: Lane, pending: Pending): void => {
    const { live: message } = pending;
    const { record } = message;
    lane.busy++;
    const delivery = ++deliveries;
    log(say.starting(delivery, record.id, lane.channel, pending.address));
    status();
    let source: MessageSource;
    try {
      source = sourceOf(message);
    } catch (error) {
      log(
        `warning: trouble reading mess/${record.id}; will try again later: ${error instanceof Error ? error.message : error}`,
      );
      ended(lane, pending, delivery, temporary("qmail-spawn unable to open message. (#4.3.0)\n"));
      return;
    }
    outlets[lane.channel]
      .deliver({
        queueId: record.id,
        bornAtMs: record.bornAtMs,
        index: pending.index,
        sender: expandVerp(record.sender, pending.address),
        recipient: pending.address,
        again: pending.attempts > 0 || store.isOld(record.id),
        message: source,
      })
      .then(
        (result) => ended(lane, pending, delivery, result),
        (error: unknown) => ended(lane, pending, delivery, temporary(`Internal error: ${error}. (#4.3.0)\n`)),
      );
  };

  // ---- ending them

  const ended = (lane: Lane, pending: Pending, delivery: number, result: CourierResult): void => {
    const { live: message } = pending;
    const key = claimKey(message.record.id, pending.index);
    lane.busy--;
    const outcome = judge(pending, result);
    if (result === "mangled") log(say.mangled(delivery));
    else log(say.ended(delivery, outcome.fate, outcome.text));
    status();
    counts.deliveries[lane.channel][outcome.fate]++;
    if (result === "lost") losses.set(key, (losses.get(key) ?? 0) + 1);
    else losses.delete(key);
    settle(lane, pending, outcome, result === "lost" && (losses.get(key) ?? 0) <= maxLosses);
    if (lane.channel === "remote") {
      for (const next of destinations.release(pending.destination, outcome.scope === "host")) startParked(lane, next);
      refillDestination(lane, pending.destination);
    }
    pump(lane);
    if (exiting && lanes.local.busy + lanes.remote.busy === 0) idle?.();
  };
  /** A parked recipient has its destination's slot; it still needs one of the channel. */
  const startParked = (lane: Lane, pending: Pending): void => {
    const isGone = pending.live.removed || pending.live.held;
    if (!isGone && lane.busy < limitOf(lane.channel)) {
      begin(lane, pending);
      return;
    }
    destinations.cancel(pending.destination);
    if (isGone) unclaim(lane, pending);
    else lane.backlog.push(pending);
  };
  /** The outcome that counts: in the last pass soft is hard; a courier that is lost or talks nonsense is soft. */
  const judge = (pending: Pending, result: CourierResult): Outcome => {
    if (result === "lost") return temporary(lostText[pending.channel]);
    if (result === "mangled") return temporary("report mangled\n");
    const last = isLastPass(pending.live.record.agedFromMs, pending.passStartedMs, house.lifetimeSeconds);
    if (result.fate !== "temporary" || !last) return result;
    return { fate: "permanent", text: `${result.text}${gaveUp}` };
  };
  const settle = (lane: Lane, pending: Pending, outcome: Outcome, atOnce: boolean): void => {
    const { live: message } = pending;
    const { record } = message;
    lane.claimed.delete(claimKey(record.id, pending.index));
    message.claimed--;
    if (message.removed) {
      if (message.claimed === 0) forget(message);
      return;
    }
    if (outcome.fate === "temporary") {
      const triedAtMs = nowMs();
      const dueAtMs = atOnce
        ? triedAtMs + lostPauseMs
        : Math.max(nextRetryMs(lane.channel, record.agedFromMs, pending.passStartedMs), triedAtMs + lostPauseMs);
      store.mark(record.id, pending.index, { kind: "later", report: outcome.text, dueAtMs, triedAtMs });
      notice(lane, dueAtMs);
    } else {
      message.left--;
      if (outcome.fate === "permanent") message.failed = true;
      if (message.left > 0 || message.failed) {
        const kind = outcome.fate === "done" ? "done" : "failed";
        store.mark(record.id, pending.index, { kind, report: outcome.text });
      }
    }
    if (message.left === 0) finish(message);
    else if (message.claimed === 0) forget(message);
  };
  const finish = (message: Live): void => {
    forget(message);
    if (message.failed) {
      void finishWithBounce(message.record);
      return;
    }
    close(message.record, null);
  };
  const close = (record: MessageRecord, bounceId: number | null): void => {
    if (bounceId === null) store.finish(record);
    else log(say.bounce(record.id, bounceId));
    log(say.end(record.id));
    counts.finished++;
  };
  const finishWithBounce = async (record: MessageRecord): Promise<void> => {
    const tryLater = (error: unknown): void => {
      log("warning: trouble injecting bounce message, will try later");
      log(`warning: bounce of msg ${record.id}: ${error instanceof Error ? error.message : error}`);
      setTimeout(() => void finishWithBounce(record), bouncePauseMs).unref();
    };
    try {
      store.flush();
      const bounce = await house.composeBounce(record);
      if (bounce === null) {
        log(say.triple(record.id));
        return close(record, null);
      }
      store.finishWithBounce(record, bounce.message, (error) => {
        if (error !== null) return tryLater(error);
        close(record, bounce.message.id);
        counts.bounced++;
        adopt(bounce.message, bounce.uid);
      });
    } catch (error) {
      tryLater(error);
    }
  };

  // ---- messages

  const adopt = (message: NewMessage, uid: number): void => {
    const size = message.body.kind === "bytes" ? message.body.bytes.length : message.body.sizeBytes;
    counts.accepted++;
    counts.acceptedBytes += size;
    log(say.newMessage(message.id));
    log(say.info(message.id, size, message.sender, uid));
    const record = { ...message, agedFromMs: message.bornAtMs, sizeBytes: size };
    const entry: Live = {
      record: {
        id: record.id,
        bornAtMs: record.bornAtMs,
        agedFromMs: record.bornAtMs,
        sender: record.sender,
        sizeBytes: size,
      },
      left: message.recipients.length,
      claimed: 0,
      failed: false,
      held: false,
      removed: false,
      body: null,
    };
    if (message.recipients.length === 0) {
      finish(entry);
      return;
    }
    live.set(message.id, entry);
    if (message.body.kind === "bytes" && bodyBytes + size <= maxBodyBytes) {
      entry.body = message.body.bytes;
      bodyBytes += size;
    }
    const now = nowMs();
    for (const [index, to] of message.recipients.entries()) {
      const lane = lanes[to.channel];
      if (lane.fresh.length >= freshWindow) {
        notice(lane, message.bornAtMs);
        continue;
      }
      const pending: Pending = { live: entry, index, ...to, attempts: 0, passStartedMs: now };
      claim(lane, pending);
      lane.fresh.push(pending);
    }
    if (entry.claimed === 0) forget(entry);
    pump(lanes.local);
    pump(lanes.remote);
  };
  const wake = (): void => {
    pump(lanes.local);
    pump(lanes.remote);
  };
  const dueNow = (dueMs: number): void => {
    notice(lanes.local, dueMs);
    notice(lanes.remote, dueMs);
    wake();
  };
  const hurry = (): void => {
    const began = nowMs();
    const step = (): void => {
      const touched = store.hurry(began, hurryStep);
      dueNow(began);
      if (touched === hurryStep) setImmediate(step);
    };
    step();
  };
  /** An admin's change to one message that makes it due, with its record read again. */
  const change = (id: number, run: (now: number) => number): number => {
    const now = nowMs();
    const touched = run(now);
    const message = live.get(id);
    if (message !== undefined) message.record = store.message(id) ?? message.record;
    dueNow(now);
    return touched;
  };

  for (const lane of [lanes.local, lanes.remote]) lane.more = true;
  status();
  for (const record of store.finished()) finishStored(record);
  setImmediate(wake);

  function finishStored(record: MessageRecord): void {
    const message: Live = {
      record,
      left: 0,
      claimed: 0,
      failed: store.failures(record.id).length > 0,
      held: false,
      removed: false,
      body: null,
    };
    finish(message);
  }

  return {
    adopt,
    wake,
    hurry,
    hold(id) {
      const touched = store.hold(id);
      const message = live.get(id);
      if (message !== undefined) message.held = true;
      return touched;
    },
    release: (id) =>
      change(id, (now) => {
        const message = live.get(id);
        if (message !== undefined) message.held = false;
        return store.release(id, now);
      }),
    retry: (id) => change(id, (now) => store.retry(id, now)),
    expire: (id) => change(id, (now) => store.expire(id, now)),
    renew: (id) => change(id, (now) => store.renew(id, now)),
    remove(id) {
      const message = live.get(id);
      if (message !== undefined) message.removed = true;
      const touched = store.remove(id);
      if (touched > 0) log(say.end(id));
      return touched;
    },
    counts,
    inFlight: (channel) => lanes[channel].busy,
    async stop() {
      exiting = true;
      for (const lane of [lanes.local, lanes.remote]) if (lane.timer !== null) clearTimeout(lane.timer);
      status();
      if (lanes.local.busy + lanes.remote.busy > 0) {
        await new Promise<void>((done) => {
          idle = done;
        });
      }
      store.flush();
      log(say.exiting);
    },
  };
}

/** Messages up to this size go to the courier with the job. */
const inlineBytes = 128 * 1024;

function newLane(channel: Channel): Lane {
  return {
    channel,
    fresh: new Fifo(),
    backlog: new Fifo(),
    claimed: new Set(),
    busy: 0,
    freshTurn: false,
    cursor: start,
    more: true,
    refilling: false,
    nextDueMs: Number.POSITIVE_INFINITY,
    timer: null,
  };
}

/** The destination a routed recipient counts against: its domain on the remote channel, none on the local one. */
export function destinationOf(channel: Channel, address: Address): ByteString {
  return channel === "local" ? "" : domainOf(address).toLowerCase();
}
