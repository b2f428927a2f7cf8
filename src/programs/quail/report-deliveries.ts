import { setTimeout as sleep } from "node:timers/promises";
import { readLogFile, readLogStream, type Window } from "#analyse";
import { deliveryFacts, enoughTextBytes, LineSplitter, LogFollower, Matcher } from "#analyse/live";
import { type ProgramCall, writeAll } from "#process";

/** How often a log that has nothing new is looked at. */
const lookMs = 250;
const maxOpen = 200_000;

/** Lines of JSON, one for each delivery that ended in the window. */
class DeliveryLines {
  #lines: string[] = [];
  #matcher: Matcher<number>;

  constructor(window: Window) {
    const listener = {
      delivered: (...facts: Parameters<typeof deliveryFacts>) => {
        const end = facts[3];
        if (end >= window.since && end <= window.until)
          this.#lines.push(`${JSON.stringify(deliveryFacts(...facts))}\n`);
      },
      finished: () => {},
    };
    this.#matcher = new Matcher<number>((stamp) => stamp.seconds, listener, { maxOpen, maxTextBytes: enoughTextBytes });
  }

  readonly sink = (bytes: Buffer, from: number, to: number): void => {
    this.#matcher.line(bytes, from, to);
  };

  /** What there is to put out, once. */
  take(): string {
    const text = this.#lines.join("");
    this.#lines = [];
    return text;
  }
}

/** `--deliveries`: a line of JSON for every delivery in these logs. */
export async function printDeliveries(
  call: ProgramCall,
  logs: readonly (readonly string[])[],
  window: Window,
): Promise<number> {
  for (const log of logs) {
    const deliveries = new DeliveryLines(window);
    let writing = Promise.resolve();
    const put = (): void => {
      const text = deliveries.take();
      if (text !== "") writing = writing.then(() => writeAll(call.stdout, text));
    };
    for (const path of log) {
      if (path === "-") await readLogStream(call.stdin, deliveries.sink, put);
      else await readLogFile(path, deliveries.sink, put);
      put();
      await writing;
    }
  }
  return 0;
}

/** `--follow`: the same for one log folder, and on as it grows, across rotations, until it is told to end. */
export async function followDeliveries(call: ProgramCall, folder: string, window: Window): Promise<number> {
  const { signal, stdout } = call;
  const deliveries = new DeliveryLines(window);
  const splitter = new LineSplitter(deliveries.sink);
  const follower = new LogFollower(folder, "oldest");
  try {
    while (!signal.aborted) {
      const bytes = follower.read();
      if (bytes !== null) splitter.push(bytes);
      const text = deliveries.take();
      if (text !== "") await writeAll(stdout, text);
      if (bytes === null) await sleep(lookMs, undefined, { signal }).catch(() => {}); // Told to end.
    }
    return 0;
  } finally {
    follower.close();
  }
}
