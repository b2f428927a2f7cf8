/**
 * One at a time per key, in the order of arrival. `take` resolves with the call that lets the next one through, or with null
 * when the turn did not come within `limitMs` (the place in the row is then given up).
 */
export class Turnstile {
  readonly #tails = new Map<string, Promise<void>>();

  async take(key: string, limitMs: number): Promise<(() => void) | null> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    let leave: () => void = () => {};
    const left = new Promise<void>((done) => {
      leave = done;
    });
    const tail = before.then(() => left);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    if (await inTime(before, limitMs)) return leave;
    leave();
    return null;
  }
}

async function inTime(event: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), limitMs);
  });
  try {
    return await Promise.race([event.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
