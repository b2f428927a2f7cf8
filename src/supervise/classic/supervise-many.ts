import { closeSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "#files";
import { identityOf } from "../directory/held-folder.ts";
import { Slot, type SlotParts } from "./slot.ts";

/** How often is looked for new directories, in milliseconds. */
const scanMs = 5_000;
/** As many services as the original has room for. */
const maxServices = 1_000;

/** What `superviseMany` is given. */
export type ScanParts = SlotParts & {
  /** Absolute. */
  readonly directory: string;
  /** Names in it that somebody else cares for. */
  readonly except?: (name: string) => boolean;
  /** A test may not want to wait. */
  readonly scanEveryMs?: number;
};

/** Services of one directory, at work. */
export type Supervision = {
  /** Looks for new directories now. */
  readonly look: () => Promise<void>;
  /** Names and process numbers (0: down), the service's and then its log's. */
  readonly services: () => readonly { readonly name: string; readonly pids: readonly number[] }[];
  /** Ends all, each service before its log; resolves when all have gone. */
  readonly stop: () => Promise<void>;
  /** Control bytes to every service and log. */
  readonly command: (bytes: string) => void;
  /** Lets everything go on without us. */
  readonly abandon: () => void;
};

/**
 * svscan and its supervises in one process: every directory in `directory` that does not begin with a dot is a service, `log` in it its
 * log. New ones are found within five seconds; what is removed is left to itself. A directory is the same under another name (spec 4).
 */
export async function superviseMany(parts: ScanParts): Promise<Supervision> {
  const { directory, say, except = () => false, scanEveryMs = scanMs } = parts;
  const slots = new Map<string, Slot>();
  let stopping = false;
  let looking: Promise<void> | null = null;

  const slotFor = (name: string, path: string, identity: string): Slot | null => {
    const known = slots.get(identity);
    if (known !== undefined) return known;
    if (slots.size >= maxServices) {
      say(`svscan: warning: unable to start ${name}: running too many services`);
      return null;
    }
    const slot = Slot.make(parts, name, path, identity);
    if (slot !== null) slots.set(identity, slot);
    return slot;
  };

  const scan = async (): Promise<void> => {
    const seen = new Set<string>();
    for (const name of namesIn(directory, say)) {
      if (stopping) return;
      const path = join(directory, name);
      const stat = name.startsWith(".") || except(name) ? null : statOf(name, path, say);
      if (!stat?.isDirectory()) continue;
      const slot = slotFor(name, path, identityOf(stat));
      if (slot === null) continue;
      seen.add(slot.identity);
      await slot.fill(name, path);
    }
    for (const slot of slots.values()) {
      if (seen.has(slot.identity) || !slot.isEmpty) continue;
      slots.delete(slot.identity);
      slot.close(closeSync);
    }
  };

  const look = (): Promise<void> => {
    looking ??= (stopping ? Promise.resolve() : scan()).finally(() => (looking = null));
    return looking;
  };

  const timer = setInterval(() => void look(), scanEveryMs);
  await look();
  return {
    look,
    services: () => [...slots.values()].map(({ name, pids }) => ({ name, pids })),
    async stop() {
      stopping = true;
      clearInterval(timer);
      await looking;
      await Promise.all([...slots.values()].map((slot) => slot.stop()));
      for (const slot of slots.values()) slot.close(closeSync);
      slots.clear();
    },
    command(bytes) {
      for (const slot of slots.values()) slot.command(bytes);
    },
    abandon() {
      stopping = true;
      clearInterval(timer);
      for (const slot of slots.values()) slot.abandon();
    },
  };
}

function namesIn(directory: string, say: (line: string) => void): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    say(`svscan: warning: unable to read directory ${directory}: ${errorText(error)}`);
    return [];
  }
}

function statOf(name: string, path: string, say: (line: string) => void): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    say(`svscan: warning: unable to stat ${name}: ${errorText(error)}`);
    return null;
  }
}
