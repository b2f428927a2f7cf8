/*
 * Takes a classic on-disk queue in, message by message, without loss and without doubling:
 *
 *   1. both queues are locked;
 *   2. a queue that lies where ours will be (the home of qmail itself) is moved to queue/classic/, folder by folder, `mess` last:
 *      until that is done there is no queue.db, and `quail start` refuses;
 *   3. up to a hundred messages are read, large bodies copied and synced, and all of them committed with their marks;
 *   4. their files go to imported/, `mess` last.
 *
 * Killed anywhere, it is run again: what has a mark is only put aside, everything else is as it was.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
} from "node:fs";
import { join } from "node:path";
import { errorText, syncFileSystem } from "#files";
import { type Address, domainOf } from "#mail";
import {
  type Channel,
  largeBodyBytes,
  openTakeOver,
  prepareQueueFolder,
  type StoredBody,
  type TakenMessage,
  type TakenRecipient,
  type TakeOver,
} from "#queue";
import { type Routing, routeRecipient, stripVirtualPrefix } from "#users";
import {
  asideFolder,
  bodiless,
  bodyOf,
  type ClassicBody,
  type ClassicMessage,
  type ClassicName,
  classicFolders,
  classicNames,
  isClassicQueue,
  putAside,
  readClassic,
} from "./classic-queue.ts";
import { DamagedFile } from "./classic-records.ts";
import { ImportRefused } from "./import-refused.ts";
import { lockQueues } from "./queue-locks.ts";

/** Messages, and bytes of small bodies, that share a COMMIT. */
const batchMessages = 100;
const batchBytes = 8 * 1024 * 1024;
/** Large bodies are copied in pieces. */
const pieceBytes = 256 * 1024;
/** Troubles that are told one by one. */
const maxTroubles = 1_000;

/** What an import did, or (dry) would do. */
export type Imported = {
  /** Where the files lie that were taken over; null when nothing was put there. */
  readonly aside: string | null;
  messages: number;
  /** Taken over by an earlier run that broke off before it put their files aside. */
  earlier: number;
  /** Every recipient was done, and no bounce owed: nothing to take over. */
  finished: number;
  /** Bodies without an envelope: qmail-queue at work, or cut off. They stay. */
  unfinished: number;
  readonly recipients: { local: number; remote: number; done: number; failed: number };
  /** Messages that were left because their files are damaged, and why. */
  readonly troubles: { readonly id: string; readonly reason: string }[];
};

export type ImportChoices = {
  /** The folder with mess, info, todo... */
  readonly classic: string;
  readonly home: string;
  readonly routing: Routing;
  /** Look only. */
  readonly dry: boolean;
  /** Messages looked at, of how many. */
  readonly progress?: (done: number, all: number) => void;
  /** For tests that stop at every step. */
  readonly afterStep?: (step: string) => void;
};

const nothingYet = (aside: string | null): Imported => ({
  aside,
  messages: 0,
  earlier: 0,
  finished: 0,
  unfinished: 0,
  recipients: { local: 0, remote: 0, done: 0, failed: 0 },
  troubles: [],
});

/** Imports, or looks what there is to import. Throws ImportRefused, and what the disk says. */
export async function importQueue(choices: ImportChoices): Promise<Imported> {
  const { home, dry, afterStep = () => {} } = choices;
  const given = resolveQueue(choices.classic);
  const inPlace = existsSync(join(home, "queue")) && realpathSync(join(home, "queue")) === given;
  const moved = join(given, "classic");
  if (!isClassicQueue(given) && !(inPlace && existsSync(moved))) {
    throw new ImportRefused(`${choices.classic} is no classic queue (no mess and todo or info in it)`);
  }
  if (dry) return walk(inPlace && existsSync(moved) ? moved : given, choices, null);
  prepareQueueFolder(home);
  using _locks = lockQueues(given, home);
  refuseMixedQueue(home, inPlace);
  const queue = inPlace ? moveOutOfOurWay(given, moved, afterStep) : given;
  using store = await openTakeOver(home);
  refuseReadOnly(queue);
  afterStep("opened");
  const imported = await walk(queue, choices, store);
  await makeDurable(queue);
  return imported;
}

function resolveQueue(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new ImportRefused(`there is no folder ${path}`);
  }
}

/** Bodies without a database in a home that is not the one given are a third queue's: ours would sweep them away. */
function refuseMixedQueue(home: string, inPlace: boolean): void {
  const own = join(home, "queue");
  if (inPlace || existsSync(join(own, "queue.db"))) return;
  for (const _name of classicNames(own)) {
    throw new ImportRefused(`${own} is a classic queue itself; import that one first: quail import queue ${own}`);
  }
}

/** Files that were taken over must be put aside, or qmail-send could deliver them again: found out before anything is taken. */
function refuseReadOnly(queue: string): void {
  const check = (path: string): void => {
    try {
      accessSync(path, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new ImportRefused(`cannot move files out of ${path}: ${errorText(error)}`);
    }
  };
  check(queue);
  for (const folder of classicFolders) {
    if (!existsSync(join(queue, folder))) continue;
    check(join(queue, folder));
    const parts = readdirSync(join(queue, folder), { withFileTypes: true });
    for (const part of parts) if (part.isDirectory()) check(join(queue, folder, part.name));
  }
}

/** Step 2. Once queue.db is there it was done before, and the folders are ours. */
function moveOutOfOurWay(from: string, to: string, afterStep: (step: string) => void): string {
  if (existsSync(join(from, "queue.db"))) return to;
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const folder of classicFolders) {
    if (!existsSync(join(from, folder))) continue;
    renameSync(join(from, folder), join(to, folder));
    afterStep(`moved ${folder}`);
  }
  return to;
}

async function walk(queue: string, choices: ImportChoices, store: TakeOver | null): Promise<Imported> {
  const { progress = () => {}, afterStep = () => {} } = choices;
  const imported = nothingYet(store === null ? null : asideFolder(queue));
  const names = [...classicNames(queue)];
  let batch: (TakenMessage & { readonly name: ClassicName })[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (store === null || batch.length === 0) return;
    store.add(batch);
    afterStep("committed");
    for (const { name } of batch) putAside(queue, name, (folder) => afterStep(`put aside ${folder}`));
    batch = [];
    bytes = 0;
  };
  for (const [at, name] of names.entries()) {
    progress(at, names.length);
    const body = look(name, imported, () => bodyOf(queue, name));
    if (body === null) continue;
    if (store !== null && store.taken(body.mark) !== null) {
      putAside(queue, name);
      imported.earlier++;
      continue;
    }
    const found = look(name, imported, () => readClassic(queue, name));
    if (found === null) continue;
    if (found.state === "unfinished") {
      imported.unfinished++;
      continue;
    }
    const recipients = recipientsOf(found, choices.routing);
    if (!recipients.some(({ state }) => state !== "done")) {
      imported.finished++;
      if (store !== null) putAside(queue, name);
      continue;
    }
    count(imported, recipients);
    if (store === null) continue;
    const { bornAtMs, sender } = found;
    const id = store.nextId();
    const stored = await copyBody(body, id, store, afterStep);
    batch.push({ name, mark: body.mark, id, bornAtMs, sender, body: stored, recipients });
    bytes += stored.kind === "bytes" ? stored.bytes.length : 0;
    if (batch.length >= batchMessages || bytes >= batchBytes) flush();
  }
  flush();
  progress(names.length, names.length);
  for (const path of bodiless(queue)) trouble(imported, path, `${path} has no body in mess`);
  return imported;
}

/** Reads something of a message; null, and the trouble noted, if it is damaged. */
function look<T>({ id }: ClassicName, imported: Imported, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DamagedFile)) throw error;
    trouble(imported, id, error.message);
    return null;
  }
}

function trouble(imported: Imported, id: string, reason: string): void {
  if (imported.troubles.length < maxTroubles) imported.troubles.push({ id, reason });
}

function count(imported: Imported, recipients: readonly TakenRecipient[]): void {
  imported.messages++;
  for (const { state, channel } of recipients) imported.recipients[state === "pending" ? channel : state]++;
}

const destinationOf = (channel: Channel, address: Address): string =>
  channel === "local" ? "" : domainOf(address).toLowerCase();

/** A message's recipients as our queue keeps them. Failed ones come from bounce/ID; classic files call them done. */
function recipientsOf(message: Exclude<ClassicMessage, { state: "unfinished" }>, routing: Routing): TakenRecipient[] {
  if (message.state === "todo") {
    const dueAtMs = message.bornAtMs;
    return message.recipients.map((recipient) => {
      const { channel, address } = routeRecipient(recipient, routing);
      return { address, channel, destination: destinationOf(channel, address), state: "pending", dueAtMs, report: "" };
    });
  }
  const failures = [...message.failures];
  const routed = (["local", "remote"] as const).flatMap((channel) => {
    const { recipients, dueAtMs } = message.channels[channel];
    return recipients.map(({ address, isDone }): TakenRecipient => {
      const kept = { address, channel, destination: destinationOf(channel, address), dueAtMs };
      if (!isDone) return { ...kept, state: "pending", report: "" };
      // A bounce names recipients without the prefix of their virtual domain.
      const at = failures.findIndex(
        (one) => one.address === address || one.address === stripVirtualPrefix(address, routing),
      );
      const [failure] = at < 0 ? [] : failures.splice(at, 1);
      return failure === undefined
        ? { ...kept, state: "done", report: "" }
        : { ...kept, state: "failed", report: failure.report };
    });
  });
  // Those of a channel whose file is gone already, because all of it is finished.
  const gone = failures.map(({ address, report }): TakenRecipient => {
    return { address, channel: "local", destination: "", state: "failed", dueAtMs: message.bornAtMs, report };
  });
  return [...routed, ...gone];
}

/** S1 -> S3. */
async function copyBody(
  { path, sizeBytes }: ClassicBody,
  id: number,
  store: TakeOver,
  afterStep: (step: string) => void,
): Promise<StoredBody> {
  if (sizeBytes <= largeBodyBytes) return { kind: "bytes", bytes: readFileSync(path) };
  const file = store.createBody(id);
  const source = openSync(path, "r");
  try {
    let copied = 0;
    for (let got = 1; got > 0; copied += got) {
      const piece = Buffer.allocUnsafe(pieceBytes);
      got = readSync(source, piece, 0, pieceBytes, null);
      file.write(piece.subarray(0, got));
    }
    if (copied !== sizeBytes) throw new Error(`${path} changed while it was copied`);
    afterStep("body written");
    await file.seal();
    afterStep("body sealed");
    return { kind: "file", sizeBytes };
  } catch (error) {
    file.discard();
    throw error;
  } finally {
    closeSync(source);
  }
}

/** The renames are on disk before anyone hears that it is done. */
async function makeDurable(queue: string): Promise<void> {
  const fd = openSync(queue, "r");
  try {
    await syncFileSystem(fd);
  } finally {
    closeSync(fd);
  }
}
