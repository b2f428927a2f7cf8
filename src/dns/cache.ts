/** Bounds of the cache. Bytes are our estimate of what an entry holds, strings at two bytes a character. */
const maxEntries = 50_000;
const maxBytes = 16 * 1024 * 1024;
/** What an entry costs beside its text: map slot, objects. */
const entryOverheadBytes = 200;

type Entry<T> = { readonly value: T; readonly expiresAtMs: number; readonly bytes: number };

/**
 * Answers remembered until they expire; the least recently used go when there are too many. Bounded in entries and bytes,
 * so that no peer can make us grow by making us look things up.
 */
export class AnswerCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;
  readonly #now: () => number;
  readonly #limits: { readonly entries: number; readonly bytes: number };

  constructor(now: () => number, limits = { entries: maxEntries, bytes: maxBytes }) {
    this.#now = now;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is remembered; undefined if nothing is, or no longer. */
  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#remove(key, entry);
    if (entry.expiresAtMs <= this.#now()) return undefined;
    this.#add(key, entry); // Last in the map's order: most recently used.
    return entry.value;
  }

  /** Remembers for `seconds` (nothing if 0). `textChars` is the length of the texts in `value`. */
  set(key: string, value: T, seconds: number, textChars: number): void {
    const old = this.#entries.get(key);
    if (old !== undefined) this.#remove(key, old);
    const bytes = entryOverheadBytes + 2 * (key.length + textChars);
    if (seconds <= 0 || bytes > this.#limits.bytes) return;
    this.#add(key, { value, expiresAtMs: this.#now() + seconds * 1000, bytes });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.entries && this.#bytes <= this.#limits.bytes) return;
      this.#remove(oldest, entry);
    }
  }

  #add(key: string, entry: Entry<T>): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #remove(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
