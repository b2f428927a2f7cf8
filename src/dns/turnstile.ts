/** Lets at most `limit` tasks run at once; the others wait in order. Returns the task's own result or error. */
export function makeTurnstile(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (inside >= limit) await new Promise<void>((enter) => waiting.push(enter));
    else inside++;
    try {
      return await task();
    } finally {
      // The place is handed on, not given up, so that nobody slips in between.
      const next = waiting.shift();
      if (next === undefined) inside--;
      else next();
    }
  };
}
