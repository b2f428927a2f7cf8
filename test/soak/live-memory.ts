/**
 * What really lives in the services, as against what the collector has not bothered to give back: code that each of them loads first
 * (NODE_OPTIONS) collects when a signal comes and says in the log what is left.
 */
import { type House, until } from "../system/house.ts";

const source = `
process.on("SIGUSR2", () => {
  globalThis.gc(); globalThis.gc();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const line = "live memory " + [rss, heapUsed, external, arrayBuffers].join(" ") + "\\n";
  process.getBuiltinModule("node:fs").writeSync(1, line);
});`;

/** For the environment of a house. */
export const tellingMemory = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` } as const;

/** Bytes of one service after a full collection. */
export type LiveMemory = {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
};

/** Services that the environment reaches; workers get none. */
const telling = ["smtpd", "queue", "local", "remote", "pop3d"] as const;

/** Has each service collect and tell; by role. `pidsOf`: the processes of a role. */
export async function liveMemory(
  house: House,
  pidsOf: (role: string) => readonly number[],
): Promise<ReadonlyMap<string, LiveMemory>> {
  const found = new Map<string, LiveMemory>();
  for (const role of telling) {
    const [pid] = pidsOf(role);
    if (pid === undefined) continue;
    const told = (): RegExpMatchArray[] => [
      ...house.log(role).matchAll(/live memory ([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)$/gm),
    ];
    const before = told().length;
    process.kill(pid, "SIGUSR2");
    const line = await until(`${role} tells`, () => (told().length > before ? (told().at(-1) ?? null) : null));
    const [rss = 0, heapUsed = 0, external = 0, arrayBuffers = 0] = line.slice(1).map(Number);
    found.set(role, { rss, heapUsed, external, arrayBuffers });
  }
  return found;
}
