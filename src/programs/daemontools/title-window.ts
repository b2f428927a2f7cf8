/** Positions at the left that stay dots, however much is shown. */
const keptDots = 3;
/** A window smaller than this shows nothing. */
export const smallestWindow = 5;

/** What readproctitle shows: dots at first, and then the last bytes it read, moving in from the right (spec 4). */
export class TitleWindow {
  readonly #size: number;
  #shown: string;

  constructor(size: number) {
    this.#size = size;
    this.#shown = ".".repeat(size);
  }

  get text(): string {
    return this.#shown;
  }

  /** NULs are left out. What a terminal may not see is shown as `?`: a title is text. */
  take(bytes: Buffer): void {
    const text = bytes
      .toString("latin1")
      .replaceAll("\0", "")
      .replace(/[^\n\x20-\x7e]/g, "?");
    const moving = (this.#shown.slice(keptDots) + text).slice(-(this.#size - keptDots));
    this.#shown = ".".repeat(keptDots) + moving;
  }
}
