/**
 * One simulated life of a mail system: the real store, body files, scheduler and Maildir delivery on the simulated disk. Messages
 * come in, processes die, the power goes; at the end everything that was acknowledged must have arrived. Loaded after the hooks of
 * `run.ts`, which put the simulated disk under these rooms.
 */
import { Buffer } from "node:buffer";
import {
  type Address,
  type DeliveryJob,
  done,
  type Envelope,
  parseAddress,
  permanent,
  receivedByQueue,
  temporary,
} from "#mail";
import { DurableBatch, deliverToMaildir, maildirName } from "#mailbox";
import { mailDate } from "#message";
import {
  bodyGathering,
  largeBodyBytes,
  type MessageRecord,
  type NewMessage,
  openStore,
  prepareBodies,
  type QueueStore,
} from "#queue";
import { type CourierResult, destinationOf, owedBounce, type Scheduler, startScheduler } from "#send";
import { type Random, seededRandom } from "../../corpus/random.ts";
import type { Mutant, World } from "./boundary.ts";
import type { FileNode } from "./disk.ts";
import { Died, type Machine, type Process } from "./machine.ts";

const home = "/q";
const host = "sim.test";
const mailboxes = ["ann", "bob", "sender"] as const;
const maildirOf = (user: string): string => `/home/${user}/Maildir`;
/** A day after its birth a message is given up; the schedule of retries is qmail's. */
const lifetimeSeconds = 86_400;
/** Everything must have come to rest this long after the last crash, in simulated milliseconds. */
const restMs = 10 * 86_400_000;
/** Steps of the loop after which a simulation is stuck. */
const maxSteps = 20_000;

const bounceSettings = {
  bounceFrom: "MAILER-DAEMON",
  bounceHost: host,
  doubleBounceTo: address(`ann@${host}`),
  format: "qsbmf",
  maxCopyBytes: 10_000,
  subject: null,
  text: null,
} as const;

function address(text: string): Address {
  return parseAddress(text) ?? fail(`no address: ${text}`);
}

/** What must never be. */
class BrokenRule extends Error {}

function fail(what: string): never {
  throw new BrokenRule(what);
}

/** A message as its sender remembers it. */
type Sent = {
  readonly label: string;
  readonly bytes: Buffer;
  readonly recipients: readonly string[];
  isAcknowledged: boolean;
};

const bounceHead = "Return-Path: <>\n";
const messageHead = `Return-Path: <sender@${host}>\n`;

const filler = `${"x".repeat(99)}\n`;
const largeFiller = filler.repeat(Math.ceil(largeBodyBytes / filler.length));

export type Life = {
  readonly crashes: number;
  readonly steps: number;
  readonly acknowledged: number;
  readonly handedOver: number;
};

/** Lives one life; throws what went wrong. */
export async function live(seed: number, mutant: Mutant, world: World): Promise<Life> {
  const random = seededRandom(seed);
  const { machine } = world;
  machine.random = random;
  machine.clear();
  machine.nowMs = 1_700_000_000_000;
  machine.opsLeft = Number.POSITIVE_INFINITY;
  machine.victim = null;
  machine.surprises.length = 0;
  world.begin(mutant);
  world.disk.makeFolders(home);
  for (const user of mailboxes)
    for (const part of ["tmp", "new", "cur"]) world.disk.makeFolders(`${maildirOf(user)}/${part}`);
  world.disk.syncAll()(false);
  return new House(world, random).live();
}

class House {
  readonly #world: World;
  readonly #machine: Machine;
  readonly #random: Random;
  #queue: Process = { name: "queue", alive: false };
  #worker: Process = { name: "worker", alive: false };
  #store: QueueStore | null = null;
  #scheduler: Scheduler | null = null;
  #batch: DurableBatch | null = null;
  /** By the number the queue gave; a number that was never committed may be given again. */
  readonly #sent = new Map<number, Sent>();
  readonly #bounces = new Set<number>();
  readonly #acknowledged: Sent[] = [];
  /** Deliveries whose success the worker has reported: user/name. */
  readonly #reported = new Set<string>();
  /** Deliveries under way, for the queue to hear of when the worker is lost. */
  #waiting = new Set<() => void>();
  #label = 0;
  #handedOver = 0;
  /** The clock on the wall is wrong by so much; it jumps between crashes. */
  #clockErrorMs = 0;
  #steps = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#machine = world.machine;
    this.#random = random;
  }

  async live(): Promise<Life> {
    const crashes = 1 + this.#random.below(6);
    if (this.#random.below(3) === 0) this.#world.faults = { write: 40, sync: 60, commit: 60 };
    for (let crash = 0; crash < crashes; crash++) {
      this.#clockErrorMs = (this.#random.below(3) - 1) * 3_600_000;
      await this.#boot();
      this.#arrivals(1 + this.#random.below(3));
      await this.#untilCrash();
      this.#inspect();
    }
    this.#world.faults = { write: 0, sync: 0, commit: 0 };
    await this.#boot();
    await this.#rest();
    this.#judge();
    return { crashes, steps: this.#steps, acknowledged: this.#acknowledged.length, handedOver: this.#handedOver };
  }

  /** The supervisor: starts what does not run. */
  async #boot(): Promise<void> {
    if (!this.#worker.alive) {
      this.#worker = { name: "worker", alive: true };
      this.#batch = new DurableBatch(() => this.#world.sync("all").then(() => true), 5);
    }
    // A service that cannot start (its disk refuses) ends, and is started again.
    while (!this.#queue.alive) {
      const queue: Process = { name: "queue", alive: true };
      this.#queue = queue;
      let ready = false;
      this.#machine.post(queue, 0, () => {
        this.#openQueue().then(
          () => {
            ready = true;
          },
          (error: unknown) => {
            if (error instanceof BrokenRule) this.#machine.note(error);
            this.#kill(queue);
          },
        );
      });
      while (!ready && queue.alive) await this.#step(Number.POSITIVE_INFINITY);
    }
  }

  async #openQueue(): Promise<void> {
    await prepareBodies(home);
    const store = openStore(home, () => {});
    this.#checkBodies("after the start", false);
    const gather = bodyGathering(home, () => {});
    this.#gather = gather;
    this.#store = store;
    this.#scheduler = startScheduler({
      store,
      log: () => {},
      nowMs: () => this.#nowMs,
      concurrency: { local: 3, remote: 0 },
      destinationConcurrency: 1,
      lifetimeSeconds,
      outlets: {
        local: { ceiling: () => (this.#worker.alive ? 3 : 0), deliver: (job) => this.#hand(job) },
        remote: { ceiling: () => 0, deliver: async () => "lost" },
      },
      composeBounce: (record) => this.#composeBounce(record, store, gather),
    });
  }
  #gather: ReturnType<typeof bodyGathering> = () => fail("there is no queue");

  /** A client that speaks with the queue's door, as the queue service serves it. */
  #arrivals(count: number): void {
    for (let n = 0; n < count; n++) {
      this.#machine.post(
        this.#queue,
        this.#random.below(60),
        () => void this.#arrive().catch((error) => this.#machine.note(error)),
      );
    }
  }

  async #arrive(): Promise<void> {
    const store = this.#store ?? fail("no store");
    const nowMs = this.#nowMs;
    const id = store.nextId();
    const body = this.#gather(id);
    const received = receivedByQueue(id, { invoker: "network", uid: 1 }, mailDate(new Date(nowMs)));
    const label = `m${++this.#label}`;
    const isLarge = this.#random.below(8) === 0;
    const text = `Subject: ${label}\n\n${isLarge ? largeFiller : filler}end of ${label}\n`;
    const recipients = [
      "ann",
      ...(this.#random.below(2) === 0 ? ["bob"] : []),
      ...(this.#random.below(4) === 0 ? ["bad"] : []),
    ];
    const bytes = Buffer.from(received + text, "latin1");
    const sent: Sent = { label, bytes, recipients, isAcknowledged: false };
    this.#sent.set(id, sent);
    this.#bounces.delete(id);
    body.write(bytes.subarray(0, received.length));
    for (let at = received.length; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 64 * 1024);
      body.write(bytes.subarray(at, end));
      at = end;
      if (isLarge) await this.#pause();
    }
    const stored = await body.end();
    if (stored === null) return;
    const envelope: Envelope = {
      sender: address(`sender@${host}`),
      recipients: recipients.map((user) => address(`${user}@${host}`)),
    };
    const message: NewMessage = {
      id,
      bornAtMs: nowMs,
      sender: envelope.sender,
      body: stored,
      recipients: envelope.recipients.map(route),
    };
    const answer = (error: Error | null): void => {
      if (error !== null) return;
      // The client hears "K" now, if the queue still lives to say it.
      if (this.#machine.process?.alive !== true || sent.isAcknowledged) return;
      sent.isAcknowledged = true;
      this.#acknowledged.push(sent);
      if (store.message(id) === null) this.#handedOver++;
    };
    this.#scheduler?.accept(message, 1, answer);
    if (this.#world.mutant === "answers before it has arrived") answer(null);
  }

  #pause(): Promise<void> {
    return new Promise((go) => this.#machine.post(this.#machine.process ?? null, this.#random.below(5), go));
  }

  /** The line to the worker: a job there, a report back; "lost" when the worker dies. */
  #hand(job: Omit<DeliveryJob, "route">): Promise<CourierResult> {
    const queue = this.#machine.process ?? fail("nobody delivers");
    const worker = this.#worker;
    return new Promise((settle) => {
      const report = (result: CourierResult): void => {
        this.#waiting.delete(lost);
        this.#machine.post(queue, this.#random.below(3), () => settle(result));
      };
      const lost = (): void => report("lost");
      if (!worker.alive) return lost();
      this.#waiting.add(lost);
      this.#machine.post(worker, this.#random.below(3), () => {
        this.#deliver(job, queue).then(
          (result) => {
            if (worker.alive) report(result);
          },
          (error: unknown) => this.#machine.note(error),
        );
      });
    });
  }

  async #deliver(job: Omit<DeliveryJob, "route">, queue: Process): Promise<CourierResult> {
    const [user = ""] = job.recipient.split("@");
    if (user === "bad") return permanent("Sorry, no mailbox here by that name. (#5.1.1)\n");
    if (this.#random.below(12) === 0) return temporary("Temporary error. (#4.3.0)\n");
    const name = maildirName(job, host);
    const read: DeliveryJob["message"]["read"] = (offset, length) =>
      queue.alive ? job.message.read(offset, length) : Promise.reject(new Error("the queue is gone"));
    const outcome = await deliverToMaildir(
      {
        directory: maildirOf(user),
        name,
        again: job.again,
        awaited: job.awaited,
        head: Buffer.from(`Return-Path: <${job.sender}>\n`),
        message: { ...job.message, read },
      },
      { batch: this.#batch ?? fail("no batch"), complain: () => {} },
    );
    if (outcome.fate === "done" && this.#machine.process?.alive === true) this.#reported.add(`${user}/${name}`);
    return outcome.fate === "done" ? done() : outcome;
  }

  async #composeBounce(record: MessageRecord, store: QueueStore, gather: ReturnType<typeof bodyGathering>) {
    const id = store.nextId();
    this.#sent.delete(id);
    this.#bounces.add(id);
    const nowMs = this.#nowMs;
    const bounce = owedBounce(record, store.failures(record.id), bounceSettings, {
      id,
      origin: { invoker: "bounce", uid: 0 },
      now: new Date(nowMs),
      read: (offset, length) => store.read(record, offset, length),
      shown: (recipient) => recipient,
    });
    if (bounce === null) return null;
    const body = gather(id);
    body.write(bounce.head);
    body.write(store.read(record, 0, bounce.copyBytes));
    body.write(bounce.tail);
    const stored = await body.end();
    if (stored === null) throw new Error("unable to write the bounce");
    return {
      message: { id, bornAtMs: nowMs, sender: bounce.sender, body: stored, recipients: [route(bounce.recipient)] },
      uid: 0,
    };
  }

  get #nowMs(): number {
    return this.#machine.nowMs + this.#clockErrorMs;
  }

  async #step(untilMs: number): Promise<boolean> {
    if (++this.#steps > maxSteps) fail("it goes round in circles");
    const went = await this.#machine.step(untilMs);
    const [surprise] = this.#machine.surprises;
    if (surprise instanceof BrokenRule) throw surprise;
    if (surprise !== undefined) throw new Error("an exception that nobody caught", { cause: surprise });
    return went;
  }

  /** Lets it run until something dies: at some operation on the disk, or when all is at rest. */
  async #untilCrash(): Promise<void> {
    const kind = (["power", "power", "queue", "worker"] as const)[this.#random.below(4)] ?? "power";
    let crashed = false;
    const crash = (): void => {
      crashed = true;
      if (kind !== "worker") this.#kill(this.#queue);
      if (kind !== "queue") this.#kill(this.#worker);
      // Noted, not thrown: we are called from within the code under test, which may catch what it does not understand.
      try {
        this.#checkMaildirs(kind === "power" ? "after a kill" : `after the ${kind} died`);
        if (kind !== "power") return;
        this.#world.disk.powerCut(this.#random);
        this.#checkMaildirs("after a power cut");
      } catch (error) {
        this.#machine.note(error);
      }
    };
    this.#machine.victim = kind === "power" ? null : kind === "queue" ? this.#queue : this.#worker;
    this.#machine.opsLeft = 1 + this.#random.below(45);
    this.#machine.onCrash = crash;
    const until = this.#machine.nowMs + 5_000;
    while (!crashed && (await this.#step(until)));
    this.#machine.opsLeft = Number.POSITIVE_INFINITY;
    if (!crashed) crash();
  }

  #kill(process: Process): void {
    if (!process.alive) return;
    process.alive = false;
    if (process === this.#queue) {
      this.#world.loseTransaction();
      this.#waiting.clear();
    } else for (const lost of [...this.#waiting]) lost();
  }

  async #rest(): Promise<void> {
    const until = this.#machine.nowMs + restMs;
    const isEmpty = (): boolean => this.#world.rows("SELECT 1 FROM message").length === 0;
    for (;;) {
      let went = true;
      while (went && !(this.#store?.counts().messages === 0 && (this.#steps & 15) === 0 && isEmpty()))
        went = await this.#step(until);
      // What waits for the end of a turn: files of finished messages, the last reports; and what is on its way without being stored.
      const moment = this.#machine.nowMs + 60_000;
      while (await this.#step(moment));
      if (isEmpty()) return;
      if (!went) fail("messages are left in the queue");
    }
  }

  /** Between a crash and the next start. */
  #inspect(): void {
    if (!this.#queue.alive) this.#checkBodies("after a crash", true);
  }

  /** Rows and files agree as the table at the head of src/queue/store.ts says. */
  #checkBodies(when: string, mayHaveOrphans: boolean): void {
    const rows = new Map(
      this.#world.rows("SELECT id, size FROM message").map((row) => [Number(row.id), Number(row.size)]),
    );
    const small = new Set(this.#world.rows("SELECT message FROM body").map((row) => Number(row.message)));
    for (const id of small) if (!rows.has(id)) fail(`${when}: a body row without message ${id}`);
    for (const { message } of this.#world.rows("SELECT DISTINCT message FROM recipient"))
      if (!rows.has(Number(message))) fail(`${when}: recipients without message ${message}`);
    for (const [id, size] of rows) {
      const file = this.#world.disk.find(`${home}/queue/mess/${id % 23}/${id}`);
      const isLarge = size > largeBodyBytes;
      if (isLarge === small.has(id))
        fail(`${when}: message ${id} of ${size} bytes ${isLarge ? "is in a row" : "has no body"}`);
      if (!isLarge) continue;
      if (file?.kind !== "file") fail(`${when}: message ${id} is queued and its file is not there`);
      const known = this.#sent.get(id);
      if (known !== undefined && !this.#world.disk.holds(file, known.bytes))
        fail(`${when}: the file of message ${id} is not whole`);
    }
    if (!mayHaveOrphans)
      for (const id of this.#bodyFiles())
        if (!((rows.get(id) ?? 0) > largeBodyBytes)) fail(`${when}: file ${id} has no row`);
  }

  #bodyFiles(): readonly number[] {
    const mess = this.#world.disk.find(`${home}/queue/mess`);
    if (mess?.kind !== "folder") return [];
    return [...mess.entries.values()].flatMap((part) =>
      part.kind === "folder" ? [...part.entries.keys()].map(Number) : [],
    );
  }

  /** No reader may ever find half a message in `new/`, nor miss what was reported as delivered. */
  #checkMaildirs(when: string): void {
    for (const user of mailboxes) {
      const seen = new Set<string>();
      for (const [name, file] of this.#inNew(user)) {
        seen.add(name);
        if (!this.#isWhole(name, file)) fail(`${when}: half a message in new/ of ${user}: ${name}`);
      }
      for (const reported of this.#reported) {
        const [whose, name = ""] = reported.split("/");
        if (whose === user && !seen.has(name)) fail(`${when}: ${reported} was reported as delivered and is not there`);
      }
    }
  }

  /** The message a file of a Maildir holds; undefined for a bounce. */
  #sentAs(name: string): Sent | undefined {
    return this.#sent.get(idIn(name));
  }

  #isWhole(name: string, file: FileNode): boolean {
    const id = idIn(name);
    const { disk } = this.#world;
    if (this.#bounces.has(id)) {
      const bytes = disk.bytesOf(file);
      return bytes.toString("latin1", 0, 60).startsWith(bounceHead) && bytes.includes("Hi. This is the");
    }
    const sent = this.#sentAs(name) ?? fail(`nobody sent ${name}`);
    return disk.holds(file, sent.bytes, messageHead.length);
  }

  *#inNew(user: string): Generator<readonly [string, FileNode]> {
    const folder = this.#world.disk.find(`${maildirOf(user)}/new`);
    if (folder?.kind !== "folder") return fail("no new/");
    for (const [name, node] of folder.entries) if (node.kind === "file") yield [name, node];
  }

  /** The end: all that was acknowledged has arrived whole, and nothing is left over. */
  #judge(): void {
    this.#checkMaildirs("at the end");
    const { disk } = this.#world;
    const here = new Map(mailboxes.map((user) => [user, [...this.#inNew(user)].map(([, file]) => file)]));
    const bounces = (here.get("sender") ?? []).map((file) => disk.bytesOf(file).toString("latin1"));
    for (const sent of this.#acknowledged) {
      for (const to of sent.recipients) {
        const copies =
          to === "bad"
            ? bounces.filter((text) => text.includes(`<bad@${host}>`) && text.includes(`Subject: ${sent.label}\n`))
            : (here.get(to as "ann") ?? []).filter((file) => disk.holds(file, sent.bytes, messageHead.length));
        if (copies.length === 0) fail(`${sent.label} was acknowledged and never reached ${to}`);
        if (copies.length > 1) fail(`${sent.label} reached ${to} ${copies.length} times`);
      }
    }
    for (const user of mailboxes) {
      const tmp = this.#world.disk.find(`${maildirOf(user)}/tmp`);
      if (tmp?.kind !== "folder") continue;
      // A message that was handed over and whose sender was not answered is in nobody's care: its reader's broom takes it after 36 hours.
      const left = [...tmp.entries.keys()].filter((name) => this.#sentAs(name)?.isAcknowledged !== false);
      if (left.length > 0) fail(`left in tmp/ of ${user}: ${left}`);
    }
    const [file] = this.#bodyFiles();
    if (file !== undefined) fail(`file ${file} is left in queue/mess`);
  }
}

/** The queue's number in a Maildir name. */
const idIn = (name: string): number => Number(/Q([0-9]+)R/.exec(name)?.[1]);

function route(to: Address): NewMessage["recipients"][number] {
  return { address: to, channel: "local", destination: destinationOf("local", to) };
}

/** True for what code sees whose process has died. */
export const isDeath = (error: unknown): boolean => error instanceof Died;
