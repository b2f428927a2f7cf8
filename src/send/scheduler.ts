import type { ByteString } from "#bytes";
import {
  type Address,
  type DeliveryJob,
  domainOf,
  expandVerp,
  type MessageSource,
  type Outcome,
  temporary,
} from "#mail";
import type { Channel, MessageRecord, NewMessage, QueueStore, Settled } from "#queue";
import type { CourierResult } from "./courier-link.ts";
import { type DelayNotices, delayWatch } from "./delay-watch.ts";
import { Destinations } from "./destinations.ts";
import { HandOvers } from "./hand-over.ts";
import { claimKey, type Live, LiveMessages, type Pending } from "./live.ts";
import { say } from "./log-lines.ts";
import { gaveUp, isLastPass, nextRetryMs } from "./retry.ts";
import { isGone, Window } from "./window.ts";

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
  /** How many senders are at the door. While they are few a message is stored before it is delivered: that is quicker for each of them. */
  readonly senders?: () => number;
  /** Senders hear that their message is late; without it they do not. */
  readonly delayNotices?: DelayNotices;
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
  /**
   * A complete message has come in. `answer` hears when it is durable, in the store or where it belongs (null), or why it is not; then
   * nothing of it is kept.
   */
  accept(message: NewMessage, uid: number, answer: Settled): void;
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

/** Pause before a recipient is tried again whose courier was lost, and before a bounce is tried again (spec 4.6: 123 s). */
const lostPauseMs = 1_000;
const maxLosses = 5;
const bouncePauseMs = 123_000;
/** Recipients made due per step of SIGALRM, so that no step holds up the rest. */
const hurryStep = 20_000;
/** From so many senders at a time on their messages are handed over: what that saves is time that others wait for. */
const manySenders = 20;
/** Messages up to this size go to the courier with the job. */
const inlineBytes = 128 * 1024;

const lostText = { local: "qmail-local crashed.\n", remote: "qmail-remote crashed.\n" } as const;
const channels = ["local", "remote"] as const;

/** Starts the scheduler on an open store: what is due is tried, what was finished but not forgotten is finished. */
export function startScheduler(house: SchedulerHouse): Scheduler {
  const { store, log, nowMs, outlets } = house;
  const live = new LiveMessages(store);
  const destinations = new Destinations(house.destinationConcurrency);
  const handOvers = new HandOvers({ store, nowMs, onRefused: (id) => saidEnd(id) });
  const windowOf = (channel: Channel): Window =>
    new Window(channel, { store, live, destinations, nowMs, onDue: () => pump(channel) });
  const windows: Readonly<Record<Channel, Window>> = { local: windowOf("local"), remote: windowOf("remote") };
  const busy: Record<Channel, number> = { local: 0, remote: 0 };
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
  /** How often in a row a recipient's courier was lost, by claim key. */
  const losses = new Map<string, number>();
  let deliveries = 0;
  let exiting = false;
  let idle: (() => void) | null = null;

  const limitOf = (channel: Channel): number =>
    exiting ? 0 : Math.min(house.concurrency[channel], outlets[channel].ceiling());
  const use = (channel: Channel): string => `${busy[channel]}/${house.concurrency[channel]}`;
  const status = (): void => log(say.status({ local: use("local"), remote: use("remote") }, exiting));

  /** Starts what can be started. */
  const pump = (channel: Channel): void => {
    const limit = limitOf(channel);
    while (busy[channel] < limit) {
      const pending = windows[channel].next();
      if (pending === undefined) break;
      const turn = channel === "local" ? "start" : destinations.take(pending);
      if (turn === "start") begin(pending);
      else if (turn === "skipped") windows[channel].letGo(pending);
    }
    if (limit > 0) windows[channel].refillSoon();
  };
  const wake = (): void => {
    for (const channel of channels) pump(channel);
  };

  const begin = (pending: Pending): void => {
    const { live: message, channel, address } = pending;
    const { record } = message;
    busy[channel]++;
    const delivery = ++deliveries;
    log(say.starting(delivery, record.id, channel, address));
    status();
    let source: MessageSource;
    try {
      source = sourceOf(message, store);
    } catch (error) {
      log(`warning: trouble reading mess/${record.id}; will try again later: ${reason(error)}`);
      ended(pending, delivery, temporary("qmail-spawn unable to open message. (#4.3.0)\n"));
      return;
    }
    const job = {
      queueId: record.id,
      bornAtMs: record.bornAtMs,
      index: pending.index,
      sender: expandVerp(record.sender, address),
      recipient: address,
      again: pending.attempts > 0 || store.isOld(record.id),
      awaited: message.unstored !== null,
      message: source,
    };
    outlets[channel].deliver(job).then(
      (result) => ended(pending, delivery, result),
      (error: unknown) => ended(pending, delivery, temporary(`Internal error: ${reason(error)}. (#4.3.0)\n`)),
    );
  };

  const ended = (pending: Pending, delivery: number, result: CourierResult): void => {
    const { channel, destination } = pending;
    busy[channel]--;
    const outcome = judge(pending, result, house.lifetimeSeconds);
    log(result === "mangled" ? say.mangled(delivery) : say.ended(delivery, outcome.fate, outcome.text));
    status();
    counts.deliveries[channel][outcome.fate]++;
    settle(pending, outcome, isLostForNow(pending, result));
    if (channel === "remote") {
      for (const next of destinations.release(destination, outcome.scope === "host")) startParked(next);
      windows.remote.refillDestination(destination);
    }
    pump(channel);
    if (exiting && busy.local + busy.remote === 0) idle?.();
  };
  /** A parked recipient has its destination's slot; it still needs one of the channel. */
  const startParked = (pending: Pending): void => {
    if (!isGone(pending) && busy.remote < limitOf("remote")) begin(pending);
    else {
      destinations.cancel(pending.destination);
      windows.remote.putBack(pending);
    }
  };
  /** Counts lost couriers; true while the delivery should be given out again at once instead of by the schedule. */
  const isLostForNow = (pending: Pending, result: CourierResult): boolean => {
    const key = claimKey(pending);
    const lost = result === "lost" ? (losses.get(key) ?? 0) + 1 : 0;
    if (lost === 0) losses.delete(key);
    else losses.set(key, lost);
    return lost > 0 && lost <= maxLosses;
  };

  /** What became of a recipient; of a message that is not stored only success needs no row. */
  const settle = (pending: Pending, outcome: Outcome, atOnce: boolean): void => {
    const { live: message } = pending;
    if (message.unstored === null) writeDown(pending, outcome, atOnce);
    else if (outcome.fate === "done" && handOvers.arrived(message)) {
      windows[pending.channel].letGo(pending);
      saidEnd(message.record.id);
    } else handOvers.store(message, () => writeDown(pending, outcome, atOnce));
  };
  /** Writes down what became of a recipient, and finishes its message if it was the last. */
  const writeDown = (pending: Pending, outcome: Outcome, atOnce: boolean): void => {
    const { live: message, channel } = pending;
    if (!message.removed && outcome.fate === "temporary") defer(pending, outcome, atOnce);
    else if (!message.removed) {
      message.left--;
      if (outcome.fate === "permanent") message.failed = true;
      // The last one's mark would be erased with the message; a bounce still needs to read it.
      if (message.left > 0 || message.failed) {
        const kind = outcome.fate === "done" ? "done" : "failed";
        store.mark(message.record.id, pending.index, { kind, report: outcome.text });
      }
    }
    windows[channel].letGo(pending);
    if (!message.removed && message.left === 0) finish(message);
    // A lost courier says nothing of the message, which is given out again at once.
    if (outcome.fate === "temporary" && !atOnce && !exiting && !message.removed) watchDelay(message.record);
  };
  const defer = (
    { live: { record }, channel, index, passStartedMs }: Pending,
    { text }: Outcome,
    atOnce: boolean,
  ): void => {
    const triedAtMs = nowMs();
    const soonest = triedAtMs + lostPauseMs;
    const dueAtMs = atOnce ? soonest : Math.max(nextRetryMs(channel, record.agedFromMs, passStartedMs), soonest);
    store.mark(record.id, index, { kind: "later", report: text, dueAtMs, triedAtMs });
    windows[channel].notice(dueAtMs);
  };

  const finish = ({ failed, record }: Pick<Live, "failed" | "record">): void => {
    if (failed) void finishWithBounce(record);
    else {
      store.finish(record);
      saidEnd(record.id);
    }
  };
  const saidEnd = (id: number): void => {
    log(say.end(id));
    counts.finished++;
  };
  const finishWithBounce = async (record: MessageRecord): Promise<void> => {
    const tryLater = (error: unknown): void => {
      log("warning: trouble injecting bounce message, will try later");
      log(`warning: bounce of msg ${record.id}: ${reason(error)}`);
      setTimeout(() => void finishWithBounce(record), bouncePauseMs).unref();
    };
    try {
      // The bounce is made from the marks: without all of them it would name too few recipients.
      if (!store.flush()) throw new Error("the disk refuses what became of the recipients");
      const bounce = await house.composeBounce(record);
      if (bounce === null) {
        log(say.triple(record.id));
        finish({ failed: false, record });
        return;
      }
      store.finishWithBounce(record, bounce.message, (error) => {
        if (error !== null) return tryLater(error);
        log(say.bounce(record.id, bounce.message.id));
        saidEnd(record.id);
        counts.bounced++;
        adopt(bounce.message, bounce.uid);
      });
    } catch (error) {
      tryLater(error);
    }
  };

  /** A message is ours from now on: its log lines, its place in memory. */
  const enter = (message: NewMessage, uid: number): Live => {
    const entry = live.add(message);
    const { record } = entry;
    counts.accepted++;
    counts.acceptedBytes += record.sizeBytes;
    log(say.newMessage(record.id));
    log(say.info(record.id, record.sizeBytes, record.sender, uid));
    return entry;
  };
  const offer = (entry: Live, { recipients }: NewMessage): void => {
    const now = nowMs();
    for (const [index, to] of recipients.entries()) {
      windows[to.channel].offer({ live: entry, index, ...to, attempts: 0, passStartedMs: now });
    }
    live.forgetUnclaimed(entry);
    wake();
  };
  const adopt = (message: NewMessage, uid: number): void => {
    const entry = enter(message, uid);
    offer(entry, message);
    if (message.recipients.length === 0) finish(entry);
  };
  const accept = (message: NewMessage, uid: number, answer: Settled): void => {
    const isFree = busy.local < limitOf("local") && windows.local.isIdle;
    const isCrowded = (house.senders?.() ?? manySenders) >= manySenders;
    if (!isFree || !isCrowded || !handOvers.suits(message)) {
      store.add(message, (error) => {
        if (error === null) adopt(message, uid);
        answer(error);
      });
      return;
    }
    const entry = enter(message, uid);
    handOvers.begin(entry, message, answer);
    offer(entry, message);
  };

  const watchDelay = delayWatch(house, adopt);

  const dueNow = (dueMs: number): void => {
    for (const channel of channels) windows[channel].notice(dueMs);
    wake();
  };
  const hurry = (): void => {
    const began = nowMs();
    const step = (): void => {
      const touched = store.hurry(began, nowMs(), hurryStep);
      dueNow(0); // From the beginning: what was due already may lie behind the cursor.
      if (touched === hurryStep) setImmediate(step);
    };
    step();
  };
  /** An admin's change to one message that makes it due. */
  const change = (id: number, run: (now: number) => number): number => {
    const now = nowMs();
    const touched = run(now);
    live.refresh(id);
    dueNow(now);
    return touched;
  };
  const flag = (id: number, flags: Partial<Pick<Live, "held" | "removed">>): void => {
    const message = live.get(id);
    // One that is not stored is not in the queue for anybody to see, nor to act on.
    if (message !== undefined && message.unstored === null) Object.assign(message, flags);
  };

  status();
  for (const record of store.finished()) finish({ record, failed: store.failures(record.id).length > 0 });
  setImmediate(wake);

  return {
    accept,
    adopt,
    wake,
    hurry,
    hold(id) {
      flag(id, { held: true });
      return store.hold(id);
    },
    release: (id) =>
      change(id, (now) => {
        flag(id, { held: false });
        return store.release(id, now);
      }),
    retry: (id) => change(id, (now) => store.retry(id, now)),
    expire: (id) => change(id, (now) => store.expire(id, now)),
    renew: (id) => change(id, (now) => store.renew(id, now)),
    remove(id) {
      flag(id, { removed: true });
      const touched = store.remove(id);
      if (touched > 0) log(say.end(id));
      return touched;
    },
    counts,
    inFlight: (channel) => busy[channel],
    async stop() {
      exiting = true;
      for (const channel of channels) windows[channel].stop();
      status();
      if (busy.local + busy.remote > 0) {
        await new Promise<void>((done) => {
          idle = done;
        });
      }
      store.flush();
      // What was handed over and then stored is written down in the turn after that.
      await new Promise((done) => setImmediate(done));
      store.flush();
      log(say.exiting);
    },
  };
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The outcome that counts: in the last pass soft is hard; a courier that is lost or talks nonsense is soft. */
function judge(pending: Pending, result: CourierResult, lifetimeSeconds: number): Outcome {
  if (result === "lost") return temporary(lostText[pending.channel]);
  if (result === "mangled") return temporary("report mangled\n");
  const last = isLastPass(pending.live.record.agedFromMs, pending.passStartedMs, lifetimeSeconds);
  return result.fate === "temporary" && last ? { fate: "permanent", text: `${result.text}${gaveUp}` } : result;
}

function sourceOf({ record, body, unstored }: Live, store: QueueStore): MessageSource {
  const { sizeBytes } = record;
  const unstoredBytes = unstored?.message.body.kind === "bytes" ? unstored.message.body.bytes : null;
  return {
    sizeBytes,
    whole: body ?? unstoredBytes ?? (sizeBytes <= inlineBytes ? store.read(record, 0, sizeBytes) : null),
    read: async (offset, length) => store.read(record, offset, Math.min(length, sizeBytes - offset)),
  };
}

/** The destination a routed recipient counts against: its domain on the remote channel, none on the local one. */
export function destinationOf(channel: Channel, address: Address): ByteString {
  return channel === "local" ? "" : domainOf(address).toLowerCase();
}
