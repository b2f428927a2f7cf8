import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, type Stats } from "node:fs";
import { join } from "node:path";
import { errorCode } from "#files";
import type { Address, ReversePath } from "#mail";
import {
  type ChannelRecipient,
  DamagedFile,
  parseBounce,
  parseChannel,
  parseInfo,
  parseTodo,
  type RecordedFailure,
} from "./classic-records.ts";

/**
 * The folders of a classic queue, in the order in which a message's files are put aside: `mess` comes last, because by it a
 * message is known again.
 */
export const classicFolders = ["todo", "intd", "info", "local", "remote", "bounce", "mess"] as const;
type ClassicFolder = (typeof classicFolders)[number];

/** A message of a classic queue: its body is `mess/SPLIT/ID`. */
export type ClassicName = { readonly split: string; readonly id: string };

/** A body in mess. */
export type ClassicBody = {
  readonly path: string;
  readonly sizeBytes: number;
  /** Names the message for good: number, time of its body to the nanosecond, size. */
  readonly mark: string;
};

/** What a message's other files say. `todo`: not preprocessed, recipients are not routed yet. */
export type ClassicMessage =
  | {
      readonly state: "todo";
      readonly bornAtMs: number;
      readonly sender: ReversePath;
      readonly recipients: readonly Address[];
    }
  | {
      readonly state: "preprocessed";
      readonly bornAtMs: number;
      readonly sender: ReversePath;
      readonly channels: Readonly<Record<"local" | "remote", ClassicChannel>>;
      readonly failures: readonly RecordedFailure[];
    }
  /** No envelope: qmail-queue is at work on it, or was cut off. */
  | { readonly state: "unfinished" };

/** local/ID or remote/ID; when its next attempt is due, Unix milliseconds. */
export type ClassicChannel = { readonly recipients: readonly ChannelRecipient[]; readonly dueAtMs: number };

const isNumber = (name: string): boolean => /^[0-9]{1,20}$/.test(name);

function entries(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** True if a folder looks like a classic queue. */
export function isClassicQueue(queue: string): boolean {
  return existsSync(join(queue, "mess")) && (existsSync(join(queue, "todo")) || existsSync(join(queue, "info")));
}

/** Every message there is a body of, folder by folder. The hash may be any number, or none. */
export function* classicNames(queue: string): Generator<ClassicName> {
  for (const split of entries(join(queue, "mess"))) {
    if (!isNumber(split)) continue;
    for (const id of entries(join(queue, "mess", split))) if (isNumber(id)) yield { split, id };
  }
}

/** Envelopes whose body is missing, as paths within the queue: damage. */
export function* bodiless(queue: string): Generator<string> {
  for (const folder of ["info", "todo"] as const) {
    for (const name of entries(join(queue, folder))) {
      const path = join(queue, folder, name);
      if (!isNumber(name)) continue;
      // todo is flat, or split as mess is (big-todo): a name is a message or a folder of messages.
      const ids = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ? entries(path) : null;
      for (const id of ids ?? [name]) {
        const where = ids === null ? [folder, id] : [folder, name, id];
        if (isNumber(id) && !hasBody(queue, ids === null ? null : name, id)) yield where.join("/");
      }
    }
  }
}

function hasBody(queue: string, split: string | null, id: string): boolean {
  const splits = split === null ? entries(join(queue, "mess")) : [split];
  return splits.some((each) => existsSync(join(queue, "mess", each, id)));
}

/** Null also when a part of the path is a file: message 7 of a flat folder is where the split folder 7 would be. */
function statIfThere(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") return null;
    throw error;
  }
}

/** A file of a message, split as its body is or flat; null if it is not there. */
function find(queue: string, folder: ClassicFolder, { split, id }: ClassicName): { path: string; stat: Stats } | null {
  for (const path of [join(queue, folder, split, id), join(queue, folder, id)]) {
    const stat = statIfThere(path);
    if (stat?.isFile()) return { path, stat };
  }
  return null;
}

/** Reads what `parse` makes of a message's file; its name goes into the complaint. */
function read<T>(queue: string, path: string, parse: (bytes: Buffer) => T): T {
  try {
    return parse(readFileSync(path));
  } catch (error) {
    if (!(error instanceof DamagedFile)) throw error;
    throw new DamagedFile(`${path.slice(queue.length + 1)} ${error.message}`);
  }
}

const noChannel: ClassicChannel = { recipients: [], dueAtMs: 0 };

function readChannel(queue: string, channel: "local" | "remote", name: ClassicName): ClassicChannel {
  const file = find(queue, channel, name);
  if (file === null) return noChannel;
  return { recipients: read(queue, file.path, parseChannel), dueAtMs: Math.floor(file.stat.mtimeMs) };
}

/** Looks at a message's body. Null if it is gone by now. Throws DamagedFile. */
export function bodyOf(queue: string, { split, id }: ClassicName): ClassicBody | null {
  const path = join(queue, "mess", split, id);
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (!stat.isFile()) throw new DamagedFile(`mess/${split}/${id} is no file`);
  return { path, sizeBytes: Number(stat.size), mark: `${id} ${stat.mtimeNs} ${stat.size}` };
}

/** Reads what a message's other files say. Throws DamagedFile (file and reason), or what the system says. */
export function readClassic(queue: string, name: ClassicName): ClassicMessage {
  // While todo is there it decides; info, local and remote may be half written (spec 4.3).
  const todo = find(queue, "todo", name);
  if (todo !== null) {
    const bornAtMs = Math.floor(todo.stat.mtimeMs);
    return { state: "todo", bornAtMs, ...read(queue, todo.path, parseTodo) };
  }
  const info = find(queue, "info", name);
  if (info === null) return { state: "unfinished" };
  const bounce = find(queue, "bounce", name);
  return {
    state: "preprocessed",
    bornAtMs: Math.floor(info.stat.mtimeMs),
    sender: read(queue, info.path, parseInfo),
    channels: { local: readChannel(queue, "local", name), remote: readChannel(queue, "remote", name) },
    failures: bounce === null ? [] : read(queue, bounce.path, parseBounce),
  };
}

/** Where files go that were taken over. */
export const asideFolder = (queue: string): string => join(queue, "imported");

/** Moves a message's files to `imported/`, the body last. What is there already stays: it can be called again after a crash. */
export function putAside(queue: string, name: ClassicName, afterEach: (folder: string) => void = () => {}): void {
  for (const folder of classicFolders) {
    const file = find(queue, folder, name);
    if (file === null) continue;
    const target = join(asideFolder(queue), folder, name.split);
    mkdirSync(target, { recursive: true, mode: 0o700 });
    renameSync(file.path, join(target, name.id));
    afterEach(folder);
  }
}
