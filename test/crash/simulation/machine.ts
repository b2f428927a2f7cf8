/**
 * The machine of a simulation: processes that can be killed, one clock, one loop that runs what is due. A process is a context
 * (AsyncLocalStorage): whatever its code started, timers and promises too, belongs to it and ends with it. Time is made up.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Random } from "../../corpus/random.ts";

/** A process of the simulated machine. */
export type Process = { readonly name: string; alive: boolean };

/** Thrown into code whose process has just died: it reaches nobody who is alive. */
export class Died extends Error {}

/** One for all: where it was thrown interests nobody, and to note that costs more than all the rest. */
const died = new Died();

type Task = {
  readonly dueMs: number;
  readonly order: number;
  readonly process: Process | null;
  readonly run: () => void;
};

const realImmediate = globalThis.setImmediate;

export class Machine {
  readonly #current = new AsyncLocalStorage<Process>();
  #tasks: Task[] = [];
  #order = 0;
  nowMs = 0;
  random: Random;
  /** Operations until the next crash; Infinity: none. */
  opsLeft = Number.POSITIVE_INFINITY;
  /** Which process the operations of which are counted; null: any. */
  victim: Process | null = null;
  /** What happens when the operations are used up; must kill the victim at least. */
  onCrash: () => void = () => {};
  /** What should never happen: an exception nobody caught. */
  readonly surprises: unknown[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  get process(): Process | undefined {
    return this.#current.getStore();
  }

  run<T>(process: Process, work: () => T): T {
    return this.#current.run(process, work);
  }

  /** Runs something later in a process, if it still lives. */
  post(process: Process | null, delayMs: number, run: () => void): Task {
    const task = { dueMs: this.nowMs + delayMs, order: ++this.#order, process, run };
    this.#tasks.push(task);
    return task;
  }

  cancel(task: Task): void {
    this.#tasks = this.#tasks.filter((one) => one !== task);
  }

  /** One operation on the disk begins: dies here if it is its time. `half` may do a part of it first. */
  operation(half?: () => void): void {
    const { process } = this;
    if (process === undefined) return;
    if (!process.alive) throw died;
    if (this.victim !== null && this.victim !== process) return;
    if (--this.opsLeft > 0) return;
    this.opsLeft = Number.POSITIVE_INFINITY;
    half?.();
    this.onCrash();
    if (!process.alive) throw died;
  }

  /** An operation off the loop: its effect comes some moments later, if its process lives until then. */
  later<T>(effect: () => T): Promise<T> {
    const { process } = this;
    return new Promise((resolve, reject) => {
      this.post(process ?? null, this.random.below(4), () => {
        try {
          this.operation();
          resolve(effect());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Runs the next task and all that follows from it at once; false if there is none before `untilMs`. */
  async step(untilMs: number): Promise<boolean> {
    let next: Task | undefined;
    for (const task of this.#tasks) {
      if (next === undefined || task.dueMs < next.dueMs || (task.dueMs === next.dueMs && task.order < next.order))
        next = task;
    }
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#tasks.splice(this.#tasks.indexOf(next), 1);
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    const { process, run } = next;
    if (process !== null && !process.alive) return true;
    try {
      if (process === null) run();
      else this.run(process, run);
    } catch (error) {
      this.note(error);
    }
    await new Promise<void>((done) => realImmediate(done));
    return true;
  }

  /** Forgets everything that was to be run. */
  clear(): void {
    this.#tasks = [];
  }

  note(error: unknown): void {
    if (!(error instanceof Died)) this.surprises.push(error);
  }
}

type Timer = { task: Task | null; unref(): Timer; ref(): Timer };

/** Puts the machine's clock in the place of the real one. Only for a process that does nothing else. */
export function takeOverTimers(machine: () => Machine): void {
  const timer = (delayMs: number, run: () => void): Timer => {
    const it: Timer = { task: null, unref: () => it, ref: () => it };
    it.task = machine().post(machine().process ?? null, delayMs, run);
    return it;
  };
  const cancel = (it: Timer | null | undefined): void => {
    if (it?.task != null) machine().cancel(it.task);
  };
  Object.assign(globalThis, {
    setTimeout: (run: () => void, ms = 0) => timer(Math.max(1, ms), run),
    setImmediate: (run: () => void) => timer(0, run),
    setInterval: () => {
      throw new Error("no part of the simulation may use setInterval");
    },
    clearTimeout: cancel,
    clearImmediate: cancel,
  });
}
